# The operations account and two customers' accounts; nobody else may become a role of operations.

provider "aws" {
  region              = "us-east-1"
  allowed_account_ids = ["999999999999"]
}

module "guardrails" {
  source = "../.."

  operations_account_id = "111111111111"
  customer_account_ids  = ["222222222222", "333333333333"]
  model_regions         = ["eu-central-1"]
}
