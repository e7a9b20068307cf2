# Two customers: one with two accounts and a caller role of its own making, one whose model runs in
# several regions through a cross-region profile.

provider "aws" {
  region              = "eu-central-1"
  allowed_account_ids = ["111111111111"]
}

module "fleet" {
  source = "../.."

  operations_account_id = "111111111111"
  partition             = "aws"
  external_ids          = var.external_ids

  customers = {
    acme = {
      accounts = [
        { account_id = "222222222222" },
        { account_id = "222222222223", caller_roles = ["team/assistant"] },
      ]
      models = ["anthropic.claude-3-5-sonnet-20240620-v1:0", "amazon.nova-lite-v1:0"]
    }
    globex = {
      accounts = [{ account_id = "333333333333" }]
      models   = ["eu.amazon.nova-lite-v1:0"]
    }
  }

  cross_region_destinations   = { eu = ["eu-central-1", "eu-west-1", "eu-west-3", "eu-north-1"] }
  inference_profile_key_value = "application-or-system"
  allow_get_inference_profile = true
  allow_count_tokens          = true
  denied_service_tiers        = ["priority", "reserved", "flex"]

  tags = { "cost-center" = "platform" }
}
