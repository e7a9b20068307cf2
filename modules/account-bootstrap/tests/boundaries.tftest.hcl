# What the roles that deploy an account, and the roles they make, can never do; and on what terms they are given what
# they are given.

mock_provider "aws" {}

variables {
  account_id            = "222222222222"
  kind                  = "customer"
  customer              = "acme"
  regions               = ["eu-central-1", "eu-west-1"]
  deploy_principal_arns = ["arn:aws:iam::222222222222:role/owner"]
  plan_principal_arns   = ["arn:aws:iam::222222222222:role/owner"]
}

run "who_deploys_a_customers_account_reads_nothing_and_becomes_nobody" {
  command = plan

  assert {
    condition = jsondecode(aws_iam_policy.deploy_boundary.policy).Statement == [
      { Sid = "WhatIsGranted", Effect = "Allow", Action = "*", Resource = "*" },
      {
        Sid    = "NoReading"
        Effect = "Deny"
        Action = [
          "logs:FilterLogEvents", "logs:GetLogEvents", "logs:GetLogFields", "logs:GetLogGroupFields", "logs:GetLogObject", "logs:GetLogRecord",
          "logs:GetQueryResults", "logs:GetScheduledQueryHistory", "logs:ListAnomalies", "logs:StartLiveTail", "logs:StartQuery", "logs:Unmask",
          "aiops:*", "cloudwatch:GetInsightRuleReport", "cloudwatch:PutInsightRule", "cloudwatch:PutLogAlarm", "cloudwatch:PutManagedInsightRules",
          "devops-guru:ListAnomalousLogGroups",
        ]
        Resource = "*"
      },
      {
        Sid    = "NoWayOut"
        Effect = "Deny"
        Action = [
          "logs:AssociateSourceToS3TableIntegration", "logs:CreateDelivery", "logs:CreateExportTask", "logs:CreateScheduledQuery",
          "logs:PutAccountPolicy", "logs:PutBearerTokenAuthentication", "logs:PutDelivery*", "logs:PutDestination*", "logs:PutIntegration",
          "logs:PutMetricFilter", "logs:PutResourcePolicy", "logs:PutSubscriptionFilter", "logs:PutSyslogConfiguration", "logs:PutTransformer",
          "logs:UpdateScheduledQuery", "oam:*", "observabilityadmin:*",
        ]
        Resource = "*"
      },
      { Sid = "NoSecrets", Effect = "Deny", Action = ["secretsmanager:BatchGetSecretValue", "secretsmanager:GetSecretValue"], Resource = "*" },
      { Sid = "NoParameters", Effect = "Deny", Action = "ssm:GetParameter*", NotResource = "arn:aws:ssm:*:*:parameter/bulkhead/*/client/*" },
      {
        Sid    = "NoKeys"
        Effect = "Deny"
        Action = [
          "kms:CancelKeyDeletion", "kms:Create*", "kms:Delete*", "kms:Disable*", "kms:Enable*", "kms:ImportKeyMaterial", "kms:PutKeyPolicy",
          "kms:ReplicateKey", "kms:RetireGrant", "kms:RevokeGrant", "kms:RotateKeyOnDemand", "kms:ScheduleKeyDeletion", "kms:TagResource",
          "kms:UntagResource", "kms:Update*", "kms:Decrypt", "kms:DeriveSharedSecret", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*",
        ]
        Resource = "*"
      },
      {
        Sid    = "NoLoss"
        Effect = "Deny"
        Action = [
          "logs:AssociateKmsKey", "logs:DeleteDataProtectionPolicy", "logs:DeleteLog*", "logs:DeleteRetentionPolicy", "logs:DisassociateKmsKey",
          "logs:PutLogGroupDeletionProtection",
        ]
        Resource = "*"
      },
      {
        Sid    = "NoCodeOfOthers"
        Effect = "Deny"
        Action = [
          "batch:SubmitJob", "cloudformation:CreateChangeSet", "cloudformation:CreateStackInstances", "cloudformation:ExecuteChangeSet",
          "cloudformation:UpdateStack*", "codebuild:StartBuild*", "codebuild:Update*", "ec2-instance-connect:Send*", "ec2:ModifyInstanceAttribute",
          "ecs:ExecuteCommand", "eks:*Access*", "elasticmapreduce:Add*", "glue:StartJobRun", "glue:UpdateJob", "lambda:AddPermission",
          "lambda:UpdateFunction*", "sagemaker:CreatePresigned*", "ssm:*Association*", "ssm:SendCommand", "ssm:Start*", "ssm:UpdateDocument*",
          "states:UpdateStateMachine",
        ]
        Resource = "*"
      },
      {
        Sid    = "NoModels"
        Effect = "Deny"
        Action = [
          "bedrock-mantle:*", "bedrock:*Invoke*", "bedrock:*Retention", "bedrock:CallWithBearerToken",
          "bedrock:PutModelInvocationLoggingConfiguration", "bedrock:PutResourcePolicy",
        ]
        Resource = "*"
      },
      {
        Sid    = "NoOtherIdentities"
        Effect = "Deny"
        Action = [
          "iam:*AccessKey*", "iam:*Group*", "iam:*LoginProfile*", "iam:*MFADevice*", "iam:*OpenIDConnect*", "iam:*SAML*", "iam:*SSH*",
          "iam:*ServiceSpecificCredential*", "iam:*SigningCertificate*", "iam:*User*", "sts:AssumeRole*", "sts:GetFederationToken",
          "sts:GetWebIdentityToken",
        ]
        Resource = "*"
      },
      {
        Sid    = "NoBootstrap"
        Effect = "Deny"
        Action = [
          "iam:Add*", "iam:Attach*", "iam:Create*", "iam:Delete*", "iam:Detach*", "iam:PassRole", "iam:Put*", "iam:Remove*", "iam:Set*", "iam:Tag*",
          "iam:Untag*", "iam:Update*",
        ]
        Resource = [
          "arn:aws:iam::222222222222:role/bulkhead/bulkhead-deploy", "arn:aws:iam::222222222222:role/bulkhead/bulkhead-plan",
          "arn:aws:iam::222222222222:role/bulkhead/bulkhead-audit", "arn:aws:iam::222222222222:role/bulkhead/reader/*",
          "arn:aws:iam::222222222222:policy/bulkhead/bulkhead-boundary", "arn:aws:iam::222222222222:policy/bulkhead/bulkhead-deploy-boundary",
          "arn:aws:iam::222222222222:oidc-provider/*",
        ]
      },
      {
        Sid         = "OwnRolesOnly"
        Effect      = "Deny"
        Action      = ["iam:PassRole", "iam:UpdateAssumeRolePolicy"]
        NotResource = ["arn:aws:iam::222222222222:role/bulkhead/bulkhead-caller"]
      },
      {
        Sid       = "NoRoleWithoutBoundary"
        Effect    = "Deny"
        Action    = ["iam:AttachRolePolicy", "iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"]
        Resource  = "*"
        Condition = { ArnNotLike = { "iam:PermissionsBoundary" = ["arn:aws:iam::222222222222:policy/bulkhead/bulkhead-boundary"] } }
      },
      { Sid = "NoBoundaryTakenAway", Effect = "Deny", Action = "iam:DeleteRolePermissionsBoundary", Resource = "*" },
    ]
    error_message = "The boundary of the deploy roles is not the one the design asks for."
  }
}

