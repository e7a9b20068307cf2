# One Region, one model.

provider "aws" {
  region              = "eu-central-1"
  allowed_account_ids = ["222222222222"]
}

module "configuration" {
  source = "../.."

  customer              = "acme"
  account_id            = "222222222222"
  fleet_role_arn        = "arn:aws:iam::111111111111:role/bulkhead/fleet/bulkhead-acme"
  external_id_parameter = "/bulkhead/acme/external-id"
  log_group_arn         = "arn:aws:logs:eu-central-1:222222222222:log-group:/bulkhead/acme/bedrock"
  metrics_namespace     = "Bulkhead"

  inference_profiles = {
    eu-central-1 = {
      "amazon.nova-lite-v1:0" = "arn:aws:bedrock:eu-central-1:111111111111:application-inference-profile/0a1b2c3d4e5f"
    }
  }
}
