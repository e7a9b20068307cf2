# One account of one customer: log groups, keys, and the roles that write and read. Applied once per account, each with
# its own state.

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
      "bulkhead:environment" = local.name
      "bulkhead:root"        = "customer"
    }
  }
}

module "logging" {
  source = "../../../modules/customer-logging"

  partition      = local.partition
  customer       = var.customer
  account_id     = var.account_id
  fleet_role_arn = var.handover.fleet_role_arn
  caller         = { type = local.accounts[var.account_id].caller }

  content         = { enabled = local.content }
  owner_arns      = [local.administrator_arn]
  reader          = { principal_arns = [local.administrator_arn], content = local.content }
  support_access  = lookup(local.support_access, var.account_id, {})
  keep_on_destroy = try(local.environment.keep_records, false)
}
