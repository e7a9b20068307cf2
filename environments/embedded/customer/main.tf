# One account of one customer: log groups, keys, the role that writes, and what applications have to know. Applied once
# per account, each with its own state. Who reads is the owner's part, in ../bootstrap.

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

  # What the client reads, which names the groups that it writes to.
  parameter_arns = module.configuration.readable_arns

  content         = { enabled = local.content }
  owner_arns      = [local.administrator_arn]
  keep_on_destroy = try(local.environment.keep_records, false)

  # The deploy role may make no role without it.
  permissions_boundary_arn = "arn:${local.partition}:iam::${var.account_id}:policy/bulkhead/bulkhead-boundary"
}

# One document for each Region that the customer calls models from: what an application has to know.
module "configuration" {
  source = "../../../modules/client-configuration"

  partition             = local.partition
  customer              = var.customer
  account_id            = var.account_id
  fleet_role_arn        = var.handover.fleet_role_arn
  external_id_parameter = var.handover.external_id_parameter
  inference_profiles    = var.handover.inference_profiles
  log_group_arn         = module.logging.log_group_arn
  content_log_group_arn = try(module.logging.content.log_group_arn, "")
  metrics_namespace     = module.logging.metrics.namespace
  quotas                = try(local.environment.customers[var.customer].quotas, {})
}
