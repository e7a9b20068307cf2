# An account whose application runs on Lambda. In practice the account's owner applies the keys beforehand.

provider "aws" {
  region              = "eu-central-1"
  allowed_account_ids = ["222222222222"]
}

module "keys" {
  source = "../../../log-keys"

  customer   = "acme"
  account_id = "222222222222"
  owner_arns = ["arn:aws:iam::222222222222:user/administrator"]
}

module "logging" {
  source = "../.."

  customer       = "acme"
  account_id     = "222222222222"
  fleet_role_arn = "arn:aws:iam::111111111111:role/bulkhead/fleet/bulkhead-acme"
  caller         = { type = "lambda" }
  kms_key_arns   = { records = module.keys.kms_key_arns["records"] }
}
