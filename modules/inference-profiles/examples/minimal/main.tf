# One customer's model in one region.

provider "aws" {
  region              = "eu-central-1"
  allowed_account_ids = ["111111111111"]
}

module "profiles" {
  source = "../.."

  operations_account_id = "111111111111"
  models                = { acme = ["amazon.nova-lite-v1:0"] }
}
