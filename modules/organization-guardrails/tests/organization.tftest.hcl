# The organization that the policies are for, and who is told of an emergency.

mock_provider "aws" {
  override_data {
    target = data.aws_organizations_organization.this
    values = {
      master_account_id             = "999999999999"
      accounts                      = [{ id = "999999999999" }, { id = "111111111111" }, { id = "222222222222" }, { id = "222222222223" }, { id = "333333333333" }]
      aws_service_access_principals = []
      roots = [{
        policy_types = [
          { type = "SERVICE_CONTROL_POLICY", status = "ENABLED" },
          { type = "RESOURCE_CONTROL_POLICY", status = "ENABLED" },
        ]
      }]
    }
  }

  override_data {
    target = data.aws_region.this
    values = { id = "eu-central-1" }
  }
}

variables {
  operations_account_id = "111111111111"
  customers = {
    acme   = { accounts = ["222222222222", "222222222223"] }
    globex = { accounts = ["333333333333"] }
  }
  model_regions     = ["eu-central-1"]
  deployer_arns     = ["arn:aws:iam::111111111111:role/bulkhead/bulkhead-deploy"]
  bootstrapper_arns = ["arn:aws:iam::111111111111:role/OrganizationAccountAccessRole"]
}

run "a_hold_of_the_management_account_is_refused" {
  command = plan

  variables {
    held_account_ids = ["999999999999"]
  }

  expect_failures = [data.aws_organizations_organization.this]
}

run "operations_in_the_management_account_are_refused" {
  command = plan

  override_data {
    target = data.aws_organizations_organization.this
    values = {
      master_account_id             = "111111111111"
      accounts                      = [{ id = "111111111111" }, { id = "222222222222" }, { id = "222222222223" }, { id = "333333333333" }]
      aws_service_access_principals = []
      roots                         = [{ policy_types = [{ type = "SERVICE_CONTROL_POLICY", status = "ENABLED" }, { type = "RESOURCE_CONTROL_POLICY", status = "ENABLED" }] }]
    }
  }

  expect_failures = [data.aws_organizations_organization.this]
}

run "an_organization_without_resource_control_policies_is_refused" {
  command = plan

  override_data {
    target = data.aws_organizations_organization.this
    values = {
      master_account_id             = "999999999999"
      accounts                      = [{ id = "111111111111" }, { id = "222222222222" }, { id = "222222222223" }, { id = "333333333333" }]
      aws_service_access_principals = []
      roots                         = [{ policy_types = [{ type = "SERVICE_CONTROL_POLICY", status = "ENABLED" }, { type = "RESOURCE_CONTROL_POLICY", status = "PENDING_ENABLE" }, { type = "TAG_POLICY", status = "ENABLED" }] }]
    }
  }

  expect_failures = [data.aws_organizations_organization.this]
}

run "trusted_access_of_cloudwatch_is_refused" {
  command = plan

  override_data {
    target = data.aws_organizations_organization.this
    values = {
      master_account_id             = "999999999999"
      accounts                      = [{ id = "111111111111" }, { id = "222222222222" }, { id = "222222222223" }, { id = "333333333333" }]
      aws_service_access_principals = ["observabilityadmin.amazonaws.com"]
      roots                         = [{ policy_types = [{ type = "SERVICE_CONTROL_POLICY", status = "ENABLED" }, { type = "RESOURCE_CONTROL_POLICY", status = "ENABLED" }] }]
    }
  }

  expect_failures = [data.aws_organizations_organization.this]
}

run "trusted_access_of_cloudwatch_can_be_allowed" {
  command = plan

  variables {
    allow_log_centralization = true
  }

  override_data {
    target = data.aws_organizations_organization.this
    values = {
      master_account_id             = "999999999999"
      accounts                      = [{ id = "111111111111" }, { id = "222222222222" }, { id = "222222222223" }, { id = "333333333333" }]
      aws_service_access_principals = ["observabilityadmin.amazonaws.com"]
      roots                         = [{ policy_types = [{ type = "SERVICE_CONTROL_POLICY", status = "ENABLED" }, { type = "RESOURCE_CONTROL_POLICY", status = "ENABLED" }] }]
    }
  }

  assert {
    condition     = length(aws_organizations_policy.this) > 0
    error_message = "Whoever allows it is refused."
  }
}

