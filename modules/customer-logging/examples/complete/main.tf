# An account whose application runs on EC2, with a caller role under a name of its own.

provider "aws" {
  region              = "eu-central-1"
  allowed_account_ids = ["444444444444"]
}

module "logging" {
  source = "../.."

  customer       = "initech"
  account_id     = "444444444444"
  partition      = "aws"
  fleet_role_arn = "arn:aws:iam::111111111111:role/bulkhead/fleet/bulkhead-initech"
  caller         = { type = "ec2" }

  caller_role_path = "/team/"
  caller_role_name = "assistant"

  retention_in_days           = 731
  key_deletion_window_in_days = 7

  tags = { "cost-center" = "assistant" }
}
