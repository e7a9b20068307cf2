# An auditor reads records, masked.

provider "aws" {
  region              = "eu-central-1"
  allowed_account_ids = ["222222222222"]
}

module "readers" {
  source = "../.."

  customer              = "acme"
  account_id            = "222222222222"
  operations_account_id = "111111111111"
  reader                = { principal_arns = ["arn:aws:iam::222222222222:role/auditor"] }
}
