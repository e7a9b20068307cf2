# What the module makes with a break-glass role and without.

mock_provider "aws" {
  mock_resource "aws_iam_role" {
    override_during = plan
    defaults        = { arn = "arn:aws:iam::111111111111:role/bulkhead/bulkhead-break-glass-events" }
  }

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
    condition     = [for s in aws_cloudtrail.this.event_selector : [s.read_write_type, s.include_management_events, length(s.data_resource)]] == [["All", true, 0]]
    error_message = "The trail keeps other events than those of management, or not all of these."
  }

  assert {
    condition     = length(aws_cloudwatch_event_rule.break_glass) == 0 && length(aws_iam_role.forward) == 0
    error_message = "Something is forwarded for no role."
  }
}

run "only_the_trail_writes_to_its_bucket" {
  command = plan

  assert {
    condition = jsondecode(aws_s3_bucket_policy.trail.policy).Statement == [
      {
        Sid       = "TrailLooksAtBucket"
        Effect    = "Allow"
        Principal = { Service = "cloudtrail.amazonaws.com" }
        Action    = "s3:GetBucketAcl"
        Resource  = "arn:aws:s3:::bulkhead-trail-111111111111-eu-central-1"
        Condition = { StringEquals = { "aws:SourceArn" = "arn:aws:cloudtrail:eu-central-1:111111111111:trail/bulkhead-operations" } }
      },
      {
        Sid       = "TrailWrites"
        Effect    = "Allow"
        Principal = { Service = "cloudtrail.amazonaws.com" }
        Action    = "s3:PutObject"
        Resource  = "arn:aws:s3:::bulkhead-trail-111111111111-eu-central-1/AWSLogs/111111111111/*"
        Condition = { StringEquals = {
          "aws:SourceArn" = "arn:aws:cloudtrail:eu-central-1:111111111111:trail/bulkhead-operations"
          "s3:x-amz-acl"  = "bucket-owner-full-control"
        } }
      },
      {
        Sid       = "EncryptedInTransit"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = ["arn:aws:s3:::bulkhead-trail-111111111111-eu-central-1", "arn:aws:s3:::bulkhead-trail-111111111111-eu-central-1/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      {
        Sid       = "NobodyElseWrites"
        Effect    = "Deny"
        Principal = "*"
        Action    = ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObject"]
        Resource  = "arn:aws:s3:::bulkhead-trail-111111111111-eu-central-1/*"
        Condition = { BoolIfExists = { "aws:PrincipalIsAWSService" = "false" } }
      },
    ]
    error_message = "The bucket must be for this trail alone, and never be written by hand or in clear."
  }

  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.trail.block_public_acls,
      aws_s3_bucket_public_access_block.trail.block_public_policy,
      aws_s3_bucket_public_access_block.trail.ignore_public_acls,
      aws_s3_bucket_public_access_block.trail.restrict_public_buckets,
    ])
    error_message = "The bucket can be made public."
  }
}

run "the_trail_is_kept_and_encrypted" {
  command = plan

  assert {
    condition = (
      aws_s3_bucket.trail.bucket == "bulkhead-trail-111111111111-eu-central-1" && !aws_s3_bucket.trail.force_destroy
      && one(one(aws_s3_bucket_server_side_encryption_configuration.trail.rule).apply_server_side_encryption_by_default).sse_algorithm == "AES256"
      && one(aws_s3_bucket_versioning.trail.versioning_configuration).status == "Enabled"
    )
    error_message = "Files must lie encrypted and versioned, in a bucket that a destroy does not empty."
  }

  assert {
    condition = [
      for rule in aws_s3_bucket_lifecycle_configuration.trail.rule : [
        rule.status, one(rule.expiration).days, one(rule.noncurrent_version_expiration).noncurrent_days,
        one(rule.abort_incomplete_multipart_upload).days_after_initiation,
      ]
    ] == [["Enabled", 365, 30, 7]]
    error_message = "Files must go after retention_in_days and not before, with what is left of former ones."
  }
}

run "environments_that_are_thrown_away_destroy_the_trail" {
  command = plan

  variables {
    force_destroy     = true
    retention_in_days = 90
  }

  assert {
    condition     = aws_s3_bucket.trail.force_destroy && one(one(aws_s3_bucket_lifecycle_configuration.trail.rule).expiration).days == 90
    error_message = "The settings of an environment do not reach the bucket."
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
    condition = jsondecode(aws_cloudwatch_event_rule.break_glass["break-glass"].event_pattern) == {
      source      = ["aws.sts"]
      detail-type = ["AWS API Call via CloudTrail"]
      detail = {
        eventSource       = ["sts.amazonaws.com"]
        eventName         = ["AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"]
        requestParameters = { roleArn = ["arn:aws:iam::111111111111:role/glass"] }
      }
    }
    error_message = "The rule must hear each way to become the role, and no other role."
  }

  assert {
    condition = [for target in aws_cloudwatch_event_target.break_glass : [target.rule, target.arn, target.role_arn]] == [[
      "bulkhead-break-glass",
      "arn:aws:events:eu-central-1:999999999999:event-bus/alarm",
      "arn:aws:iam::111111111111:role/bulkhead/bulkhead-break-glass-events",
    ]]
    error_message = "The rule forwards to somebody else, or by another role."
  }

  assert {
    condition = jsondecode(aws_iam_role_policy.forward["break-glass"].policy).Statement == [
      { Sid = "ToTheAlarm", Effect = "Allow", Action = "events:PutEvents", Resource = "arn:aws:events:eu-central-1:999999999999:event-bus/alarm" },
    ]
    error_message = "The role that forwards may do more, or not even that."
  }

  assert {
    condition     = aws_iam_role_policies_exclusive.forward["break-glass"].policy_names == toset([aws_iam_role_policy.forward["break-glass"].name])
    error_message = "A policy that somebody adds to the role by hand must go with the next apply, and its own stay."
  }

  assert {
    condition = jsondecode(aws_iam_role.forward["break-glass"].assume_role_policy).Statement == [
      {
        Sid       = "TheRuleAlone"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sts:AssumeRole"
        Condition = { StringEquals = {
          "aws:SourceAccount" = "111111111111"
          "aws:SourceArn"     = "arn:aws:events:eu-central-1:111111111111:rule/bulkhead-break-glass"
        } }
      },
    ]
    error_message = "Another rule may become the role that forwards."
  }

  assert {
    condition     = aws_iam_role.forward["break-glass"].path == "/bulkhead/" && aws_iam_role.forward["break-glass"].name == "bulkhead-break-glass-events"
    error_message = "The role is not where the guardrails keep others from it."
  }
}
