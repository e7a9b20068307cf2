# The policies that the module makes. The provider is mocked.

mock_provider "aws" {
  override_data {
    target = data.aws_region.current
    values = { id = "eu-central-1" }
  }
}

variables {
  customer       = "acme"
  account_id     = "222222222222"
  fleet_role_arn = "arn:aws:iam::111111111111:role/bulkhead/fleet/bulkhead-acme"
  kms_key_arns   = { records = "arn:aws:kms:eu-central-1:222222222222:key/0d9c2f1e-7b43-4a5e-9f60-3c1d2e8b7a95" }
  caller         = { type = "lambda" }
}

run "records_lie_encrypted_and_expire" {
  command = plan

  assert {
    condition = (
      aws_cloudwatch_log_group.this["records"].name == "/bulkhead/acme/bedrock"
      && aws_cloudwatch_log_group.this["records"].kms_key_id == "arn:aws:kms:eu-central-1:222222222222:key/0d9c2f1e-7b43-4a5e-9f60-3c1d2e8b7a95"
      && aws_cloudwatch_log_group.this["records"].retention_in_days == 365
      && aws_cloudwatch_log_group.this["records"].log_group_class == "STANDARD"
    )
    error_message = "The log group must be encrypted with the owner's key, and expire."
  }
}

run "a_topic_of_another_region_is_refused" {
  command = plan

  variables {
    alarms = { action_arns = ["arn:aws:sns:eu-central-1:222222222222:team", "arn:aws:sns:eu-west-1:222222222222:team"], tokens_per_hour = 1000 }
  }

  expect_failures = [
    aws_cloudwatch_metric_alarm.counted,
    aws_cloudwatch_metric_alarm.tokens,
    aws_cloudwatch_metric_alarm.heartbeat,
  ]
}

run "a_key_of_another_region_is_refused" {
  command = plan

  variables {
    kms_key_arns = { records = "arn:aws:kms:eu-west-1:222222222222:key/0d9c2f1e-7b43-4a5e-9f60-3c1d2e8b7a95" }
  }

  expect_failures = [aws_cloudwatch_log_group.this]
}

run "the_caller_writes_and_assumes_one_role" {
  command = plan

  assert {
    condition = jsondecode(aws_iam_role_policy.caller["caller"].policy).Statement == [
      {
        Sid      = "AssumeFleetRole"
        Effect   = "Allow"
        Action   = "sts:AssumeRole"
        Resource = "arn:aws:iam::111111111111:role/bulkhead/fleet/bulkhead-acme"
      },
      {
        Sid    = "CreateStreams"
        Effect = "Allow"
        Action = "logs:CreateLogStream"
        Resource = [
          "arn:aws:logs:eu-central-1:222222222222:log-group:/bulkhead/acme/bedrock",
          "arn:aws:logs:eu-central-1:222222222222:log-group:/bulkhead/acme/bedrock:log-stream:*",
        ]
      },
      {
        Sid      = "WriteRecords"
        Effect   = "Allow"
        Action   = "logs:PutLogEvents"
        Resource = ["arn:aws:logs:eu-central-1:222222222222:log-group:/bulkhead/acme/bedrock:log-stream:*"]
      },
      {
        Sid       = "KeyThroughLogs"
        Effect    = "Allow"
        Action    = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
        Resource  = ["arn:aws:kms:eu-central-1:222222222222:key/0d9c2f1e-7b43-4a5e-9f60-3c1d2e8b7a95"]
        Condition = { StringEquals = { "kms:ViaService" = "logs.eu-central-1.amazonaws.com" } }
      },
      {
        Sid         = "DenyOtherRoles"
        Effect      = "Deny"
        Action      = "sts:AssumeRole"
        NotResource = "arn:aws:iam::111111111111:role/bulkhead/fleet/bulkhead-acme"
      },
      {
        Sid       = "DenyAllButWritingRecords"
        Effect    = "Deny"
        NotAction = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = [
          "arn:aws:logs:eu-central-1:222222222222:log-group:/bulkhead/acme/bedrock",
          "arn:aws:logs:eu-central-1:222222222222:log-group:/bulkhead/acme/bedrock:*",
        ]
      },
      {
        Sid      = "DenyNewGroups"
        Effect   = "Deny"
        Action   = "logs:CreateLogGroup"
        Resource = "*"
      },
      {
        Sid      = "DenyInsights"
        Effect   = "Deny"
        Action   = ["cloudwatch:GetInsightRuleReport", "cloudwatch:PutInsightRule", "cloudwatch:PutLogAlarm", "cloudwatch:PutManagedInsightRules"]
        Resource = "*"
      },
    ]
    error_message = "The caller role's policy is not the one the design asks for."
  }

  assert {
    condition = (
      jsonencode([for role in aws_iam_role.caller : [role.path, role.permissions_boundary, role.max_session_duration, role.force_detach_policies]]) == jsonencode([["/bulkhead/", null, 3600, true]])
      && aws_iam_role_policies_exclusive.caller["caller"].policy_names == toset([aws_iam_role_policy.caller["caller"].name])
    )
    error_message = "The caller role lies elsewhere, lives longer, keeps what somebody adds, or cannot be destroyed."
  }

  assert {
    condition     = output.caller_role_arn == "arn:aws:iam::222222222222:role/bulkhead/bulkhead-caller"
    error_message = "The caller role is not the one that the operations account pins."
  }
}

