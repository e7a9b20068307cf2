# One customer with one profile: half a million tokens of input within an hour, and it is stopped.

provider "aws" {
  region              = "eu-central-1"
  allowed_account_ids = ["111111111111"]
}

module "spend" {
  source = "../.."

  operations_account_id = "111111111111"
  customers = {
    acme = {
      fleet_role_name        = "bulkhead-acme"
      inference_profile_arns = ["arn:aws:bedrock:eu-central-1:111111111111:application-inference-profile/a1b2c3d4e5f6"]
      limits                 = [{ minutes = 60, input_tokens = 500000, output_tokens = 100000 }]
    }
  }
}