run "a_hold_of_another_organization_is_refused" {
  command = plan

  variables {
    held_account_ids = ["777777777777"]
  }

  expect_failures = [data.aws_organizations_organization.this]
}

run "an_address_alone_makes_no_alarm" {
  command = plan

  variables {
    break_glass_emails = ["security@example.com"]
  }

  assert {
    condition     = length(aws_sns_topic.break_glass) + length(aws_sns_topic_subscription.break_glass) == 0
    error_message = "Somebody is to be told of roles that are not there."
  }
}

run "break_glass_is_spared_and_alarmed" {
  command = plan

  variables {
    break_glass_role_arns = ["arn:aws:iam::111111111111:role/glass"]
    break_glass_emails    = ["security@example.com"]
  }

  override_resource {
    target          = aws_kms_key.alarm
    override_during = plan
    values          = { arn = "arn:aws:kms:eu-central-1:999999999999:key/0d9c2f1e-7b43-4a5e-9f60-3c1d2e8b7a95" }
  }

  override_resource {
    target          = aws_sns_topic.break_glass
    override_during = plan
    values          = { arn = "arn:aws:sns:eu-central-1:999999999999:bulkhead-break-glass" }
  }

  assert {
    condition = [
      for s in jsondecode(aws_organizations_policy.this["operations-scp"].content).Statement : s.Condition if s.Sid == "MantleWithoutResource"
      ] == [{
        Null            = { "bedrock-mantle:DataRetentionMode" = "true" }
        StringNotEquals = { "aws:PrincipalArn" = ["arn:aws:iam::111111111111:role/glass"] }
    }]
    error_message = "A break-glass role takes the place of a statement's own condition."
  }

  assert {
    condition = {
      for s in jsondecode(aws_organizations_policy.this["operations-change-scp"].content).Statement : s.Sid => contains(try(s.Condition.StringNotEquals["aws:PrincipalArn"], []), "arn:aws:iam::111111111111:role/glass")
      if contains(["FleetRoles", "Deployers", "Watching", "Leaving", "LogCentralization"], s.Sid)
    } == { FleetRoles = true, Deployers = true, Watching = false, Leaving = false, LogCentralization = false }
    error_message = "A break-glass role may switch off what watches it, or may not work."
  }

  assert {
    condition = [
      for s in jsondecode(aws_organizations_policy.this["operations-rcp"].content).Statement : s if s.Sid == "BreakGlassInOneRegion"
      ] == [{
        Sid       = "BreakGlassInOneRegion"
        Effect    = "Deny"
        Principal = "*"
        Action    = ["sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity"]
        Resource  = ["arn:aws:iam::111111111111:role/glass"]
        Condition = { StringNotEquals = { "aws:RequestedRegion" = ["eu-central-1"] } }
    }]
    error_message = "A break-glass role can be assumed where nobody listens."
  }

  assert {
    condition     = aws_cloudwatch_event_rule.break_glass["break-glass"].state == "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
    error_message = "The rule may not hear what CloudTrail marks as reading, such as an assumption."
  }

  assert {
    condition = jsondecode(aws_cloudwatch_event_rule.break_glass["break-glass"].event_pattern) == {
      account     = ["111111111111"]
      source      = ["aws.sts"]
      detail-type = ["AWS API Call via CloudTrail"]
      detail = {
        eventSource       = ["sts.amazonaws.com"]
        eventName         = ["AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"]
        requestParameters = { roleArn = ["arn:aws:iam::111111111111:role/glass"] }
      }
    }
    error_message = "The alarm listens for another role, or misses a way to assume it."
  }

  # KMS is not told whose event it is: a condition on aws:Source… would let none in.
  assert {
    condition = jsondecode(aws_kms_key.alarm["break-glass"].policy).Statement == [
      {
        Sid       = "Administration"
        Effect    = "Allow"
        Principal = { AWS = "arn:aws:iam::999999999999:root" }
        Action    = "kms:*"
        Resource  = "*"
      },
      {
        Sid       = "Events"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = ["kms:Decrypt", "kms:GenerateDataKey*"]
        Resource  = "*"
        Condition = { StringEquals = { "kms:EncryptionContext:aws:sns:topicArn" = "arn:aws:sns:eu-central-1:999999999999:bulkhead-break-glass" } }
      },
    ]
    error_message = "No event reaches the encrypted topic, or the key serves another."
  }

  # What is allowed asks for nothing that EventBridge does not tell a topic.
  assert {
    condition = jsondecode(aws_sns_topic_policy.break_glass["break-glass"].policy).Statement == [
      {
        Sid       = "Events"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sns:Publish"
        Resource  = "arn:aws:sns:eu-central-1:999999999999:bulkhead-break-glass"
      },
      {
        Sid       = "OfNoOtherRule"
        Effect    = "Deny"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sns:Publish"
        Resource  = "arn:aws:sns:eu-central-1:999999999999:bulkhead-break-glass"
        Condition = {
          ArnNotEquals = { "aws:SourceArn" = "arn:aws:events:eu-central-1:999999999999:rule/bulkhead-break-glass/bulkhead-break-glass" }
          Null         = { "aws:SourceArn" = "false" }
        }
      },
    ]
    error_message = "The topic refuses the alarm, or takes what it is told to be another's."
  }

  assert {
    condition = jsondecode(aws_cloudwatch_event_bus_policy.break_glass["break-glass"].policy).Statement == [{
      Sid       = "EventsOfOperations"
      Effect    = "Allow"
      Principal = { AWS = "arn:aws:iam::111111111111:root" }
      Action    = "events:PutEvents"
      Resource  = "arn:aws:events:eu-central-1:999999999999:event-bus/bulkhead-break-glass"
    }]
    error_message = "The bus hears others than the operations account, or not even that."
  }

  # From the bus to people, each on to the next.
  assert {
    condition = (
      aws_cloudwatch_event_bus_policy.break_glass["break-glass"].event_bus_name == aws_cloudwatch_event_bus.break_glass["break-glass"].name
      && aws_cloudwatch_event_rule.break_glass["break-glass"].event_bus_name == aws_cloudwatch_event_bus.break_glass["break-glass"].name
      && aws_cloudwatch_event_target.break_glass["break-glass"].event_bus_name == aws_cloudwatch_event_bus.break_glass["break-glass"].name
      && aws_cloudwatch_event_target.break_glass["break-glass"].rule == "bulkhead-break-glass"
      && aws_cloudwatch_event_rule.break_glass["break-glass"].name == "bulkhead-break-glass"
      && aws_cloudwatch_event_target.break_glass["break-glass"].arn == aws_sns_topic.break_glass["break-glass"].arn
      && aws_sns_topic_policy.break_glass["break-glass"].arn == aws_sns_topic.break_glass["break-glass"].arn
      && aws_sns_topic.break_glass["break-glass"].kms_master_key_id == aws_kms_key.alarm["break-glass"].arn
      && aws_kms_key.alarm["break-glass"].enable_key_rotation
      && alltrue([for s in aws_sns_topic_subscription.break_glass : s.topic_arn == aws_sns_topic.break_glass["break-glass"].arn && s.protocol == "email"])
    )
    error_message = "The alarm ends on its way to people, or lies unencrypted."
  }

  assert {
    condition     = [for s in aws_sns_topic_subscription.break_glass : s.endpoint] == ["security@example.com"]
    error_message = "Nobody is told."
  }
}

