# What the guardrails deny, and whom. README.md says why, statement by statement.
#
# Conditions are written so that a key which the request lacks denies: a plain negated operator is true for an
# absent key, and none ends in IfExists but the one that spares AWS's own services.

locals {
  # Under the operator that such a statement has anyway: two keys under one operator must both differ.
  unless_break_glass = length(var.break_glass_role_arns) > 0 ? { "aws:PrincipalArn" = sort(var.break_glass_role_arns) } : {}

  by_administrators = { ArnLike = { "aws:PrincipalArn" = [for name in sort(var.administrator_role_names) : "arn:${var.partition}:iam::*:role/${name}"] } }

  operations_denials = [
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
      # People and pipelines come through roles; keys and other providers outlive whoever made them.
      Sid = "OtherIdentities"
      Action = [
        "iam:AddClientIDToOpenIDConnectProvider",
        "iam:CreateAccessKey",
        "iam:CreateLoginProfile",
        "iam:CreateOpenIDConnectProvider",
        "iam:CreateSAMLProvider",
        "iam:CreateUser",
        "iam:UpdateOpenIDConnectProviderThumbprint",
        "iam:UpdateSAMLProvider",
      ]
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

  organization_denials = [
    {
      Sid       = "Leaving"
      Action    = ["organizations:LeaveOrganization"]
      Resource  = "*"
      Condition = {}
    },
    {
      # As a delegated administrator an account could copy the whole organization's logs.
      Sid       = "LogCentralization"
      Action    = ["observabilityadmin:CreateCentralizationRuleForOrganization", "observabilityadmin:UpdateCentralizationRuleForOrganization"]
      Resource  = "*"
      Condition = {}
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
      Sid       = "WaysOut"
      Action    = ["logs:CreateExportTask", "logs:PutAccountPolicy", "logs:PutBearerTokenAuthentication"]
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
      Sid       = "ReadingByAdministrators"
      Action    = ["logs:CreateDelivery", "logs:FilterLogEvents", "logs:Get*", "logs:PutSubscriptionFilter", "logs:StartLiveTail", "logs:StartQuery", "logs:Unmask"]
      Resource  = "*"
      Condition = local.by_administrators
    },
    {
      # Nobody whom the statement above does not know.
      Sid       = "AdministratorsAsOthers"
      Action    = ["iam:CreateAccessKey", "iam:CreateLoginProfile", "sts:AssumeRole"]
      Resource  = "*"
      Condition = local.by_administrators
    },
  ]

  operations_scp = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        for denial in local.operations_denials : merge(
          { Sid = denial.Sid, Effect = "Deny", Action = denial.Action, Resource = denial.Resource },
          {
            for key, condition in {
              Condition = merge(denial.Condition, {
                for operator, keys in { StringNotEquals = merge(try(denial.Condition.StringNotEquals, {}), local.unless_break_glass) } :
                operator => keys if length(keys) > 0
              })
            } : key => condition if length(condition) > 0
          },
        )
      ],
      [for denial in local.organization_denials : { Sid = denial.Sid, Effect = "Deny", Action = denial.Action, Resource = denial.Resource }],
    )
  })

  customers_scp = jsonencode({
    Version = "2012-10-17"
    Statement = [
      for denial in concat(local.customers_denials, local.organization_denials) : merge(
        { Sid = denial.Sid, Effect = "Deny", Action = denial.Action, Resource = denial.Resource },
        { for key in ["Condition"] : key => denial.Condition if length(denial.Condition) > 0 },
      )
      if !contains(["ReadingByAdministrators", "AdministratorsAsOthers"], denial.Sid) || length(var.administrator_role_names) > 0
    ]
  })

  # AWS's services have no account; everybody else has. A request that lacks the key is denied too.
  not_a_service = { "aws:PrincipalIsAWSService" = "false" }

  operations_rcp = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "RolesForListedAccounts"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sts:AssumeRole"
        Resource  = "*"
        Condition = {
          StringNotEquals = { "aws:PrincipalAccount" = sort(setunion(local.guarded, var.trusted_account_ids)) }
          BoolIfExists    = local.not_a_service
        }
      },
      merge(
        {
          # Whoever comes with a token or an assertion has no account.
          Sid       = "RolesForNoFederation"
          Effect    = "Deny"
          Principal = "*"
          Action    = ["sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity"]
        },
        { for element in ["Resource"] : element => "*" if length(var.federated_role_arns) == 0 },
        { for element in ["NotResource"] : element => sort(var.federated_role_arns) if length(var.federated_role_arns) > 0 },
      ),
    ]
  })

  customers_rcp = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "RecordsForOwnAccount"
        Effect    = "Deny"
        Principal = "*"
        Action    = "logs:*"
        Resource  = "arn:${var.partition}:logs:*:*:log-group:/bulkhead/*"
        Condition = {
          StringNotEquals = { "aws:PrincipalAccount" = "$${aws:ResourceAccount}" }
          BoolIfExists    = local.not_a_service
        }
      },
      {
        # Keys that are shared on purpose have no such tag.
        Sid       = "KeysForOwnAccount"
        Effect    = "Deny"
        Principal = "*"
        Action    = "kms:*"
        Resource  = "*"
        Condition = {
          StringNotEquals = { "aws:PrincipalAccount" = "$${aws:ResourceAccount}" }
          StringLike      = { "aws:ResourceTag/bulkhead:customer" = "*" }
          BoolIfExists    = local.not_a_service
        }
      },
    ]
  })
}
