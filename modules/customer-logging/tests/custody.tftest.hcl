# Content, owners, holds and alarms.

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

run "by_default_there_is_no_content" {
  command = plan

  variables {
    alarms            = { enabled = false }
    dashboard_enabled = false
  }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.counted) + length(aws_cloudwatch_metric_alarm.tokens) + length(aws_cloudwatch_metric_alarm.heartbeat) + length(aws_cloudwatch_dashboard.this) == 0
    error_message = "Alarms and the dashboard can be left out."
  }

  assert {
    condition     = keys(aws_cloudwatch_log_group.this) == ["records"] && output.content == null
    error_message = "Nothing a customer wrote is kept unless it is asked for."
  }

  assert {
    condition     = [for s in jsondecode(aws_cloudwatch_log_data_protection_policy.this["records"].policy_document).Statement : keys(s.Operation)[0]] == ["Audit", "Deidentify"]
    error_message = "Records are masked too."
  }
}

run "content_lies_apart_masked_and_short_lived" {
  command = plan

  variables {
    content = { enabled = true, data_identifiers = ["Ssn-US", "EmailAddress"] }
    kms_key_arns = {
      records = "arn:aws:kms:eu-central-1:222222222222:key/0d9c2f1e-7b43-4a5e-9f60-3c1d2e8b7a95"
      content = "arn:aws:kms:eu-central-1:222222222222:key/5b1e7a40-19c8-4d7f-8a2b-6e0f3c9d4417"
    }
  }

  assert {
    condition = (
      aws_cloudwatch_log_group.this["content"].name == "/bulkhead/acme/content"
      && aws_cloudwatch_log_group.this["content"].retention_in_days == 7
      && aws_cloudwatch_log_group.this["content"].kms_key_id == "arn:aws:kms:eu-central-1:222222222222:key/5b1e7a40-19c8-4d7f-8a2b-6e0f3c9d4417"
      && aws_cloudwatch_log_group.this["records"].kms_key_id == "arn:aws:kms:eu-central-1:222222222222:key/0d9c2f1e-7b43-4a5e-9f60-3c1d2e8b7a95"
      && [for s in jsondecode(aws_iam_role_policy.caller["caller"].policy).Statement : s.Resource if s.Sid == "KeyThroughLogs"][0] == ["arn:aws:kms:eu-central-1:222222222222:key/5b1e7a40-19c8-4d7f-8a2b-6e0f3c9d4417", "arn:aws:kms:eu-central-1:222222222222:key/0d9c2f1e-7b43-4a5e-9f60-3c1d2e8b7a95"]
    )
    error_message = "Content has a group and a key of its own, and is gone within days."
  }

  assert {
    condition = jsondecode(aws_cloudwatch_log_data_protection_policy.this["content"].policy_document).Statement == [
      {
        Sid            = "Audit"
        DataIdentifier = ["arn:aws:dataprotection::aws:data-identifier/EmailAddress", "arn:aws:dataprotection::aws:data-identifier/Ssn-US"]
        Operation      = { Audit = { FindingsDestination = {} } }
      },
      {
        Sid            = "Mask"
        DataIdentifier = ["arn:aws:dataprotection::aws:data-identifier/EmailAddress", "arn:aws:dataprotection::aws:data-identifier/Ssn-US"]
        Operation      = { Deidentify = { MaskConfig = {} } }
      },
    ]
    error_message = "What is found in content must be masked, and told to nobody."
  }

  assert {
    condition = [for s in jsondecode(aws_iam_role_policy.caller["caller"].policy).Statement : s.Resource if s.Sid == "DenyAllButWritingRecords"][0] == [
      "arn:aws:logs:eu-central-1:222222222222:log-group:/bulkhead/acme/content",
      "arn:aws:logs:eu-central-1:222222222222:log-group:/bulkhead/acme/content:*",
      "arn:aws:logs:eu-central-1:222222222222:log-group:/bulkhead/acme/bedrock",
      "arn:aws:logs:eu-central-1:222222222222:log-group:/bulkhead/acme/bedrock:*",
    ]
    error_message = "The caller role writes content and may do nothing else with it."
  }
}

