# Content, owners, holds, and who reads.

mock_provider "aws" {
  mock_resource "aws_kms_key" {
    override_during = plan
    defaults        = { arn = "arn:aws:kms:eu-central-1:222222222222:key/0d9c2f1e-7b43-4a5e-9f60-3c1d2e8b7a95" }
  }

  override_data {
    target = data.aws_region.current
    values = { id = "eu-central-1" }
  }
}

variables {
  customer       = "acme"
  account_id     = "222222222222"
  fleet_role_arn = "arn:aws:iam::111111111111:role/bulkhead/fleet/bulkhead-acme"
  caller         = { type = "lambda" }
}

run "by_default_there_is_neither_content_nor_a_reader" {
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
    condition     = length(aws_iam_role.reader) == 0 && length(aws_iam_role.support) == 0 && output.reader_role_arn == null && output.support_access == {}
    error_message = "Nobody reads unless somebody is named."
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
  }

  assert {
    condition = (
      aws_cloudwatch_log_group.this["content"].name == "/bulkhead/acme/content"
      && aws_cloudwatch_log_group.this["content"].retention_in_days == 7
      && length(aws_kms_key.logs) == 2
      && jsondecode(aws_kms_key.logs["content"].policy).Statement[1].Condition == { StringEquals = { "kms:EncryptionContext:aws:logs:arn" = "arn:aws:logs:eu-central-1:222222222222:log-group:/bulkhead/acme/content" } }
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
    condition = [for s in jsondecode(aws_iam_role_policy.caller.policy).Statement : s.Resource if s.Sid == "DenyAllButWritingRecords"][0] == [
      "arn:aws:logs:eu-central-1:222222222222:log-group:/bulkhead/acme/content",
      "arn:aws:logs:eu-central-1:222222222222:log-group:/bulkhead/acme/content:*",
      "arn:aws:logs:eu-central-1:222222222222:log-group:/bulkhead/acme/bedrock",
      "arn:aws:logs:eu-central-1:222222222222:log-group:/bulkhead/acme/bedrock:*",
    ]
    error_message = "The caller role writes content and may do nothing else with it."
  }
}

run "owners_alone_take_keys_away" {
  command = plan

  variables {
    owner_arns = ["arn:aws:iam::222222222222:role/bulkhead/owner"]
  }

  assert {
    condition = [for s in jsondecode(aws_kms_key.logs["records"].policy).Statement : s if s.Effect == "Deny"] == [{
      Sid       = "OwnersOnly"
      Effect    = "Deny"
      Principal = { AWS = "*" }
      Action    = ["kms:CreateGrant", "kms:DisableKey", "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion"]
      Resource  = "*"
      Condition = { StringNotEquals = { "aws:PrincipalArn" = ["arn:aws:iam::222222222222:role/bulkhead/owner", "arn:aws:iam::222222222222:root"] } }
    }]
    error_message = "Nobody but the owners and the root user may take a key away."
  }

  assert {
    condition     = aws_kms_key.logs["records"].bypass_policy_lockout_safety_check
    error_message = "A deploy role must be able to make a key whose policy it may not change."
  }

  assert {
    condition = alltrue([
      for s in jsondecode(output.owners_only_policy).Statement :
      s.Effect == "Deny" && s.Condition.StringNotEquals["aws:PrincipalArn"] == ["arn:aws:iam::222222222222:role/bulkhead/owner", "arn:aws:iam::222222222222:root"]
    ]) && length(output.owners_only_policy) < 5120
    error_message = "The policy for the organization spares the owners and the root user alone, and fits."
  }
}

run "a_hold_keeps_everything" {
  command = plan

  variables {
    legal_hold = true
    content    = { enabled = true }
  }

  assert {
    condition     = alltrue([for group in aws_cloudwatch_log_group.this : group.retention_in_days == 0 && group.skip_destroy])
    error_message = "While a hold lasts nothing may expire or be destroyed."
  }

  assert {
    condition = alltrue([
      for key in aws_kms_key.logs : [for s in jsondecode(key.policy).Statement : s if s.Effect == "Deny"] == [{
        Sid       = "Kept"
        Effect    = "Deny"
        Principal = { AWS = "*" }
        Action    = ["kms:DisableKey", "kms:ScheduleKeyDeletion"]
        Resource  = "*"
      }]
    ])
    error_message = "What is held must stay readable: nobody deletes its key."
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
      && contains(jsondecode(aws_kms_key.logs["records"].policy).Statement[*].Sid, "Kept")
    )
    error_message = "Records are kept with their key, and still expire."
  }
}

