# Keys of records and of prompts and answers, which two may change, and which an application under a name of its own
# writes with.

provider "aws" {
  region              = "eu-central-1"
  allowed_account_ids = ["444444444444"]
}

module "keys" {
  source = "../.."

  customer    = "initech"
  account_id  = "444444444444"
  partition   = "aws"
  owner_arns  = ["arn:aws:iam::444444444444:user/administrator", "arn:aws:iam::444444444444:role/security/custodian"]
  caller_role = "team/assistant"

  content                     = true
  legal_hold                  = false
  keep_on_destroy             = false
  key_deletion_window_in_days = 7

  tags = { "cost-center" = "assistant" }
}
