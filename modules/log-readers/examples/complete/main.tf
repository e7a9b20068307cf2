# An auditor reads records and content, and support read records for a day.

provider "aws" {
  region              = "eu-central-1"
  allowed_account_ids = ["222222222222"]
}

module "readers" {
  source = "../.."

  customer              = "acme"
  account_id            = "222222222222"
  operations_account_id = "111111111111"
  partition             = "aws"
  caller_role           = "team/assistant"

  reader = { principal_arns = ["arn:aws:iam::222222222222:role/auditor"], content = true }

  support_access = {
    case-4711 = {
      principal_arns = ["arn:aws:iam::888888888888:role/support/engineer"]
      granted_at     = "2026-01-12T08:00:00Z"
      expires_at     = "2026-01-13T08:00:00Z"
    }
  }

  permissions_boundary_arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"

  tags = { "cost-center" = "audit" }
}
