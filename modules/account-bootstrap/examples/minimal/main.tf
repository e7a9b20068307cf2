# The operations account, deployed by one role of a CI account and planned by another.

provider "aws" {
  region              = "eu-central-1"
  allowed_account_ids = ["111111111111"]
}

module "bootstrap" {
  source = "../.."

  account_id            = "111111111111"
  kind                  = "operations"
  regions               = ["eu-central-1"]
  deploy_principal_arns = ["arn:aws:iam::888888888888:role/ci/deploy"]
  plan_principal_arns   = ["arn:aws:iam::888888888888:role/ci/plan"]
}
