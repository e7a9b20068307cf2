# A customer's account, read by a role of the account in which audits run.

provider "aws" {
  region              = "eu-central-1"
  allowed_account_ids = ["222222222222"]
}

module "audit" {
  source = "../.."

  account_id     = "222222222222"
  kind           = "customer"
  principal_arns = ["arn:aws:iam::888888888888:role/ci/audit"]
}
