# The deploy roles of one account of ../customers.yaml. Applied once per account by its owner, each with its own state,
# before the roots that those roles apply.

terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7"
    }
  }
}

provider "aws" {
  region  = local.environment.operations.region
  profile = var.profile

  # Credentials of any other account end the run before anything is read or written.
  allowed_account_ids = [var.account_id]

  default_tags {
    tags = {
      "bulkhead:environment" = "embedded"
      "bulkhead:root"        = "bootstrap"
    }
  }
}

module "bootstrap" {
  source = "../../../modules/account-bootstrap"

  account_id = var.account_id
  kind       = local.kinds[var.account_id].kind
  customer   = local.kinds[var.account_id].customer
  regions    = [local.environment.operations.region]

  # No CI here: whoever runs the harness becomes the roles.
  deploy_principal_arns = [var.owner_arn]
  plan_principal_arns   = [var.owner_arn]
}
