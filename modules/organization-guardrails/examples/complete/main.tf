# With an account in which operators sign in, a pipeline that comes with a token, and a role for emergencies.

provider "aws" {
  region              = "us-east-1"
  allowed_account_ids = ["999999999999"]
}

module "guardrails" {
  source = "../.."

  partition             = "aws"
  name_prefix           = "bulkhead-example"
  operations_account_id = "111111111111"
  customer_account_ids  = ["222222222222", "222222222223", "333333333333"]
  model_regions         = ["eu-central-1", "eu-west-1", "eu-west-3", "eu-north-1"]

  trusted_account_ids = ["888888888888"]
  federated_role_arns = [
    "arn:aws:iam::111111111111:role/bulkhead/deploy",
    "arn:aws:iam::111111111111:role/aws-reserved/sso.amazonaws.com/*",
  ]
  break_glass_role_arns    = ["arn:aws:iam::111111111111:role/bulkhead/break-glass"]
  administrator_role_names = ["OrganizationAccountAccessRole"]
  allow_log_centralization = true

  tags = { "cost-center" = "platform" }
}