run "customers_of_other_organizations_get_documents" {
  command = plan

  variables {
    customers = {
      acme    = { accounts = ["222222222222"] }
      initech = { accounts = ["444444444444", "444444444445"], own_organization = true }
    }
  }

  assert {
    condition = (
      jsonencode(output.handed_over_policies["initech"].accounts) == jsonencode(["444444444444", "444444444445"]) &&
      output.handed_over_policies["initech"].SERVICE_CONTROL_POLICY == output.policy_documents["customers-scp"] &&
      jsondecode(output.handed_over_policies["initech"].RESOURCE_CONTROL_POLICY).Statement[0].Condition.StringNotEquals == { "aws:PrincipalAccount" = ["444444444444", "444444444445"] }
    )
    error_message = "The customer's own organization is handed something else than what guards the others."
  }

  assert {
    condition     = keys(output.handed_over_policies) == ["initech"] && !contains(keys(output.policy_accounts), "customer-initech-rcp") && !contains(output.policy_accounts["customers-scp"], "444444444444")
    error_message = "A customer of another organization is guarded from here, where that binds nobody."
  }

  assert {
    condition     = contains(jsondecode(aws_organizations_policy.this["operations-rcp"].content).Statement[0].Condition.StringNotEquals["aws:PrincipalAccount"], "444444444444")
    error_message = "A customer of another organization is locked out of its fleet role."
  }
}