run "the_caller_reads_its_configuration" {
  command = plan

  variables {
    parameter_arns = [
      "arn:aws:ssm:eu-central-1:222222222222:parameter/bulkhead/acme/external-id",
      "arn:aws:ssm:eu-central-1:222222222222:parameter/bulkhead/acme/client/eu-central-1",
    ]
  }

  assert {
    condition = [for s in jsondecode(aws_iam_role_policy.caller["caller"].policy).Statement : s if strcontains(jsonencode(s), "ssm:")] == [{
      Sid    = "ReadConfiguration"
      Effect = "Allow"
      Action = "ssm:GetParameter"
      Resource = [
        "arn:aws:ssm:eu-central-1:222222222222:parameter/bulkhead/acme/client/eu-central-1",
        "arn:aws:ssm:eu-central-1:222222222222:parameter/bulkhead/acme/external-id",
      ]
    }]
    error_message = "The caller reads the parameters that are named, one by one."
  }
}

run "lambda_becomes_the_caller" {
  command = plan

  assert {
    condition = jsondecode(aws_iam_role.caller["caller"].assume_role_policy).Statement == [{
      Sid       = "ApplicationRuntime"
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
    error_message = "Lambda sends neither aws:SourceAccount nor aws:SourceArn: a condition on them locks it out."
  }

  assert {
    condition     = length(aws_iam_instance_profile.caller) == 0
    error_message = "Only EC2 needs an instance profile."
  }
}

run "an_ecs_task_becomes_the_caller" {
  command = plan

  variables {
    caller = { type = "ecs" }
  }

  assert {
    condition = jsondecode(aws_iam_role.caller["caller"].assume_role_policy).Statement == [{
      Sid       = "ApplicationRuntime"
      Effect    = "Allow"
      Principal = { Service = "ecs-tasks.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        StringEquals = { "aws:SourceAccount" = "222222222222" }
        ArnLike      = { "aws:SourceArn" = "arn:aws:ecs:eu-central-1:222222222222:*" }
      }
    }]
    error_message = "ECS says for which account and resource it assumes the role; the trust must ask for both."
  }
}

run "an_ec2_instance_becomes_the_caller" {
  command = plan

  variables {
    caller = { type = "ec2" }
  }

  assert {
    condition     = jsondecode(aws_iam_role.caller["caller"].assume_role_policy).Statement[0].Principal == { Service = "ec2.amazonaws.com" }
    error_message = "EC2 must be able to become the caller role."
  }

  assert {
    condition     = [for p in aws_iam_instance_profile.caller : [p.role, p.name, p.path]] == [[aws_iam_role.caller["caller"].name, "bulkhead-caller", "/bulkhead/"]]
    error_message = "Without an instance profile no instance can take the role."
  }
}
