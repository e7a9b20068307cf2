# The documents, and who may read what.

mock_provider "aws" {
  override_data {
    target = data.aws_region.current
    values = { id = "eu-central-1" }
  }
}

variables {
  customer              = "acme"
  account_id            = "222222222222"
  fleet_role_arn        = "arn:aws:iam::111111111111:role/bulkhead/fleet/bulkhead-acme"
  external_id_parameter = "/bulkhead/acme/external-id"
  log_group_arn         = "arn:aws:logs:eu-central-1:222222222222:log-group:/bulkhead/acme/bedrock"
  metrics_namespace     = "Bulkhead"

  inference_profiles = {
    eu-central-1 = {
      "amazon.nova-lite-v1:0"  = "arn:aws:bedrock:eu-central-1:111111111111:application-inference-profile/a1"
      "amazon.nova-micro-v1:0" = "arn:aws:bedrock:eu-central-1:111111111111:application-inference-profile/a2"
    }
    eu-west-1 = {
      "amazon.nova-lite-v1:0" = "arn:aws:bedrock:eu-west-1:111111111111:application-inference-profile/b1"
    }
  }
}

run "one_document_for_each_region" {
  command = plan

  variables {
    quotas = { "amazon.nova-micro-v1:0" = { tokens_per_minute = 1000 } }
  }

  assert {
    condition = jsondecode(aws_ssm_parameter.this["eu-central-1"].insecure_value) == {
      format                = "bulkhead-configuration/1"
      customer              = "acme"
      account_id            = "222222222222"
      region                = "eu-central-1"
      operations_account_id = "111111111111"
      fleet_role_arn        = "arn:aws:iam::111111111111:role/bulkhead/fleet/bulkhead-acme"
      external_id_parameter = "arn:aws:ssm:eu-central-1:222222222222:parameter/bulkhead/acme/external-id"
      inference_profiles = {
        "amazon.nova-lite-v1:0"  = "arn:aws:bedrock:eu-central-1:111111111111:application-inference-profile/a1"
        "amazon.nova-micro-v1:0" = "arn:aws:bedrock:eu-central-1:111111111111:application-inference-profile/a2"
      }
      log_region        = "eu-central-1"
      log_group_name    = "/bulkhead/acme/bedrock"
      log_group_arn     = "arn:aws:logs:eu-central-1:222222222222:log-group:/bulkhead/acme/bedrock"
      content           = null
      metrics_namespace = "Bulkhead"
      quotas            = { "amazon.nova-micro-v1:0" = { tokens_per_minute = 1000 } }
    }
    error_message = "The document is not the one that the client reads."
  }

  assert {
    condition = alltrue([
      keys(aws_ssm_parameter.this) == ["eu-central-1", "eu-west-1"],
      aws_ssm_parameter.this["eu-west-1"].name == "/bulkhead/acme/client/eu-west-1",
      aws_ssm_parameter.this["eu-west-1"].type == "String",
      aws_ssm_parameter.this["eu-west-1"].tier == "Standard",
      jsondecode(aws_ssm_parameter.this["eu-west-1"].insecure_value).region == "eu-west-1",
      jsondecode(aws_ssm_parameter.this["eu-west-1"].insecure_value).log_region == "eu-central-1",
      # A limit of a model that the Region has not would be refused by the client.
      jsondecode(aws_ssm_parameter.this["eu-west-1"].insecure_value).quotas == {},
    ])
    error_message = "Each Region has a document of its own, in the Region of the log group."
  }

  assert {
    condition     = output.sources["eu-west-1"] == "ssm:arn:aws:ssm:eu-central-1:222222222222:parameter/bulkhead/acme/client/eu-west-1"
    error_message = "The source names the parameter with its Region, whatever Region the application's session has."
  }

  assert {
    condition = output.readable_arns == [
      "arn:aws:ssm:eu-central-1:222222222222:parameter/bulkhead/acme/client/eu-central-1",
      "arn:aws:ssm:eu-central-1:222222222222:parameter/bulkhead/acme/client/eu-west-1",
      "arn:aws:ssm:eu-central-1:222222222222:parameter/bulkhead/acme/external-id",
    ]
    error_message = "The application reads its documents and its external id, and nothing else."
  }
}

run "a_provider_of_another_region_is_refused" {
  command = plan

  override_data {
    target = data.aws_region.current
    values = { id = "eu-west-1" }
  }

  expect_failures = [aws_ssm_parameter.this["eu-central-1"], aws_ssm_parameter.this["eu-west-1"]]
}

run "a_group_for_content_is_named" {
  command = plan

  variables {
    content_log_group_arn = "arn:aws:logs:eu-central-1:222222222222:log-group:/bulkhead/acme/content"
  }

  assert {
    condition = jsondecode(output.documents["eu-central-1"]).content == {
      log_group_name = "/bulkhead/acme/content"
      log_group_arn  = "arn:aws:logs:eu-central-1:222222222222:log-group:/bulkhead/acme/content"
    }
    error_message = "The client takes prompts and answers only to a group that the document names."
  }
}

run "a_long_document_is_paid_for" {
  command = plan

  variables {
    inference_profiles = {
      eu-central-1 = { for n in range(40) : "amazon.nova-lite-v${n}:0" => "arn:aws:bedrock:eu-central-1:111111111111:application-inference-profile/a${n}" }
    }
  }

  assert {
    condition     = aws_ssm_parameter.this["eu-central-1"].tier == "Advanced"
    error_message = "More than 4 KiB need an advanced parameter."
  }
}

run "a_document_that_no_parameter_holds_is_refused" {
  command = plan

  variables {
    inference_profiles = {
      eu-central-1 = { for n in range(80) : "amazon.nova-lite-v${n}:0" => "arn:aws:bedrock:eu-central-1:111111111111:application-inference-profile/a${n}" }
    }
  }

  expect_failures = [aws_ssm_parameter.this["eu-central-1"]]
}