run "what_is_made_in_a_customers_account_reads_nothing_and_becomes_fleet_roles_alone" {
  command = plan

  # The same actions as above, which are not said again.
  assert {
    condition = (
      [for s in jsondecode(aws_iam_policy.boundary.policy).Statement : s.Action if s.Sid == "NoRecords"] == [concat(
        [for s in jsondecode(aws_iam_policy.deploy_boundary.policy).Statement : s.Action if contains(["NoReading", "NoWayOut"], s.Sid)]...
      )]
      && concat([for s in jsondecode(aws_iam_policy.boundary.policy).Statement : s.Action if contains(["NoKeysOfRecords", "NoDecryptionOfRecords"], s.Sid)]...)
      == [for s in jsondecode(aws_iam_policy.deploy_boundary.policy).Statement : s.Action if s.Sid == "NoKeys"][0]
      && [for s in jsondecode(aws_iam_policy.boundary.policy).Statement : s if s.Sid == "NoCodeOfOthers"] == [for s in jsondecode(aws_iam_policy.deploy_boundary.policy).Statement : s if s.Sid == "NoCodeOfOthers"]
    )
    error_message = "A role that is made may do with records what the deploy role may not."
  }

  assert {
    condition = [for s in jsondecode(aws_iam_policy.boundary.policy).Statement : merge(s, contains(["NoRecords", "NoKeysOfRecords", "NoCodeOfOthers"], s.Sid) ? { Action = [] } : {})] == [
      { Sid = "WhatIsGivenToIt", Effect = "Allow", Action = "*", Resource = "*" },
      { Sid = "NoRecords", Effect = "Deny", Action = [], Resource = "*" },
      {
        Sid    = "NoLossOfRecords"
        Effect = "Deny"
        Action = [
          "logs:AssociateKmsKey", "logs:DeleteDataProtectionPolicy", "logs:DeleteLog*", "logs:DeleteRetentionPolicy", "logs:DisassociateKmsKey",
          "logs:PutLogGroupDeletionProtection", "logs:PutDataProtectionPolicy", "logs:PutRetentionPolicy",
        ]
        Resource = "arn:aws:logs:*:*:log-group:/bulkhead/*"
      },
      {
        Sid       = "NoKeysOfRecords"
        Effect    = "Deny"
        Action    = []
        Resource  = "*"
        Condition = { StringLike = { "aws:ResourceTag/bulkhead:customer" = "*" } }
      },
      {
        Sid       = "NoDecryptionOfRecords"
        Effect    = "Deny"
        Action    = ["kms:Decrypt", "kms:DeriveSharedSecret", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
        Resource  = "*"
        Condition = { StringLike = { "aws:ResourceTag/bulkhead:customer" = "*" }, StringNotLike = { "kms:ViaService" = "logs.*.amazonaws.com" } }
      },
      { Sid = "NoOtherRoles", Effect = "Deny", Action = "sts:AssumeRole*", NotResource = "arn:aws:iam::*:role/bulkhead/fleet/*" },
      { Sid = "NoCodeOfOthers", Effect = "Deny", Action = [], Resource = "*" },
      {
        Sid    = "NoIdentities"
        Effect = "Deny"
        Action = [
          "iam:Add*", "iam:Attach*", "iam:Create*", "iam:Delete*", "iam:Detach*", "iam:PassRole", "iam:Put*", "iam:Remove*", "iam:Set*", "iam:Tag*",
          "iam:Untag*", "iam:Update*", "iam:Accept*", "iam:Acquire*", "iam:Associate*", "iam:ChangePassword", "iam:Deactivate*", "iam:Enable*",
          "iam:Re*", "iam:Send*", "iam:Upload*",
        ]
        Resource = "*"
      },
    ]
    error_message = "The boundary of the roles that are made is not the one the design asks for."
  }
}

run "what_a_customers_deploy_role_is_given_has_terms" {
  command = plan

  assert {
    condition = { for s in jsondecode(aws_iam_role_policy.this["deploy"].policy).Statement : s.Sid => s.Condition if can(s.Condition) } == {
      Alarms                         = { "ForAllValues:StringLike" = { "cloudwatch:AlarmActions" = "arn:aws:sns:*:222222222222:*" } }
      CallerRoleRights               = { ArnEquals = { "iam:PermissionsBoundary" = "arn:aws:iam::222222222222:policy/bulkhead/bulkhead-boundary" } }
      NewCallerRoleWithinItsBoundary = { ArnEquals = { "iam:PermissionsBoundary" = "arn:aws:iam::222222222222:policy/bulkhead/bulkhead-boundary" } }
      CallerRoleIntoItsProfile       = { StringEquals = { "iam:PassedToService" = "ec2.amazonaws.com" } }
    }
    error_message = "The deploy role is given something on other terms."
  }

  assert {
    condition     = [for s in jsondecode(aws_iam_role_policy.this["deploy"].policy).Statement : s.Sid if contains(s.Resource, "*")] == ["ReadParameters"]
    error_message = "The deploy role is given something on whatever there is."
  }
}

run "what_operations_deploy_role_is_given_has_terms" {
  command = plan

  variables {
    account_id            = "111111111111"
    kind                  = "operations"
    customer              = ""
    deploy_principal_arns = ["arn:aws:iam::111111111111:role/owner"]
    plan_principal_arns   = ["arn:aws:iam::111111111111:role/owner"]
  }

  assert {
    condition = { for s in jsondecode(aws_iam_role_policy.this["deploy"].policy).Statement : s.Sid => s.Condition if can(s.Condition) } == {
      FleetRoleRights = { ArnLike = { "iam:PermissionsBoundary" = "arn:aws:iam::111111111111:policy/bulkhead/fleet/*-boundary" } }
      SpendAlarms     = { "ForAllValues:StringLike" = { "cloudwatch:AlarmActions" = "arn:aws:sns:*" } }
      SpendRuleTarget = {
        "ForAllValues:ArnLike" = { "events:TargetArn" = "arn:aws:states:*:111111111111:stateMachine:bulkhead-spend-stop" }
        Null                   = { "events:TargetArn" = "false" }
      }
      SpendRoleRights           = { ArnEquals = { "iam:PermissionsBoundary" = "arn:aws:iam::111111111111:policy/bulkhead/bulkhead-boundary" } }
      SpendRolesIntoTheExecutor = { StringEquals = { "iam:PassedToService" = ["budgets.amazonaws.com", "events.amazonaws.com", "states.amazonaws.com"] } }
    }
    error_message = "The deploy role is given something on other terms."
  }

  assert {
    condition     = [for s in jsondecode(aws_iam_role_policy.this["deploy"].policy).Statement : s.Sid if contains(s.Resource, "*")] == ["ReadSpendDefinition"]
    error_message = "The deploy role is given something on whatever there is."
  }
}

run "what_the_organizations_deploy_role_is_given_has_terms" {
  command = plan

  variables {
    account_id            = "999999999999"
    kind                  = "organization"
    customer              = ""
    deploy_principal_arns = ["arn:aws:iam::999999999999:role/owner"]
    plan_principal_arns   = ["arn:aws:iam::999999999999:role/owner"]
  }

  assert {
    condition = { for s in jsondecode(aws_iam_role_policy.this["deploy"].policy).Statement : s.Sid => s.Condition if can(s.Condition) } == {
      NewGuardrails = { StringEqualsIfExists = { "organizations:PolicyType" = ["RESOURCE_CONTROL_POLICY", "SERVICE_CONTROL_POLICY"] } }
    }
    error_message = "The deploy role is given something on other terms."
  }

  assert {
    condition     = [for s in jsondecode(aws_iam_role_policy.this["deploy"].policy).Statement : s.Sid if contains(s.Resource, "*")] == ["ReadOrganization"]
    error_message = "The deploy role is given something on whatever there is."
  }
}

run "fleet_boundaries_are_for_fleet_roles" {
  command = plan

  variables {
    account_id            = "111111111111"
    kind                  = "operations"
    customer              = ""
    deploy_principal_arns = ["arn:aws:iam::111111111111:role/owner"]
    plan_principal_arns   = ["arn:aws:iam::111111111111:role/owner"]
  }

  assert {
    condition = [for s in jsondecode(aws_iam_policy.deploy_boundary.policy).Statement : s if s.Sid == "NoFleetBoundaryElsewhere"] == [
      {
        Sid         = "NoFleetBoundaryElsewhere"
        Effect      = "Deny"
        Action      = ["iam:AttachRolePolicy", "iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"]
        NotResource = "arn:aws:iam::111111111111:role/bulkhead/fleet/*"
        Condition   = { ArnNotEquals = { "iam:PermissionsBoundary" = "arn:aws:iam::111111111111:policy/bulkhead/bulkhead-boundary" } }
      },
    ]
    error_message = "A role with a boundary that the deploy role wrote is made elsewhere than among the fleet's."
  }

  # In operations, too.
  assert {
    condition = [for s in jsondecode(aws_iam_policy.boundary.policy).Statement : s.Action if s.Sid == "NoIdentities"] == [
      [
        "iam:Add*", "iam:Attach*", "iam:Create*", "iam:Delete*", "iam:Detach*", "iam:PassRole", "iam:Put*", "iam:Remove*", "iam:Set*", "iam:Tag*",
        "iam:Untag*", "iam:Update*", "iam:Accept*", "iam:Acquire*", "iam:Associate*", "iam:ChangePassword", "iam:Deactivate*", "iam:Enable*",
        "iam:Re*", "iam:Send*", "iam:Upload*",
      ],
    ]
    error_message = "An executor may write to IAM."
  }

  # No variable makes it longer, and no other kind of account.
  assert {
    condition     = length(aws_iam_policy.boundary.policy) <= 6144
    error_message = "AWS would refuse the boundary: it has ${length(aws_iam_policy.boundary.policy)} characters."
  }
}
