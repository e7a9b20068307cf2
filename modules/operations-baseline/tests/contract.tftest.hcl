# What the module makes with a break-glass role and without.

mock_provider "aws" {
  override_data {
    target = data.aws_region.this
    values = { id = "eu-central-1" }
  }
}

variables {
  operations_account_id = "111111111111"
}

run "a_trail_of_management_events_of_all_regions" {
  command = plan

  assert {
    condition = (
      aws_cloudtrail.this.is_multi_region_trail && aws_cloudtrail.this.include_global_service_events &&
      aws_cloudtrail.this.enable_log_file_validation
    )
    error_message = "The trail misses something, or can be forged."
  }

  assert {
    condition     = alltrue(aws_cloudtrail.this.event_selector[*].include_management_events) && length(flatten(aws_cloudtrail.this.event_selector[*].data_resource)) == 0
    error_message = "The trail keeps other events than those of management."
  }

  assert {
    condition     = length(aws_cloudwatch_event_rule.break_glass) == 0 && length(aws_iam_role.forward) == 0
    error_message = "Something is forwarded for no role."
  }
}

run "only_the_trail_writes_to_its_bucket" {
  command = plan

  assert {
    condition = [
      for s in jsondecode(aws_s3_bucket_policy.trail.policy).Statement : s.Condition.StringEquals["aws:SourceArn"] if s.Effect == "Allow"
      ] == [
      "arn:aws:cloudtrail:eu-central-1:111111111111:trail/bulkhead-operations",
      "arn:aws:cloudtrail:eu-central-1:111111111111:trail/bulkhead-operations",
    ]
    error_message = "Somebody else's trail may write to the bucket."
  }

  assert {
    condition     = toset([for s in jsondecode(aws_s3_bucket_policy.trail.policy).Statement : s.Sid if s.Effect == "Deny"]) == toset(["EncryptedInTransit", "NobodyElseWrites"])
    error_message = "The bucket can be written by hand, or in clear."
  }
}

run "assumptions_go_to_the_alarm_alone" {
  command = plan

  variables {
    break_glass_role_arns = ["arn:aws:iam::111111111111:role/glass"]
    break_glass_bus_arn   = "arn:aws:events:eu-central-1:999999999999:event-bus/alarm"
  }

  assert {
    condition     = aws_cloudwatch_event_rule.break_glass["break-glass"].state == "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
    error_message = "The rule may not hear what CloudTrail marks as reading, such as an assumption."
  }

  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.break_glass["break-glass"].event_pattern).detail.requestParameters.roleArn == ["arn:aws:iam::111111111111:role/glass"]
    error_message = "The rule listens for another role."
  }

  assert {
    condition     = aws_cloudwatch_event_target.break_glass["break-glass"].arn == "arn:aws:events:eu-central-1:999999999999:event-bus/alarm"
    error_message = "The rule forwards to somebody else."
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.forward["break-glass"].policy).Statement[*].Resource == ["arn:aws:events:eu-central-1:999999999999:event-bus/alarm"]
    error_message = "The role that forwards may do more."
  }

  assert {
    condition     = jsondecode(aws_iam_role.forward["break-glass"].assume_role_policy).Statement[0].Condition.StringEquals["aws:SourceArn"] == "arn:aws:events:eu-central-1:111111111111:rule/bulkhead-break-glass"
    error_message = "Another rule may become the role that forwards."
  }
}
