# With an account in which operators sign in, a pipeline that comes with a token, a customer whose records are held, one
# with an organization of its own, one that left while it was held, and stops of spending.

provider "aws" {
  region              = "us-east-1"
  allowed_account_ids = ["999999999999"]
}

module "guardrails" {
  source = "../.."

  partition             = "aws"
  name_prefix           = "bulkhead-example"
  operations_account_id = "111111111111"
  customers = {
    acme    = { accounts = ["222222222222", "222222222223"] }
    globex  = { accounts = ["333333333333"], legal_hold = true }
    initech = { accounts = ["666666666666"], own_organization = true }
  }
  # hooli left, and its records must be kept.
  held_account_ids = ["444444444444"]

  model_regions = ["eu-central-1", "eu-west-1", "eu-west-3", "eu-north-1"]

  trusted_account_ids = ["888888888888"]
  federated_role_arns = [
    "arn:aws:iam::111111111111:role/bulkhead/bulkhead-deploy",
    "arn:aws:iam::111111111111:role/aws-reserved/sso.amazonaws.com/*",
  ]

  deployer_arns      = ["arn:aws:iam::111111111111:role/bulkhead/bulkhead-deploy"]
  bootstrapper_arns  = ["arn:aws:iam::111111111111:role/OrganizationAccountAccessRole"]
  stop_executor_arns = ["arn:aws:iam::111111111111:role/bulkhead/bulkhead-reset"]
  stop_policy_arns   = ["arn:aws:iam::111111111111:policy/bulkhead/fleet/bulkhead-*-stop"]

  # No role for emergencies: with one, list it and whom to tell.
  break_glass_role_arns = []
  break_glass_emails    = []

  administrator_role_names = ["OrganizationAccountAccessRole"]
  allow_log_centralization = true

  tags = { "cost-center" = "platform" }
}