run "owners_alone_delete_records" {
  command = plan

  variables {
    owner_arns = ["arn:aws:iam::222222222222:role/bulkhead/owner"]
  }

  assert {
    condition = jsondecode(output.owners_only_policy).Statement == [
      {
        Sid    = "RecordsForOwnersOnly"
        Effect = "Deny"
        Action = [
          "logs:AssociateKmsKey", "logs:DeleteDataProtectionPolicy", "logs:DeleteLogGroup", "logs:DeleteLogStream", "logs:DeleteRetentionPolicy",
          "logs:DisassociateKmsKey", "logs:PutDataProtectionPolicy", "logs:PutLogGroupDeletionProtection", "logs:PutRetentionPolicy",
        ]
        Resource = [
          "arn:aws:logs:eu-central-1:222222222222:log-group:/bulkhead/acme/bedrock",
          "arn:aws:logs:eu-central-1:222222222222:log-group:/bulkhead/acme/bedrock:*",
        ]
        Condition = { StringNotEquals = { "aws:PrincipalArn" = ["arn:aws:iam::222222222222:role/bulkhead/owner", "arn:aws:iam::222222222222:root"] } }
      },
      {
        Sid       = "ReadersForOwnersOnly"
        Effect    = "Deny"
        Action    = ["iam:AttachRolePolicy", "iam:CreateRole", "iam:DeleteRolePolicy", "iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy"]
        Resource  = "arn:aws:iam::222222222222:role/bulkhead/reader/*"
        Condition = { StringNotEquals = { "aws:PrincipalArn" = ["arn:aws:iam::222222222222:role/bulkhead/owner", "arn:aws:iam::222222222222:root"] } }
      },
    ]
    error_message = "The policy for the organization spares others than the owners and the root user, or leaves a way to the records."
  }

  assert {
    condition     = length(output.owners_only_policy) < 5120
    error_message = "The policy for the organization is longer than AWS takes."
  }
}

run "a_hold_keeps_everything" {
  command = plan

  variables {
    legal_hold   = true
    content      = { enabled = true }
    kms_key_arns = { records = "arn:aws:kms:eu-central-1:222222222222:key/0d9c2f1e-7b43-4a5e-9f60-3c1d2e8b7a95", content = "arn:aws:kms:eu-central-1:222222222222:key/5b1e7a40-19c8-4d7f-8a2b-6e0f3c9d4417" }
  }

  assert {
    condition     = alltrue([for group in aws_cloudwatch_log_group.this : group.retention_in_days == 0 && group.skip_destroy && group.tags["bulkhead:legal-hold"] == "true"])
    error_message = "While a hold lasts nothing may expire or be destroyed, and the groups say so."
  }
}

run "what_is_kept_outlives_the_module" {
  command = plan

  variables {
    keep_on_destroy = true
  }

  assert {
    condition = (
      aws_cloudwatch_log_group.this["records"].skip_destroy
      && aws_cloudwatch_log_group.this["records"].retention_in_days == 365
      && !contains(keys(aws_cloudwatch_log_group.this["records"].tags), "bulkhead:legal-hold")
    )
    error_message = "Records are kept, and still expire."
  }
}

