# The operations account and two customers; nobody else may become a role of operations.

provider "aws" {
  region              = "us-east-1"
  allowed_account_ids = ["999999999999"]
}

module "guardrails" {
  source = "../.."

  operations_account_id = "111111111111"
  customers = {
    acme   = { accounts = ["222222222222", "222222222223"] }
    globex = { accounts = ["333333333333"] }
  }
  model_regions     = ["eu-central-1"]
  deployer_arns     = ["arn:aws:iam::111111111111:role/bulkhead/bulkhead-deploy"]
  bootstrapper_arns = ["arn:aws:iam::111111111111:role/OrganizationAccountAccessRole"]
}
