# What the SCPs deny, and whom; resource_policies.tf has the RCPs. README.md says why, statement by statement.
#
# Conditions are written so that a key which the request lacks denies: a plain negated operator is true for an
# absent key, and none ends in IfExists but the one that spares AWS's own services.

locals {
  account_arn = "arn:${var.partition}:iam::${var.operations_account_id}"

  # Who is spared, by the statement's own word for it.
  spared = {
    nobody        = []
    break_glass   = sort(var.break_glass_role_arns)
    deployers     = sort(setunion(var.deployer_arns, var.break_glass_role_arns))
    stoppers      = sort(setunion(var.deployer_arns, var.break_glass_role_arns, var.stop_executor_arns))
    bootstrappers = sort(setunion(var.bootstrapper_arns, var.break_glass_role_arns))
    watched       = sort(setunion(var.deployer_arns, var.bootstrapper_arns))
  }

  by_administrators = { ArnLike = { "aws:PrincipalArn" = [for name in sort(var.administrator_role_names) : "arn:${var.partition}:iam::*:role/${name}"] } }

  # What a customer wrote does not rest in the operations account.
  content_denials = [
    {
      # Full prompts and answers of every customer would come to rest here.
      Sid       = "InvocationLogging"
      Action    = ["bedrock:PutModelInvocationLoggingConfiguration"]
      Resource  = "*"
      Condition = {}
    },
    {
      Sid       = "DataRetention"
      Action    = ["bedrock:PutAccountDataRetention"]
      Resource  = "*"
      Condition = { StringNotEquals = { "bedrock:DataRetentionMode" = "none" } }
    },
    {
      Sid       = "DataRetentionOfMantle"
      Action    = ["bedrock-mantle:PutAccountDataRetention"]
      Resource  = "*"
      Condition = { StringNotEquals = { "bedrock-mantle:DataRetentionMode" = "none" } }
    },
    {
      # By resource, and without one: the account's retention setting, which alone says a mode, stays with the
      # statement above.
      Sid       = "Mantle"
      Action    = ["bedrock-mantle:*"]
      Resource  = "arn:${var.partition}:bedrock-mantle:*:*:*"
      Condition = {}
    },
    {
      Sid       = "MantleWithoutResource"
      Action    = ["bedrock-mantle:*"]
      Resource  = "*"
      Condition = { Null = { "bedrock-mantle:DataRetentionMode" = "true" } }
    },
    {
      # Neither has fleet roles' conditions; web search sends prompts out of AWS.
      Sid       = "OtherEndpoints"
      Action    = ["bedrock-agentcore:*", "bedrock-websearch:*"]
      Resource  = "*"
      Condition = {}
    },
    {
      # Both write prompts or answers to a bucket.
      Sid       = "BatchJobs"
      Action    = ["bedrock:CreateModelInvocationJob"]
      Resource  = "*"
      Condition = {}
    },
    {
      # The Responses API stores answers in a project; asynchronous calls have no action of their own.
      Sid    = "StoredAnswers"
      Action = ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]
      Resource = [
        "arn:${var.partition}:bedrock:*:*:async-invoke/*",
        "arn:${var.partition}:bedrock:*:*:project/*",
      ]
      Condition = {}
    },
    {
      Sid       = "ReadingStoredAnswers"
      Action    = ["bedrock:CancelInvoke", "bedrock:DeleteInvoke", "bedrock:GetAsyncInvoke", "bedrock:GetInvoke"]
      Resource  = "*"
      Condition = {}
    },
    {
      # RCPs do not reach Bedrock, so nothing else stops a guardrail or a model shared with strangers.
      Sid       = "ResourcePolicies"
      Action    = ["bedrock:PutResourcePolicy"]
      Resource  = "*"
      Condition = {}
    },
    {
      # What puts one replaces it too.
      Sid       = "EnforcedGuardrail"
      Action    = ["bedrock:DeleteEnforcedGuardrailConfiguration", "bedrock:PutEnforcedGuardrailConfiguration"]
      Resource  = "*"
      Condition = {}
    },
    {
      # Global profiles are decided with the Region "unspecified", and so are tools that run in none.
      Sid = "ModelsElsewhere"
      Action = [
        "bedrock:AgenticRetrieve*",
        "bedrock:ApplyGuardrail",
        "bedrock:CountTokens",
        "bedrock:Invoke*",
        "bedrock:Retrieve*",
      ]
      Resource  = "*"
      Condition = { StringNotEquals = { "aws:RequestedRegion" = sort(var.model_regions) } }
    },
  ]

  # What the deploy role makes it also gives rights to: what these roles do besides, nothing else says.
  made_denials = [
    {
      Sid       = "FleetRolesOnlyCall"
      NotAction = ["bedrock:CountTokens", "bedrock:GetInferenceProfile", "bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]
      Resource  = "*"
      Condition = { ArnLike = { "aws:PrincipalArn" = "${local.account_arn}:role/bulkhead/fleet/*" } }
      spares    = "nobody"
    },
    {
      Sid       = "SpendRolesOnlyStop"
      NotAction = ["iam:AttachRolePolicy", "states:StartExecution"]
      Resource  = "*"
      Condition = { ArnLike = { "aws:PrincipalArn" = "${local.account_arn}:role/bulkhead/spend/*" } }
      spares    = "nobody"
    },
    {
      # A break-glass role is not spared: what it does is what is watched. Nor is what stops spending changed by others.
      Sid = "WatchingByOthers"
      Action = [
        "budgets:DeleteBudgetAction",
        "budgets:ModifyBudget",
        "budgets:UpdateBudgetAction",
        "cloudwatch:DeleteAlarms",
        "cloudwatch:DisableAlarmActions",
        "cloudwatch:Put*Alarm",
        # A rule that mutes has a name of its own; which alarms it mutes, no key says.
        "cloudwatch:PutAlarmMuteRule",
        "cloudwatch:SetAlarmState",
        "iam:AttachRolePolicy",
        "iam:DeleteRole*",
        "iam:DetachRolePolicy",
        "iam:PutRole*",
        "iam:UpdateAssumeRolePolicy",
        "s3:DeleteBucket*",
        "s3:Put*Configuration",
        "s3:PutBucket*",
        "states:DeleteStateMachine",
        "states:UpdateStateMachine",
      ]
      Resource = [
        "${local.account_arn}:role/bulkhead/bulkhead-break-glass-*",
        "arn:${var.partition}:budgets::${var.operations_account_id}:budget/bulkhead-*",
        "arn:${var.partition}:cloudwatch:*:${var.operations_account_id}:alarm-mute-rule:*",
        "arn:${var.partition}:cloudwatch:*:${var.operations_account_id}:alarm:bulkhead-*",
        "arn:${var.partition}:s3:::bulkhead-*",
        "arn:${var.partition}:states:*:${var.operations_account_id}:stateMachine:bulkhead-*",
      ]
      Condition = {}
      spares    = "watched"
    },
  ]

  # Who may change what keeps customers apart, and as whom one comes in.
  change_denials = [
    {
      Sid = "ApiKeys"
      Action = [
        "bedrock:CallWithBearerToken",
        "bedrock-mantle:CallWithBearerToken",
        "iam:CreateServiceSpecificCredential",
        "iam:ResetServiceSpecificCredential",
        "iam:UpdateServiceSpecificCredential",
      ]
      Resource  = "*"
      Condition = {}
    },
    {
      # People and pipelines come through roles; keys and other providers outlive whoever made them.
      Sid = "OtherIdentities"
      Action = [
        "iam:AddClientID*",
        "iam:Create*Provider",
        "iam:CreateAccessKey",
        "iam:CreateLoginProfile",
        "iam:CreateUser",
        "iam:DeactivateMFADevice",
        "iam:Update*Provider*",
        "iam:UpdateAccessKey",
        "iam:UpdateLoginProfile",
        # A user can be given another's name.
        "iam:UpdateUser",
        "rolesanywhere:CreateTrustAnchor",
      ]
      Resource  = "*"
      Condition = {}
      spares    = "bootstrappers"
    },
    {
      # Not the policies that stop a role: see Stops.
      Sid = "FleetRoles"
      Action = [
        "iam:CreateRole",
        "iam:DeleteRole*",
        "iam:PutRole*",
        "iam:TagRole",
        "iam:UntagRole",
        "iam:UpdateAssumeRolePolicy",
        "iam:UpdateRole*",
      ]
      # What stops them is as much of a wall as they are.
      Resource  = ["${local.account_arn}:role/bulkhead/fleet/*", "${local.account_arn}:role/bulkhead/spend/*"]
      Condition = {}
      spares    = "deployers"
    },
    {
      # A stop only takes rights away.
      Sid       = "Attachments"
      Action    = ["iam:AttachRolePolicy"]
      Resource  = ["${local.account_arn}:role/bulkhead/fleet/*", "${local.account_arn}:role/bulkhead/spend/*"]
      Condition = length(var.stop_policy_arns) > 0 ? { ArnNotLike = { "iam:PolicyARN" = sort(var.stop_policy_arns) } } : {}
      spares    = "deployers"
    },
    {
      Sid       = "Stops"
      Action    = ["iam:DetachRolePolicy"]
      Resource  = "${local.account_arn}:role/bulkhead/fleet/*"
      Condition = {}
      spares    = "stoppers"
    },
    {
      # Boundaries, and the policies of a stop.
      Sid = "FleetPolicies"
      Action = [
        "iam:CreatePolicy*",
        "iam:DeletePolicy*",
        "iam:SetDefaultPolicyVersion",
        "iam:TagPolicy",
        "iam:UntagPolicy",
      ]
      Resource  = "${local.account_arn}:policy/bulkhead/fleet/*"
      Condition = {}
      spares    = "deployers"
    },
    {
      # A profile's tags say whose cost it is.
      Sid = "Profiles"
      Action = [
        "bedrock:CreateInferenceProfile",
        "bedrock:DeleteInferenceProfile",
        "bedrock:TagResource",
        "bedrock:UntagResource",
      ]
      Resource  = "arn:${var.partition}:bedrock:*:*:application-inference-profile/*"
      Condition = {}
      spares    = "deployers"
    },
    {
      # Whoever could change one of them could become it. Their policies and boundaries lie beside them.
      Sid = "Deployers"
      Action = [
        "iam:AttachRolePolicy",
        "iam:CreatePolicy*",
        "iam:CreateRole",
        "iam:DeletePolicy*",
        "iam:DeleteRole*",
        "iam:DetachRolePolicy",
        "iam:PutRole*",
        "iam:SetDefaultPolicyVersion",
        "iam:TagPolicy",
        "iam:TagRole",
        "iam:UntagPolicy",
        "iam:UntagRole",
        "iam:UpdateAssumeRolePolicy",
        "iam:UpdateRole*",
      ]
      Resource = sort(concat(
        [for arn in setunion(var.deployer_arns, var.bootstrapper_arns, var.break_glass_role_arns, var.stop_executor_arns) : arn if strcontains(arn, ":role/")],
        ["${local.account_arn}:policy/bulkhead/bulkhead-*", "${local.account_arn}:role/bulkhead/bulkhead-audit", "${local.account_arn}:role/bulkhead/bulkhead-plan"],
      ))
      Condition = {}
      spares    = "bootstrappers"
    },
    {
      # A break-glass role is not spared: what it does is what is watched.
      Sid = "Watching"
      Action = [
        "cloudtrail:DeleteTrail",
        "cloudtrail:PutEventSelectors",
        "cloudtrail:StopLogging",
        "cloudtrail:UpdateTrail",
        "events:DeleteRule",
        "events:DisableRule",
        "events:PutRule",
        "events:PutTargets",
        "events:RemoveTargets",
      ]
      Resource = [
        "arn:${var.partition}:cloudtrail:*:${var.operations_account_id}:trail/bulkhead-*",
        "arn:${var.partition}:events:*:${var.operations_account_id}:rule/bulkhead-*",
      ]
      Condition = {}
      spares    = "watched"
    },
    {
      # What would take in customers' logs.
      Sid       = "Receiving"
      Action    = ["logs:PutDestination", "logs:PutDestinationPolicy", "oam:CreateSink", "oam:PutSinkPolicy"]
      Resource  = "*"
      Condition = {}
    },
  ]

  organization_denials = [
    {
      Sid       = "Leaving"
      Action    = ["organizations:LeaveOrganization"]
      Resource  = "*"
      Condition = {}
      spares    = "nobody"
    },
    {
      # As a delegated administrator an account could copy the whole organization's logs, or have them delivered.
      Sid = "LogCentralization"
      Action = [
        "observabilityadmin:CreateCentralizationRuleForOrganization",
        "observabilityadmin:CreateTelemetryRuleForOrganization",
        "observabilityadmin:UpdateCentralizationRuleForOrganization",
        "observabilityadmin:UpdateTelemetryRuleForOrganization",
      ]
      Resource  = "*"
      Condition = {}
      spares    = "nobody"
    },
  ]

  customers_denials = [
    {
      # Metrics may be shared; logs and traces hold content.
      Sid       = "SharedLogs"
      Action    = ["oam:CreateLink", "oam:UpdateLink"]
      Resource  = "*"
      Condition = { "ForAnyValue:StringNotEquals" = { "oam:ResourceTypes" = ["AWS::CloudWatch::Metric"] } }
    },
    {
      # ForAnyValue is false where there is no value.
      Sid       = "SharedUnknown"
      Action    = ["oam:CreateLink", "oam:UpdateLink"]
      Resource  = "*"
      Condition = { Null = { "oam:ResourceTypes" = "true" } }
    },
    {
      # No key tells the kinds of account policy apart; one of them subscribes to every log group.
      Sid = "WaysOut"
      Action = [
        "logs:CreateExportTask",
        "logs:CreateScheduledQuery",
        "logs:PutAccountPolicy",
        "logs:PutBearerTokenAuthentication",
        "logs:UpdateScheduledQuery",
        "observabilityadmin:CreateTelemetryPipeline",
        "observabilityadmin:UpdateTelemetryPipeline",
      ]
      Resource  = "*"
      Condition = {}
    },
    {
      # Only a destination of CloudWatch Logs can be of another account.
      Sid       = "DestinationsElsewhere"
      Action    = ["logs:PutSubscriptionFilter"]
      Resource  = "arn:${var.partition}:logs:*:*:destination:*"
      Condition = { StringNotEquals = { "aws:ResourceAccount" = "$${aws:PrincipalAccount}" } }
    },
    {
      # The resource control policy knows a key by its tag: who takes it away, or writes another, opens the key.
      # A key that is being made has no tag yet.
      Sid      = "Tags"
      Action   = ["kms:TagResource", "kms:UntagResource", "logs:TagLogGroup", "logs:TagResource", "logs:UntagLogGroup", "logs:UntagResource"]
      Resource = "*"
      Condition = {
        "ForAnyValue:StringEquals" = { "aws:TagKeys" = ["bulkhead:customer"] }
        Null                       = { "aws:ResourceTag/bulkhead:customer" = "false" }
      }
    },
    {
      # Reading, and having what one would read sent elsewhere in the account.
      Sid = "ReadingByAdministrators"
      Action = [
        "aiops:*",
        "cloudwatch:*InsightRule*",
        "cloudwatch:PutLogAlarm",
        "logs:AssociateSourceToS3TableIntegration",
        "logs:CreateDelivery",
        "logs:CreateScheduledQuery",
        "logs:FilterLogEvents",
        "logs:Get*",
        "logs:ListAnomalies",
        "logs:PutMetricFilter",
        "logs:PutSubscriptionFilter",
        "logs:StartLiveTail",
        "logs:StartQuery",
        "logs:Unmask",
        "logs:UpdateScheduledQuery",
        "observabilityadmin:Create*",
      ]
      Resource  = "*"
      Condition = local.by_administrators
    },
    {
      # Nobody whom the statement above does not know.
      Sid       = "AdministratorsAsOthers"
      Action    = ["iam:CreateAccessKey", "iam:CreateLoginProfile", "iam:DeactivateMFADevice", "iam:UpdateAccessKey", "iam:UpdateLoginProfile", "sts:AssumeRole"]
      Resource  = "*"
      Condition = local.by_administrators
    },
  ]

  # What a legal hold keeps. A retention may be taken off: then nothing expires.
  held_denials = [
    {
      # Another key could be one that may be deleted.
      Sid       = "HeldRecords"
      Action    = ["logs:AssociateKmsKey", "logs:DeleteLogGroup", "logs:DeleteLogStream", "logs:PutRetentionPolicy"]
      Resource  = "arn:${var.partition}:logs:*:*:log-group:/bulkhead/*"
      Condition = {}
    },
    {
      # Without its key a record cannot be read. The tag is protected on keys that have it.
      Sid       = "HeldKeys"
      Action    = ["kms:DisableKey", "kms:ScheduleKeyDeletion"]
      Resource  = "*"
      Condition = { StringLike = { "aws:ResourceTag/bulkhead:customer" = "*" } }
    },
    {
      # What is in a closed account is gone within months.
      Sid       = "HeldAccount"
      Action    = ["account:CloseAccount"]
      Resource  = "*"
      Condition = {}
    },
  ]

  customers_scp = [
    for denial in concat(local.customers_denials, local.organization_denials) : merge(denial, { spares = "nobody" })
    if !contains(["ReadingByAdministrators", "AdministratorsAsOthers"], denial.Sid) || length(var.administrator_role_names) > 0
  ]
  held_scp = [for denial in local.held_denials : merge(denial, { spares = "nobody" })]

  scps = {
    operations-scp        = concat(local.content_denials, local.made_denials)
    operations-change-scp = concat(local.change_denials, local.organization_denials)
    customers-scp         = local.customers_scp
    held-scp              = local.held_scp
    # Handed over as one, to who holds records in an organization of its own.
    customers-held-scp = concat(local.customers_scp, local.held_scp)
  }

  # Who is spared stands under the operator that such a statement may have anyway: two keys under one operator must
  # both differ.
  scp_documents = {
    for name, denials in local.scps : name => jsonencode({
      Version = "2012-10-17"
      Statement = [
        for denial in denials : merge(
          { Sid = denial.Sid, Effect = "Deny", Resource = denial.Resource },
          { for key in ["Action", "NotAction"] : key => denial[key] if can(denial[key]) },
          {
            for key, condition in {
              Condition = merge(denial.Condition, {
                for operator, keys in {
                  StringNotEquals = merge(
                    try(denial.Condition.StringNotEquals, {}),
                    { for key in ["aws:PrincipalArn"] : key => local.spared[try(denial.spares, "break_glass")] if length(local.spared[try(denial.spares, "break_glass")]) > 0 },
                  )
                } : operator => keys if length(keys) > 0
              })
            } : key => condition if length(condition) > 0
          },
        )
      ]
    })
  }
}
