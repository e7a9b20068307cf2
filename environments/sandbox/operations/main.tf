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
      "bulkhead:environment" = local.name
      "bulkhead:root"        = "operations"
    }
  }
}

module "fleet" {
  source = "../../../modules/operations-role-fleet"

  partition             = local.partition
  operations_account_id = local.operations_account_id
  external_ids          = var.external_ids

  customers = {
    for key, customer in local.environment.customers : key => {
      accounts = [for account in customer.accounts : { account_id = account.account_id }]
      models   = customer.models
    }
  }
}
