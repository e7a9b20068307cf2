# The profiles of one region. The provider is mocked; the fleet module's tests show what becomes of their ARNs.

mock_provider "aws" {
  override_data {
    target = data.aws_region.current
    values = { id = "eu-west-1" }
  }

  mock_data "aws_bedrock_inference_profile" {
    defaults = {
      models = [
        { model_arn = "arn:aws:bedrock:eu-central-1::foundation-model/amazon.nova-lite-v1:0" },
        { model_arn = "arn:aws:bedrock:eu-north-1::foundation-model/amazon.nova-lite-v1:0" },
      ]
    }
  }
}

variables {
  operations_account_id = "111111111111"
  models = {
    acme   = ["amazon.nova-lite-v1:0", "amazon.nova-pro-v1:0"]
    globex = ["eu.amazon.nova-lite-v1:0"]
  }
  cross_region_destinations = { eu = ["eu-north-1", "eu-central-1", "eu-west-3"] }

  tags = { team = "platform" }
}

run "each_customer_has_its_own_profile_of_a_model" {
  command = plan

  assert {
    condition     = toset(keys(aws_bedrock_inference_profile.this)) == toset(["acme/amazon.nova-lite-v1:0", "acme/amazon.nova-pro-v1:0", "globex/eu.amazon.nova-lite-v1:0"])
    error_message = "There must be one profile for each customer and model."
  }

  assert {
    condition     = aws_bedrock_inference_profile.this["acme/amazon.nova-lite-v1:0"].model_source[0].copy_from == "arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-lite-v1:0"
    error_message = "The profile must copy the model of the provider's region."
  }

  assert {
    condition     = aws_bedrock_inference_profile.this["globex/eu.amazon.nova-lite-v1:0"].model_source[0].copy_from == "arn:aws:bedrock:eu-west-1:111111111111:inference-profile/eu.amazon.nova-lite-v1:0"
    error_message = "The profile must copy the cross-region profile of the operations account."
  }

  assert {
    condition = aws_bedrock_inference_profile.this["acme/amazon.nova-pro-v1:0"].tags == tomap({
      team                = "platform"
      "bulkhead:customer" = "acme"
      "bulkhead:model"    = "amazon.nova-pro-v1:0"
    })
    error_message = "Costs are allocated by the tags of the customer and the model."
  }

  assert {
    condition     = output.region == "eu-west-1" && { for key, arns in output.arns : key => keys(arns) } == { acme = ["amazon.nova-lite-v1:0", "amazon.nova-pro-v1:0"], globex = ["eu.amazon.nova-lite-v1:0"] }
    error_message = "The outputs must name the region, and every customer's models."
  }
}

run "a_profile_that_sends_elsewhere_is_refused" {
  command = plan

  variables {
    cross_region_destinations = { eu = ["eu-central-1", "eu-west-1"], us = ["eu-north-1"] }
  }

  expect_failures = [data.aws_bedrock_inference_profile.source["eu.amazon.nova-lite-v1:0"]]
}

run "a_prefix_without_an_entry_is_refused" {
  command = plan

  variables {
    cross_region_destinations = {}
  }

  expect_failures = [data.aws_bedrock_inference_profile.source["eu.amazon.nova-lite-v1:0"]]
}

run "only_cross_region_profiles_are_looked_up" {
  command = plan

  assert {
    condition     = keys(data.aws_bedrock_inference_profile.source) == ["eu.amazon.nova-lite-v1:0"]
    error_message = "One look-up for each cross-region profile, and none for a model."
  }
}

run "each_prefix_of_aws_is_known" {
  command = plan

  variables {
    models                    = { acme = [for prefix in ["us", "us-gov", "eu", "apac", "jp", "au", "ca"] : "${prefix}.amazon.nova-lite-v1:0"] }
    cross_region_destinations = { for prefix in ["us", "us-gov", "eu", "apac", "jp", "au", "ca"] : prefix => ["eu-central-1", "eu-north-1"] }
  }

  assert {
    condition = (
      length(data.aws_bedrock_inference_profile.source) == 7
      && alltrue([for profile in aws_bedrock_inference_profile.this : strcontains(profile.model_source[0].copy_from, ":111111111111:inference-profile/")])
    )
    error_message = "A profile that routes to several regions was taken for a model."
  }
}

run "long_names_fit_and_differ" {
  command = plan

  variables {
    models = {
      # The last one's name would have one character too many.
      a-customer-with-a-very-long-name = ["anthropic.claude-3-5-sonnet-20240620-v1:0", "anthropic.claude-3-5-sonnet-20241022-v2:0", "mistral.mistral-large-2"]
    }
  }

  assert {
    condition     = length(distinct([for p in aws_bedrock_inference_profile.this : p.name])) == 3
    error_message = "Two profiles have one name."
  }

  assert {
    condition     = alltrue([for p in aws_bedrock_inference_profile.this : can(regex("^([0-9a-zA-Z][ _-]?){1,64}$", p.name)) && length(p.name) <= 64])
    error_message = "A profile's name is not one that AWS takes."
  }
}

run "a_region_without_customers" {
  command = plan

  variables {
    models = {}
  }

  assert {
    condition     = length(output.arns) == 0
    error_message = "A region that the last customer leaves must plan."
  }
}
