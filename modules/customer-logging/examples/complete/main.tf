# An account whose application runs on EC2, with a caller role under a name of its own and a group for prompts and
# answers. In practice the account's owner applies the keys beforehand.

provider "aws" {
  region              = "eu-central-1"
  allowed_account_ids = ["444444444444"]
}

locals {
  owner = "arn:aws:iam::444444444444:user/administrator"
}

module "keys" {
  source = "../../../log-keys"

  customer    = "initech"
  account_id  = "444444444444"
  owner_arns  = [local.owner]
  caller_role = "team/assistant"
  content     = true
}

module "logging" {
  source = "../.."

  customer       = "initech"
  account_id     = "444444444444"
  partition      = "aws"
  fleet_role_arn = "arn:aws:iam::111111111111:role/bulkhead/fleet/bulkhead-initech"
  caller         = { type = "ec2" }

  caller_role_path         = "/team/"
  caller_role_name         = "assistant"
  permissions_boundary_arn = "arn:aws:iam::aws:policy/PowerUserAccess"

  kms_key_arns            = { records = module.keys.kms_key_arns["records"], content = module.keys.kms_key_arns["content"] }
  retention_in_days       = 731
  record_data_identifiers = ["EmailAddress", "AwsSecretKey"]
  content                 = { enabled = true, retention_in_days = 3 }
  legal_hold              = false
  keep_on_destroy         = false

  owner_arns = [local.owner]

  parameter_arns = [
    "arn:aws:ssm:eu-central-1:444444444444:parameter/bulkhead/initech/client/eu-central-1",
    "arn:aws:ssm:eu-central-1:444444444444:parameter/bulkhead/initech/external-id",
  ]

  alarms            = { tokens_per_hour = 5000000, action_arns = ["arn:aws:sns:eu-central-1:444444444444:assistant"] }
  dashboard_enabled = true

  tags = { "cost-center" = "assistant" }
}