run "alarms_watch_what_the_client_emits" {
  command = plan

  variables {
    alarms = { throttles = 0, action_arns = ["arn:aws:sns:eu-central-1:222222222222:alarms"] }
  }

  assert {
    condition = (
      { for key, alarm in aws_cloudwatch_metric_alarm.counted : key => alarm.metric_name } == { dropped_records = "bulkhead.dropped_records", errors = "bulkhead.errors" }
      && aws_cloudwatch_metric_alarm.heartbeat["heartbeat"].metric_name == "bulkhead.heartbeat"
      && aws_cloudwatch_metric_alarm.heartbeat["heartbeat"].evaluation_periods == 10
      && sort(flatten([for query in aws_cloudwatch_metric_alarm.tokens["tokens"].metric_query : query.metric[*].metric_name])) == tolist(["gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"])
      && aws_cloudwatch_metric_alarm.heartbeat["heartbeat"].namespace == "Bulkhead"
      && aws_cloudwatch_metric_alarm.tokens["tokens"].evaluation_periods == 1
      && [for query in aws_cloudwatch_metric_alarm.tokens["tokens"].metric_query : query.expression if query.return_data == true] == ["SUM(METRICS())"]
      && distinct(flatten([for query in aws_cloudwatch_metric_alarm.tokens["tokens"].metric_query : [for metric in query.metric : "${metric.namespace} ${metric.stat} ${metric.period}"]])) == tolist(["Bulkhead Sum 3600"])
    )
    error_message = "An alarm watches another metric than the client writes."
  }

  assert {
    condition = alltrue([
      for alarm in concat(values(aws_cloudwatch_metric_alarm.counted), values(aws_cloudwatch_metric_alarm.tokens), values(aws_cloudwatch_metric_alarm.heartbeat)) :
      alarm.alarm_actions == toset(["arn:aws:sns:eu-central-1:222222222222:alarms"]) && alarm.ok_actions == alarm.alarm_actions
    ])
    error_message = "Nobody is told that an alarm rings, or that it is over."
  }

  assert {
    condition = [for widget in jsondecode(aws_cloudwatch_dashboard.this["client"].dashboard_body).widgets : [widget.type, widget.properties.region, widget.properties.stat, widget.properties.metrics]] == [
      ["metric", "eu-central-1", "Sum", [["Bulkhead", "bulkhead.calls"], ["Bulkhead", "bulkhead.errors"], ["Bulkhead", "bulkhead.throttles"]]],
      ["metric", "eu-central-1", "Sum", [["Bulkhead", "gen_ai.usage.input_tokens"], ["Bulkhead", "gen_ai.usage.output_tokens"]]],
      ["metric", "eu-central-1", "p95", [["Bulkhead", "gen_ai.client.operation.duration"]]],
      ["metric", "eu-central-1", "Sum", [["Bulkhead", "bulkhead.dropped_records"], ["Bulkhead", "bulkhead.heartbeat"]]],
    ]
    error_message = "A dashboard shows metrics, never what logs say."
  }
}

run "a_threshold_of_zero_makes_no_alarm" {
  command = plan

  variables {
    alarms = { errors = 0, throttles = 0, dropped_records = 0, tokens_per_hour = 0, heartbeat_minutes = 0 }
  }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.counted) + length(aws_cloudwatch_metric_alarm.tokens) + length(aws_cloudwatch_metric_alarm.heartbeat) == 0
    error_message = "An alarm that is left out rings all the time."
  }
}

run "a_government_region" {
  command = plan

  variables {
    partition      = "aws-us-gov"
    fleet_role_arn = "arn:aws-us-gov:iam::111111111111:role/bulkhead/fleet/bulkhead-acme"
    kms_key_arns   = { records = "arn:aws-us-gov:kms:us-gov-west-1:222222222222:key/0d9c2f1e-7b43-4a5e-9f60-3c1d2e8b7a95" }
  }

  override_data {
    target = data.aws_region.current
    values = { id = "us-gov-west-1" }
  }

  assert {
    condition = alltrue(flatten([
      for s in jsondecode(aws_cloudwatch_log_data_protection_policy.this["records"].policy_document).Statement :
      [for identifier in s.DataIdentifier : startswith(identifier, "arn:aws-us-gov:dataprotection::aws:data-identifier/")]
    ]))
    error_message = "Data identifiers are of the partition."
  }
}
