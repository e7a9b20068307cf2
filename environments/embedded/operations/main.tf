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
  region  = local.main_region
  profile = var.profile

  # Credentials of any other account end the run before anything is read or written.
  allowed_account_ids = [local.operations_account_id]

  default_tags {
    tags = local.tags
  }
}

# One provider and one module for each further region: customers.yaml can name these and the main one.
provider "aws" {
  alias  = "eu_west_1"
  region = "eu-west-1"

  profile             = var.profile
  allowed_account_ids = [local.operations_account_id]

  default_tags {
    tags = local.tags
  }
}

module "profiles" {
  source = "../../../modules/inference-profiles"

  partition             = local.partition
  operations_account_id = local.operations_account_id
  models                = local.models[local.main_region]

  cross_region_destinations = local.cross_region
}

module "profiles_eu_west_1" {
  source    = "../../../modules/inference-profiles"
  providers = { aws = aws.eu_west_1 }

  partition             = local.partition
  operations_account_id = local.operations_account_id
  models                = lookup(local.models_elsewhere, "eu-west-1", {})

  cross_region_destinations = local.cross_region
}

module "fleet" {
  source = "../../../modules/operations-role-fleet"

  partition             = local.partition
  operations_account_id = local.operations_account_id
  management_account_id = local.environment.organization.management_account_id
  customers             = local.customers
  external_ids          = var.external_ids
  previous_external_ids = var.previous_external_ids

  # Without an entry here a model whose id starts with that prefix is refused.
  cross_region_destinations = local.cross_region

  inference_profile_key_value = try(local.environment.operations.inference_profile_key, "application")

  # The main region last: it may be one of the further ones, which then has none of its own.
  inference_profiles = merge(
    { (module.profiles_eu_west_1.region) = module.profiles_eu_west_1.arns },
    { (module.profiles.region) = module.profiles.arns },
  )
}

locals {
  # Whose spending is limited in each region.
  limited = {
    for region, models in local.models : region => {
      for key in keys(models) : key => {
        fleet_role_name        = module.fleet.customers[key].fleet_role_name
        inference_profile_arns = values(module.fleet.customers[key].inference_profiles[region])
        limits                 = local.environment.customers[key].spend.limits
        on_limit               = try(local.environment.customers[key].spend.on_limit, "stop")
        # A budget is of no region: it is made beside the limits of one, whatever the order in which they are listed.
        monthly_budget_usd = region == sort(local.customers[key].regions)[0] ? try(local.environment.customers[key].spend.monthly_budget_usd, 0) : 0
      } if can(local.environment.customers[key].spend)
    }
  }
  limited_elsewhere = { for region, customers in local.limited : region => customers if region != local.main_region }
}

# Alarms are regional: limits count what is called in their region.
module "spend" {
  source = "../../../modules/spend-controls"

  partition             = local.partition
  operations_account_id = local.operations_account_id
  customers             = local.limited[local.main_region]
  alarm_topic_arns      = toset(try(local.environment.operations.alarm_topics[local.main_region], []))
  budget_emails         = toset(try(local.environment.operations.budget_emails, []))

  permissions_boundary_arn = local.boundary_arn
}

module "spend_eu_west_1" {
  source    = "../../../modules/spend-controls"
  providers = { aws = aws.eu_west_1 }

  partition             = local.partition
  operations_account_id = local.operations_account_id
  customers             = lookup(local.limited_elsewhere, "eu-west-1", {})
  alarm_topic_arns      = toset(try(local.environment.operations.alarm_topics["eu-west-1"], []))
  budget_emails         = toset(try(local.environment.operations.budget_emails, []))

  permissions_boundary_arn = local.boundary_arn
}