run "a_document_that_is_too_long_is_not_handed_over" {
  command = plan

  variables {
    customers = {
      acme    = { accounts = ["222222222222"] }
      initech = { accounts = ["444444444444"], own_organization = true }
    }
    administrator_role_names = [for n in range(60) : "a-role-with-a-long-name-of-an-administrator-${n}"]
  }

  expect_failures = [output.handed_over_policies, aws_organizations_policy.this]
}

run "nobody_to_guard_but_operations" {
  command = plan

  variables {
    customers = { initech = { accounts = ["444444444444"], own_organization = true } }
  }

  assert {
    condition     = keys(output.policy_accounts) == ["operations-change-scp", "operations-rcp", "operations-scp"]
    error_message = "A policy is attached to nobody."
  }

  assert {
    condition     = keys(aws_organizations_policy.this) == keys(output.policy_accounts)
    error_message = "A policy is made for nobody."
  }
}

run "an_account_of_another_organization_cannot_be_guarded" {
  command = plan

  variables {
    customers = { acme = { accounts = ["555555555555"] } }
  }

  expect_failures = [data.aws_organizations_organization.this]
}

run "what_watches_is_changed_by_no_break_glass_role" {
  command = plan

  variables {
    break_glass_role_arns = ["arn:aws:iam::111111111111:role/glass"]
    break_glass_emails    = ["security@example.com"]
  }

  assert {
    condition = [
      for s in jsondecode(aws_organizations_policy.this["operations-scp"].content).Statement : s.Condition if s.Sid == "WatchingByOthers"
      ] == [{
        StringNotEquals = { "aws:PrincipalArn" = ["arn:aws:iam::111111111111:role/OrganizationAccountAccessRole", "arn:aws:iam::111111111111:role/bulkhead/bulkhead-deploy"] }
    }]
    error_message = "What watches a break-glass role can be changed by it, or by nobody."
  }

  # A rule that mutes is named by itself, and not by the alarms that it mutes.
  assert {
    condition = [
      for s in jsondecode(aws_organizations_policy.this["operations-scp"].content).Statement :
      [contains(s.Action, "cloudwatch:PutAlarmMuteRule"), contains(s.Resource, "arn:aws:cloudwatch:*:111111111111:alarm-mute-rule:*")] if s.Sid == "WatchingByOthers"
    ] == [[true, true]]
    error_message = "The alarms can be muted."
  }

  # A break-glass role is named by nearly every statement.
  assert {
    condition     = alltrue([for policy in aws_organizations_policy.this : length(policy.content) <= 5000])
    error_message = "One break-glass role fills a policy: ${jsonencode({ for name, policy in aws_organizations_policy.this : name => length(policy.content) })}"
  }
}
