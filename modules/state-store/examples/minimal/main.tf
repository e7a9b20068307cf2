# The states of an environment whose roots are applied by the owner of the account where they lie.

provider "aws" {
  region              = "eu-central-1"
  allowed_account_ids = ["888888888888"]
}

module "states" {
  source = "../.."

  account_id           = "888888888888"
  environment          = "production"
  owner_arns           = ["arn:aws:iam::888888888888:user/administrator"]
  deployed_account_ids = ["999999999999", "111111111111", "222222222222"]
}
