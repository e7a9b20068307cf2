# The operations account, read every night by jobs of GitHub Actions and of GitLab, and by its owner.

provider "aws" {
  region              = "eu-central-1"
  allowed_account_ids = ["111111111111"]
}

module "audit" {
  source = "../.."

  partition      = "aws"
  account_id     = "111111111111"
  kind           = "operations"
  principal_arns = ["arn:aws:iam::111111111111:role/owner"]

  # Their identity providers are made with the roles that deploy, by account-bootstrap.
  github = {
    repository         = "acme/infrastructure"
    deploy_environment = "deploy"
    plan_environment   = "plan"
    audit_environment  = "audit"
  }
  gitlab = {
    project       = "acme/infrastructure"
    deploy_branch = "main"
    plan_branch   = "plan"
    audit_branch  = "audit"
  }

  tags = { "cost-center" = "assistant" }
}
