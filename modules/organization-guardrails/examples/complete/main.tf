# With a customer in an organization of its own, an account in which operators sign in, a pipeline that comes with a
# token, a stop of spending, and a role for emergencies.

provider "aws" {
  region              = "us-east-1"
  allowed_account_ids = ["999999999999"]
}

module "guardrails" {
  source = "../.."

  partition             = "aws"
  name_prefix           = "bulkhead-example"
  operations_account_id = "111111111111"
  model_regions         = ["eu-central-1", "eu-west-1", "eu-west-3", "eu-north-1"]

  customers = {
    acme    = { accounts = ["222222222222", "222222222223"] }
    globex  = { accounts = ["333333333333"] }
    initech = { accounts = ["666666666666"], own_organization = true }
  }

  deployer_arns     = ["arn:aws:iam::111111111111:role/bulkhead/bulkhead-deploy"]
  bootstrapper_arns = ["arn:aws:iam::111111111111:role/bulkhead/bulkhead-bootstrap"]

  trusted_account_ids = ["888888888888"]
  federated_role_arns = [
    "arn:aws:iam::111111111111:role/bulkhead/bulkhead-deploy",
    "arn:aws:iam::111111111111:role/aws-reserved/sso.amazonaws.com/*",
  ]
  stop_executor_arns       = ["arn:aws:iam::111111111111:role/bulkhead/bulkhead-spend-executor"]
  stop_policy_arns         = ["arn:aws:iam::111111111111:policy/bulkhead/bulkhead-stop"]
  break_glass_role_arns    = ["arn:aws:iam::111111111111:role/bulkhead/break-glass"]
  break_glass_emails       = ["security@example.com"]
  administrator_role_names = ["OrganizationAccountAccessRole"]
  allow_log_centralization = true

  tags = { "cost-center" = "platform" }
}
