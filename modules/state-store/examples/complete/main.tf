# The states of an environment that CI deploys, and of which one team applies customers' roots alone.

provider "aws" {
  region              = "eu-central-1"
  allowed_account_ids = ["888888888888"]
}

module "states" {
  source = "../.."

  partition            = "aws"
  account_id           = "888888888888"
  environment          = "sandbox"
  owner_arns           = ["arn:aws:iam::888888888888:user/administrator"]
  deployed_account_ids = ["999999999999", "111111111111", "222222222222"]

  deploy_principal_arns = { customer = ["arn:aws:iam::666666666666:role/onboarding/apply"] }
  plan_principal_arns   = { customer = ["arn:aws:iam::666666666666:role/onboarding/plan"] }

  github = {
    repository         = "acme/infrastructure"
    deploy_environment = "sandbox"
    plan_environment   = "sandbox-plan"
  }
  gitlab = {
    url           = "https://gitlab.example.com"
    project       = "acme/infrastructure"
    deploy_branch = "main"
    plan_branch   = "plan"
  }
  create_identity_providers = true

  bucket_prefix      = "acme-bulkhead-state"
  former_states_days = 30
  force_destroy      = true

  tags = { "cost-center" = "platform" }
}
