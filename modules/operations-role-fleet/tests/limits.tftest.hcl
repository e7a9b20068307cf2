# What AWS's limits on names and sizes refuse, in the plan: the profiles' ids are not known yet.

mock_provider "aws" {
  override_data {
    target = data.aws_region.current
    values = { id = "eu-central-1" }
  }
}

variables {
  operations_account_id = "111111111111"
}

run "long_names_fit_and_differ" {
  command = plan

  variables {
    customers = {
      a-customer-with-a-very-long-name = {
        accounts = [{ account_id = "222222222222" }]
        models   = ["anthropic.claude-3-5-sonnet-20240620-v1:0", "anthropic.claude-3-5-sonnet-20241022-v2:0"]
      }
    }
    external_ids = { a-customer-with-a-very-long-name = "0d9c2f1e-7b43-4a5e-9f60-3c1d2e8b7a95" }
  }

  assert {
    condition     = length(distinct([for p in aws_bedrock_inference_profile.this : p.name])) == 2
    error_message = "Two profiles have one name."
  }

  assert {
    condition     = alltrue([for p in aws_bedrock_inference_profile.this : can(regex("^([0-9a-zA-Z][ _-]?){1,64}$", p.name)) && length(p.name) <= 64])
    error_message = "A profile's name is not one that AWS takes."
  }
}

run "too_many_callers_for_a_trust_policy" {
  command = plan

  variables {
    customers = {
      acme = {
        accounts = [for n in range(20) : { account_id = tostring(222222222222 + n) }]
        models   = ["amazon.nova-lite-v1:0"]
      }
    }
    external_ids = { acme = "0d9c2f1e-7b43-4a5e-9f60-3c1d2e8b7a95" }
  }

  expect_failures = [aws_iam_role.fleet]
}

run "too_many_models_for_the_permission_policy" {
  command = plan

  variables {
    customers = {
      acme = {
        accounts = [{ account_id = "222222222222" }]
        models   = [for n in range(21) : "amazon.nova-lite-v1:${n}"]
      }
    }
    external_ids = { acme = "0d9c2f1e-7b43-4a5e-9f60-3c1d2e8b7a95" }
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
      }
    }
    external_ids              = { acme = "0d9c2f1e-7b43-4a5e-9f60-3c1d2e8b7a95" }
    cross_region_destinations = { eu = concat([for n in range(10) : "eu-central-${n}"], [for n in range(9) : "ca-central-${n}"]) }
  }

  expect_failures = [aws_iam_policy.boundary]
}

run "as_much_as_fits" {
  command = plan

  variables {
    customers = {
      acme = {
        accounts = [for n in range(14) : { account_id = tostring(222222222222 + n) }]
        models   = [for n in range(15) : "amazon.nova-lite-v1:${n}"]
      }
    }
    external_ids = { acme = "0d9c2f1e-7b43-4a5e-9f60-3c1d2e8b7a95" }
  }

  assert {
    condition     = length(aws_bedrock_inference_profile.this) == 15
    error_message = "The positive twin of the size limits must plan."
  }
}

run "no_customer_is_a_fleet_too" {
  command = plan

  variables {
    customers    = {}
    external_ids = {}
  }

  assert {
    condition     = length(output.customers) == 0
    error_message = "Removing the last customer must plan."
  }
}
