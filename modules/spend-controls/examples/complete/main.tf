# Two customers: one with a limit for bursts, one for the day and a budget; one whose stop is suspended.

provider "aws" {
  region              = "eu-central-1"
  allowed_account_ids = ["111111111111"]
}

module "spend" {
  source = "../.."

  operations_account_id = "111111111111"
  partition             = "aws"

  customers = {
    acme = {
      fleet_role_name = "bulkhead-acme"
      inference_profile_arns = [
        "arn:aws:bedrock:eu-central-1:111111111111:application-inference-profile/a1b2c3d4e5f6",
        "arn:aws:bedrock:eu-central-1:111111111111:application-inference-profile/b2c3d4e5f6a1",
      ]
      limits = [
        { minutes = 5, input_tokens = 500000, output_tokens = 100000 },
        { minutes = 1440, input_tokens = 20000000, output_tokens = 4000000, cache_write_tokens = 10000000, cache_read_tokens = 100000000, calls = 50000 },
      ]
      monthly_budget_usd = 2000
    }
    globex = {
      fleet_role_name        = "bulkhead-globex"
      inference_profile_arns = ["arn:aws:bedrock:eu-central-1:111111111111:application-inference-profile/c3d4e5f6a1b2"]
      limits                 = [{ minutes = 60, input_tokens = 500000, output_tokens = 100000 }]
      on_limit               = "notify"
    }
  }

  alarm_topic_arns         = ["arn:aws:sns:eu-central-1:111111111111:platform"]
  budget_emails            = ["finance@example.com"]
  permissions_boundary_arn = ""

  tags = { "cost-center" = "platform" }
}
