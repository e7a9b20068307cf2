# The operations account: fleet roles and inference profiles for every customer of ../customers.yaml.

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
  allowed_account_ids = [local.operations_account_id]

  default_tags {
    tags = {
      "bulkhead:environment" = "embedded"
      "bulkhead:root"        = "operations"
    }
  }
}

module "fleet" {
  source = "../../../modules/operations-role-fleet"

  operations_account_id = local.operations_account_id
  external_ids          = var.external_ids

  customers = {
    for key, customer in local.environment.customers : key => {
      accounts = [for account in customer.accounts : { account_id = account.account_id }]
      models   = customer.models
    }
  }
}

module "spend" {
  source = "../../../modules/spend-controls"

  operations_account_id = local.operations_account_id

  customers = {
    for key, customer in local.environment.customers : key => {
      fleet_role_name        = module.fleet.customers[key].fleet_role_name
      inference_profile_arns = values(module.fleet.customers[key].inference_profiles)
      limits                 = customer.spend.limits
      on_limit               = try(customer.spend.on_limit, "stop")
    } if can(customer.spend)
  }
}
