# A customer's account, deployed by GitHub Actions and by a project of GitLab, and by its owner where neither runs.

provider "aws" {
  region              = "eu-central-1"
  allowed_account_ids = ["222222222222"]
}

module "bootstrap" {
  source = "../.."

  partition  = "aws"
  account_id = "222222222222"
  kind       = "customer"
  customer   = "acme"
  # Everything that was written is kept until this is lifted.
  legal_hold  = true
  caller_role = "team/assistant"
  # The deploy role makes that role; false where it is there already.
  caller_is_made = true
  regions        = ["eu-central-1", "eu-west-1"]

  github = {
    repository         = "acme/infrastructure"
    deploy_environment = "deploy"
    plan_environment   = "plan"
  }
  gitlab = {
    project       = "acme/infrastructure"
    deploy_branch = "main"
    plan_branch   = "plan"
  }
  create_identity_providers = true

  deploy_principal_arns = ["arn:aws:iam::222222222222:role/owner"]
  plan_principal_arns   = ["arn:aws:iam::222222222222:role/owner"]

  tags = { "cost-center" = "assistant" }
}
