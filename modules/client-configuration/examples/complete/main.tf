# Two Regions, prompts and answers in a group of their own, and a limit that the applications hold themselves to.

provider "aws" {
  region              = "eu-central-1"
  allowed_account_ids = ["222222222223"]
}

locals {
  profiles = "111111111111:application-inference-profile"
  groups   = "arn:aws:logs:eu-central-1:222222222223:log-group:/bulkhead/acme"
}

module "configuration" {
  source = "../.."

  partition             = "aws"
  customer              = "acme"
  account_id            = "222222222223"
  fleet_role_arn        = "arn:aws:iam::111111111111:role/bulkhead/fleet/bulkhead-acme"
  external_id_parameter = "/bulkhead/acme/external-id"
  log_group_arn         = "${local.groups}/bedrock"
  content_log_group_arn = "${local.groups}/content"
  metrics_namespace     = "Bulkhead"

  inference_profiles = {
    eu-central-1 = {
      "amazon.nova-lite-v1:0"                     = "arn:aws:bedrock:eu-central-1:${local.profiles}/0a1b2c3d4e5f"
      "anthropic.claude-3-5-sonnet-20240620-v1:0" = "arn:aws:bedrock:eu-central-1:${local.profiles}/1a2b3c4d5e6f"
    }
    eu-west-1 = {
      "amazon.nova-lite-v1:0" = "arn:aws:bedrock:eu-west-1:${local.profiles}/2a3b4c5d6e7f"
    }
  }

  quotas = {
    "anthropic.claude-3-5-sonnet-20240620-v1:0" = { tokens_per_minute = 40000, requests_per_minute = 60 }
  }

  tags = { "cost-center" = "assistant" }
}
