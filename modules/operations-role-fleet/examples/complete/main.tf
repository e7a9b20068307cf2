# Two customers: one with two accounts, a caller role of its own making and two regions, one whose model
# runs in several regions through a cross-region profile.

provider "aws" {
  region              = "eu-central-1"
  allowed_account_ids = ["111111111111"]
}

provider "aws" {
  alias               = "eu_west_1"
  region              = "eu-west-1"
  allowed_account_ids = ["111111111111"]
}

locals {
  customers = {
    acme = {
      accounts = [
        { account_id = "222222222222" },
        { account_id = "222222222223", caller_roles = ["team/assistant"] },
      ]
      models  = ["anthropic.claude-3-5-sonnet-20240620-v1:0", "amazon.nova-lite-v1:0"]
      regions = ["eu-central-1", "eu-west-1"]
    }
    globex = {
      accounts = [{ account_id = "333333333333" }]
      models   = ["eu.amazon.nova-lite-v1:0"]
      regions  = ["eu-central-1"]
    }
  }
  tags = { "cost-center" = "platform" }

  # All that AWS says of the profile (aws bedrock get-inference-profile).
  destinations = { eu = ["eu-central-1", "eu-north-1", "eu-west-1", "eu-west-3"] }
}

module "profiles" {
  source = "../../../inference-profiles"

  operations_account_id = "111111111111"
  models                = { for key, customer in local.customers : key => customer.models }
  tags                  = local.tags

  cross_region_destinations = local.destinations
}

module "profiles_eu_west_1" {
  source    = "../../../inference-profiles"
  providers = { aws = aws.eu_west_1 }

  operations_account_id = "111111111111"
  models                = { acme = local.customers.acme.models }
  tags                  = local.tags
}

module "fleet" {
  source = "../.."

  partition             = "aws"
  operations_account_id = "111111111111"
  management_account_id = "999999999999"
  external_ids          = var.external_ids
  previous_external_ids = var.previous_external_ids
  customers             = local.customers

  inference_profiles = {
    (module.profiles.region)           = module.profiles.arns
    (module.profiles_eu_west_1.region) = module.profiles_eu_west_1.arns
  }

  cross_region_destinations   = local.destinations
  inference_profile_key_value = "application-or-system"
  allow_get_inference_profile = true
  allow_count_tokens          = true
  denied_service_tiers        = ["priority", "reserved", "flex"]

  tags = local.tags
}