run "a_reader_reads_records_and_nothing_else" {
  command = plan

  variables {
    content = { enabled = true }
    reader  = { principal_arns = ["arn:aws:iam::222222222222:role/auditor"] }
  }

  assert {
    condition = jsondecode(aws_iam_role.reader["reader"].assume_role_policy).Statement == [{
      Sid       = "NamedReaders"
      Effect    = "Allow"
      Principal = { AWS = "arn:aws:iam::222222222222:root" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:PrincipalArn" = ["arn:aws:iam::222222222222:role/auditor"] } }
    }]
    error_message = "Exactly those who are named become the reader."
  }

  assert {
    condition = alltrue([
      jsondecode(aws_iam_role_policy.reader["reader"].policy).Statement[*].Sid == ["ReadGroups", "FindGroupsAndResults", "WatchMetrics", "DecryptThroughLogs", "DenyAllButReading", "DenyOtherGroups"],
      !strcontains(aws_iam_role_policy.reader["reader"].policy, "/bulkhead/acme/content"),
      !strcontains(aws_iam_role_policy.reader["reader"].policy, "Unmask"),
      !strcontains(aws_iam_role_policy.reader["reader"].policy, "111111111111"),
    ])
    error_message = "Without reader.content the reader has records alone, masked."
  }
}

run "a_grant_to_support_ends" {
  command = plan

  variables {
    content = { enabled = true }
    reader  = { principal_arns = ["arn:aws:iam::222222222222:role/auditor"], content = true }
    support_access = {
      case-1 = {
        principal_arns = ["arn:aws:iam::888888888888:role/support/engineer"]
        granted_at     = "2026-01-12T08:00:00Z"
        expires_at     = "2026-01-13T08:00:00Z"
      }
    }
  }

  assert {
    condition = jsondecode(aws_iam_role.support["case-1"].assume_role_policy).Statement == [{
      Sid       = "NamedSupportersForAWhile"
      Effect    = "Allow"
      Principal = { AWS = ["arn:aws:iam::888888888888:root"] }
      Action    = ["sts:AssumeRole", "sts:SetSourceIdentity"]
      Condition = {
        StringEquals          = { "aws:PrincipalArn" = ["arn:aws:iam::888888888888:role/support/engineer"] }
        StringLike            = { "sts:SourceIdentity" = "?*" }
        DateLessThan          = { "aws:CurrentTime" = "2026-01-13T08:00:00Z" }
        DateGreaterThanEquals = { "aws:CurrentTime" = "2026-01-12T08:00:00Z" }
      }
    }]
    error_message = "Support is let in by name and person, for a while."
  }

  assert {
    condition = (
      [for s in jsondecode(aws_iam_role_policy.support["case-1"].policy).Statement : s if s.Sid == "DenyAfterExpiry"] == [{
        Sid       = "DenyAfterExpiry"
        Effect    = "Deny"
        Action    = "*"
        Resource  = "*"
        Condition = { DateGreaterThanEquals = { "aws:CurrentTime" = "2026-01-13T08:00:00Z" } }
      }]
      && !strcontains(aws_iam_role_policy.support["case-1"].policy, "/bulkhead/acme/content")
    )
    error_message = "Sessions of support end with the grant, and never read content."
  }

  assert {
    condition     = aws_iam_role.support["case-1"].tags["bulkhead:support-expires-at"] == "2026-01-13T08:00:00Z"
    error_message = "A grant is recorded where it stands."
  }

  assert {
    condition     = strcontains(aws_iam_role_policy.reader["reader"].policy, "log-group:/bulkhead/acme/content:*")
    error_message = "With reader.content the reader reads content too."
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
      && alltrue([for alarm in aws_cloudwatch_metric_alarm.counted : alarm.alarm_actions == toset(["arn:aws:sns:eu-central-1:222222222222:alarms"])])
    )
    error_message = "An alarm watches another metric than the client writes."
  }

  assert {
    condition     = alltrue([for widget in jsondecode(aws_cloudwatch_dashboard.this["client"].dashboard_body).widgets : widget.type == "metric"])
    error_message = "A dashboard shows metrics, never what logs say."
  }
}
