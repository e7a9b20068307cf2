# Two customers' models, one through a cross-region profile.

provider "aws" {
  region              = "eu-west-1"
  allowed_account_ids = ["111111111111"]
}

module "profiles" {
  source = "../.."

  partition             = "aws"
  operations_account_id = "111111111111"

  models = {
    acme   = ["anthropic.claude-3-5-sonnet-20240620-v1:0", "amazon.nova-lite-v1:0"]
    globex = ["eu.amazon.nova-lite-v1:0"]
  }

  # All that AWS says of the profile (aws bedrock get-inference-profile).
  cross_region_destinations = { eu = ["eu-central-1", "eu-north-1", "eu-west-1", "eu-west-3"] }

  tags = { "cost-center" = "platform" }
}
