# The key of a customer's records, which its security team owns and applies.

provider "aws" {
  region              = "eu-central-1"
  allowed_account_ids = ["222222222222"]
}

module "keys" {
  source = "../.."

  customer   = "acme"
  account_id = "222222222222"
  owner_arns = ["arn:aws:iam::222222222222:user/administrator"]
}
