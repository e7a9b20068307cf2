# What AWS's limits on sizes refuse, in the plan.

mock_provider "aws" {}

variables {
  operations_account_id = "111111111111"
  management_account_id = "999999999999"
}

run "too_many_callers_for_a_trust_policy" {
  command = plan

  variables {
    customers = {
      acme = {
        accounts = [for n in range(20) : { account_id = tostring(222222222222 + n) }]
        models   = ["amazon.nova-lite-v1:0"]
        regions  = ["eu-central-1"]
      }
    }
    inference_profiles = {
      eu-central-1 = { acme = { "amazon.nova-lite-v1:0" = "arn:aws:bedrock:eu-central-1:111111111111:application-inference-profile/a" } }
    }
    external_ids = { acme = "0d9c2f1e-7b43-4a5e-9f60-3c1d2e8b7a95" }
  }

  expect_failures = [aws_iam_role.fleet]
}

# The profiles' ids are shorter here than AWS's, so that the policies made of them would fit: what counts is what AWS
# gives, which a first plan does not know.

run "too_many_models_for_the_permission_policy" {
  command = plan

  variables {
    customers = {
      acme = {
        accounts = [{ account_id = "222222222222" }]
        models   = [for n in range(19) : "amazon.nova-lite-v1:${n}"]
        regions  = ["eu-central-1"]
      }
    }
    inference_profiles = {
      eu-central-1 = { acme = { for n in range(19) : "amazon.nova-lite-v1:${n}" => "arn:aws:bedrock:eu-central-1:111111111111:application-inference-profile/${n}" } }
    }
    external_ids = { acme = "0d9c2f1e-7b43-4a5e-9f60-3c1d2e8b7a95" }
  }

  expect_failures = [aws_iam_role_policy.invoke]
}

run "too_many_models_in_two_regions" {
  command = plan

  variables {
    customers = {
      acme = {
        accounts = [{ account_id = "222222222222" }]
        models   = [for n in range(10) : "amazon.nova-lite-v1:${n}"]
        regions  = ["eu-central-1", "eu-west-1"]
      }
    }
    external_ids = { acme = "0d9c2f1e-7b43-4a5e-9f60-3c1d2e8b7a95" }
    inference_profiles = {
      for region in ["eu-central-1", "eu-west-1"] : region => {
        acme = { for n in range(10) : "amazon.nova-lite-v1:${n}" => "arn:aws:bedrock:${region}:111111111111:application-inference-profile/${n}" }
      }
    }
  }

  expect_failures = [aws_iam_role_policy.invoke]
}

run "too_many_destinations_for_the_boundary" {
  command = plan

  variables {
    allow_count_tokens = true
    customers = {
      acme = {
        accounts = [{ account_id = "222222222222" }]
        models   = ["eu.amazon.nova-lite-v1:0", "eu.amazon.nova-micro-v1:0"]
        regions  = ["eu-central-1"]
      }
    }
    inference_profiles = {
      eu-central-1 = { acme = { for model in ["lite", "micro"] : "eu.amazon.nova-${model}-v1:0" => "arn:aws:bedrock:eu-central-1:111111111111:application-inference-profile/${model}" } }
    }
    external_ids = { acme = "0d9c2f1e-7b43-4a5e-9f60-3c1d2e8b7a95" }
    cross_region_destinations = {
      eu = [
        "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-southeast-1", "ap-southeast-2", "ap-southeast-3",
        "ap-southeast-4", "ca-central-1", "eu-central-1", "eu-central-2", "eu-north-1", "eu-south-1", "eu-south-2",
        "eu-west-1", "eu-west-2", "eu-west-3", "us-east-1", "us-east-2", "us-west-2",
      ]
    }
  }

  expect_failures = [aws_iam_policy.boundary]
}

run "as_much_as_fits" {
  command = plan

  variables {
    customers = {
      acme = {
        accounts = [for n in range(19) : { account_id = tostring(222222222222 + n) }]
        models   = [for n in range(18) : "amazon.nova-lite-v1:${n}"]
        regions  = ["eu-central-1"]
      }
    }
    inference_profiles = {
      eu-central-1 = { acme = { for n in range(18) : "amazon.nova-lite-v1:${n}" => "arn:aws:bedrock:eu-central-1:111111111111:application-inference-profile/${n}" } }
    }
    external_ids = { acme = "0d9c2f1e-7b43-4a5e-9f60-3c1d2e8b7a95" }
  }

  assert {
    condition     = length(output.customers["acme"].inference_profiles["eu-central-1"]) == 18
    error_message = "The positive twin of the size limits must plan."
  }
}

run "no_customer_is_a_fleet_too" {
  command = plan

  variables {
    customers          = {}
    external_ids       = {}
    inference_profiles = {}
  }

  assert {
    condition     = length(output.customers) == 0
    error_message = "Removing the last customer must plan."
  }
}
