# Who may become the two roles, what they may do, and what neither they nor the roles they make ever can.
# README.md says why, statement by statement.

module "trust" {
  source = "./modules/trust"

  partition  = var.partition
  account_id = var.account_id
  github     = var.github
  gitlab     = var.gitlab
  roles = {
    deploy = { principal_arns = var.deploy_principal_arns, jobs = "deploy" }
    plan   = { principal_arns = var.plan_principal_arns, jobs = "plan" }
  }
}

locals {
  ################################################################################
  # Grants
  ################################################################################

  # What is asked for in some accounts only, by the word for it in grants.yaml. An unknown word gives nothing.
  needed = {
    retention = !var.legal_hold
    caller    = var.caller_is_made
    existing  = !var.caller_is_made
  }
  grants = [for grant in local.grants_of_kind : grant if can(grant.when) ? try(local.needed[grant.when], false) : true]

  grants_of_kind = yamldecode(
    replace(replace(replace(replace(replace(
      file("${path.module}/grants.yaml"),
      "{partition}", var.partition),
      "{account}", var.account_id),
      "{customer}", var.customer),
      "{caller_name}", local.caller_name),
    "{caller_role}", var.caller_role)
  )[var.kind]

  grant_resources = {
    for grant in local.grants : grant.sid => distinct(flatten([
      for resource in grant.resources : [for region in sort(var.regions) : replace(resource, "{region}", region)]
    ]))
  }

  reads = [
    for grant in local.grants : {
      Sid      = "Read${grant.sid}"
      Effect   = "Allow"
      Action   = concat(try(grant.read, []), keys(try(grant.preview, {})))
      Resource = local.grant_resources[grant.sid]
    } if length(try(grant.read, [])) + length(try(grant.preview, {})) > 0
  ]
  writes = [
    for grant in local.grants : merge(
      {
        Sid      = grant.sid
        Effect   = "Allow"
        Action   = concat(try(grant.write, []), keys(try(grant.change, {})))
        Resource = local.grant_resources[grant.sid]
      },
      { for name in ["Condition"] : name => grant.condition if can(grant.condition) },
    ) if length(try(grant.write, [])) + length(try(grant.change, {})) > 0
  ]

  grants_policy = {
    deploy = jsonencode({ Version = "2012-10-17", Statement = concat(local.reads, local.writes) })
    plan   = jsonencode({ Version = "2012-10-17", Statement = local.reads })
  }

  ################################################################################
  # Denials
  ################################################################################

  reading = [
    "logs:FilterLogEvents", "logs:GetLogEvents", "logs:GetLogFields", "logs:GetLogGroupFields", "logs:GetLogObject", "logs:GetLogRecord",
    "logs:GetQueryResults", "logs:GetScheduledQueryHistory", "logs:ListAnomalies", "logs:StartLiveTail", "logs:StartQuery", "logs:Unmask",
    # These read any group and ask for no right of CloudWatch Logs: Contributor Insights, investigations, anomalies.
    "aiops:*", "cloudwatch:GetInsightRuleReport", "cloudwatch:PutInsightRule", "cloudwatch:PutLogAlarm", "cloudwatch:PutManagedInsightRules",
    "devops-guru:ListAnomalousLogGroups",
  ]
  outlets = [
    "logs:AssociateSourceToS3TableIntegration", "logs:CreateDelivery", "logs:CreateExportTask", "logs:CreateScheduledQuery", "logs:PutAccountPolicy",
    "logs:PutBearerTokenAuthentication", "logs:PutDelivery*", "logs:PutDestination*", "logs:PutIntegration", "logs:PutMetricFilter",
    "logs:PutResourcePolicy", "logs:PutSubscriptionFilter", "logs:PutSyslogConfiguration", "logs:PutTransformer", "logs:UpdateScheduledQuery",
    "oam:*", "observabilityadmin:*",
  ]
  key_rights = [
    "kms:CancelKeyDeletion", "kms:Create*", "kms:Delete*", "kms:Disable*", "kms:Enable*", "kms:ImportKeyMaterial", "kms:PutKeyPolicy", "kms:ReplicateKey",
    "kms:RetireGrant", "kms:RevokeGrant", "kms:RotateKeyOnDemand", "kms:ScheduleKeyDeletion", "kms:TagResource", "kms:UntagResource", "kms:Update*",
  ]
  key_uses   = ["kms:Decrypt", "kms:DeriveSharedSecret", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
  iam_writes = ["iam:Add*", "iam:Attach*", "iam:Create*", "iam:Delete*", "iam:Detach*", "iam:PassRole", "iam:Put*", "iam:Remove*", "iam:Set*", "iam:Tag*", "iam:Untag*", "iam:Update*"]
  # What else makes somebody another: roles of templates, others' credentials and second factors.
  iam_others = ["iam:Accept*", "iam:Acquire*", "iam:Associate*", "iam:ChangePassword", "iam:Deactivate*", "iam:Enable*", "iam:Re*", "iam:Send*", "iam:Upload*"]

  # Records that are lost, shown, or under a key of somebody's choice. Shorter retention and other masking are a
  # deployment's to set: README.md says what that means.
  losing = [
    "logs:AssociateKmsKey", "logs:DeleteDataProtectionPolicy", "logs:DeleteLog*", "logs:DeleteRetentionPolicy", "logs:DisassociateKmsKey",
    "logs:PutLogGroupDeletionProtection",
  ]

  # Code that runs as somebody else, for whom no role need be passed. No list of these is complete.
  borrowed = [
    "batch:SubmitJob", "cloudformation:CreateChangeSet", "cloudformation:CreateStackInstances", "cloudformation:ExecuteChangeSet", "cloudformation:UpdateStack*",
    "codebuild:StartBuild*", "codebuild:Update*", "ec2-instance-connect:Send*", "ec2:ModifyInstanceAttribute", "ecs:ExecuteCommand", "eks:*Access*",
    "elasticmapreduce:Add*", "glue:StartJobRun", "glue:UpdateJob", "lambda:AddPermission", "lambda:UpdateFunction*", "sagemaker:CreatePresigned*",
    "ssm:*Association*", "ssm:SendCommand", "ssm:Start*", "ssm:UpdateDocument*", "states:UpdateStateMachine",
  ]

  # Those of the module spend-controls, one for each region.
  stop_policy_arns = "arn:${var.partition}:iam::${var.account_id}:policy/bulkhead/fleet/bulkhead-spend-*-stop"

  # Fleet roles have a boundary each, which the deploy role makes itself: what they can do besides, the account's
  # service control policy says.
  boundaries_to_set = concat(
    [local.policy_arns.boundary],
    var.kind == "operations" ? ["arn:${var.partition}:iam::${var.account_id}:policy/bulkhead/fleet/*-boundary"] : [],
  )

  # Of a role that the customer has made, the one policy that the deploy role gives it; its name says what is in it.
  caller_name       = reverse(split("/", var.caller_role))[0]
  caller_policy_arn = "arn:${var.partition}:iam::${var.account_id}:policy/bulkhead/caller/${local.caller_name}/*"

  # Whose trust the deploy role writes, and whom it hands to a service.
  made_arns = {
    operations = ["arn:${var.partition}:iam::${var.account_id}:role/bulkhead/fleet/*", "arn:${var.partition}:iam::${var.account_id}:role/bulkhead/spend/*"]
    # Of a role that the customer has made it writes no trust. Then the boundary names the one that it would make.
    customer     = ["arn:${var.partition}:iam::${var.account_id}:role/${var.caller_is_made ? var.caller_role : "bulkhead/bulkhead-caller"}"]
    organization = []
  }[var.kind]

  # What only the owner changes: the roles themselves, who audits and who reads logs, and the boundaries.
  bootstrap_arns = concat(
    values(local.role_arns),
    [for name in ["bulkhead-audit", "reader/*"] : "arn:${var.partition}:iam::${var.account_id}:role/bulkhead/${name}"],
    values(local.policy_arns),
    ["arn:${var.partition}:iam::${var.account_id}:oidc-provider/*"],
  )

  deploy_boundary = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      { Sid = "WhatIsGranted", Effect = "Allow", Action = "*", Resource = "*" },
      { Sid = "NoReading", Effect = "Deny", Action = local.reading, Resource = "*" },
      { Sid = "NoWayOut", Effect = "Deny", Action = local.outlets, Resource = "*" },
      { Sid = "NoSecrets", Effect = "Deny", Action = ["secretsmanager:BatchGetSecretValue", "secretsmanager:GetSecretValue"], Resource = "*" },
      # Clients' documents hold no secret, and a refresh reads them. The same words in every account.
      { Sid = "NoParameters", Effect = "Deny", Action = "ssm:GetParameter*", NotResource = "arn:${var.partition}:ssm:*:*:parameter/bulkhead/*/client/*" },
      { Sid = "NoKeys", Effect = "Deny", Action = concat(local.key_rights, local.key_uses), Resource = "*" },
      { Sid = "NoLoss", Effect = "Deny", Action = local.losing, Resource = "*" },
      {
        # The executor of operations is one that the deploy role makes.
        Sid      = "NoCodeOfOthers"
        Effect   = "Deny"
        Action   = [for action in local.borrowed : action if var.kind != "operations" || action != "states:UpdateStateMachine"]
        Resource = "*"
      },
      {
        # Neither a prompt of its own, nor a switch that keeps those of others.
        Sid      = "NoModels"
        Effect   = "Deny"
        Action   = ["bedrock-mantle:*", "bedrock:*Invoke*", "bedrock:*Retention", "bedrock:CallWithBearerToken", "bedrock:PutModelInvocationLoggingConfiguration", "bedrock:PutResourcePolicy"]
        Resource = "*"
      },
      {
        Sid    = "NoOtherIdentities"
        Effect = "Deny"
        Action = [
          "iam:*AccessKey*", "iam:*Group*", "iam:*LoginProfile*", "iam:*MFADevice*", "iam:*OpenIDConnect*", "iam:*SAML*", "iam:*SSH*",
          "iam:*ServiceSpecificCredential*", "iam:*SigningCertificate*", "iam:*User*", "sts:AssumeRole*", "sts:GetFederationToken", "sts:GetWebIdentityToken",
        ]
        Resource = "*"
      },
      { Sid = "NoBootstrap", Effect = "Deny", Action = local.iam_writes, Resource = local.bootstrap_arns },
      merge(
        { Sid = "OwnRolesOnly", Effect = "Deny", Action = ["iam:PassRole", "iam:UpdateAssumeRolePolicy"] },
        { for element in ["NotResource"] : element => local.made_arns if length(local.made_arns) > 0 },
        { for element in ["Resource"] : element => "*" if length(local.made_arns) == 0 },
      ),
      {
        # A request that names no boundary, or a role that has none, lacks the key, and is denied.
        Sid       = "NoRoleWithoutBoundary"
        Effect    = "Deny"
        Action    = ["iam:AttachRolePolicy", "iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"]
        Resource  = "*"
        Condition = { ArnNotLike = { "iam:PermissionsBoundary" = local.boundaries_to_set } }
      },
      { Sid = "NoBoundaryTakenAway", Effect = "Deny", Action = "iam:DeleteRolePermissionsBoundary", Resource = "*" },
      ],
      [
        # A boundary of the fleet's says what the deploy role wrote: only fleet roles are limited besides.
        for kind in [var.kind] : {
          Sid         = "NoFleetBoundaryElsewhere"
          Effect      = "Deny"
          Action      = ["iam:AttachRolePolicy", "iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"]
          NotResource = "arn:${var.partition}:iam::${var.account_id}:role/bulkhead/fleet/*"
          Condition   = { ArnNotEquals = { "iam:PermissionsBoundary" = local.policy_arns.boundary } }
        } if kind == "operations"
      ],
      [
        # A role that the customer has made has policies that are the customer's, inline ones among them.
        for denial in [
          { Sid = "NoInlinePolicies", Effect = "Deny", Action = ["iam:DeleteRolePolicy", "iam:PutRolePolicy"], Resource = "*", Condition = {} },
          {
            Sid       = "OnePolicyOnly"
            Effect    = "Deny"
            Action    = ["iam:AttachRolePolicy", "iam:DetachRolePolicy"]
            Resource  = "*"
            Condition = { ArnNotLike = { "iam:PolicyARN" = local.caller_policy_arn } }
          },
          # Whoever has the policy, within the boundary or not, would have what a new version says.
          { Sid = "NoNewVersions", Effect = "Deny", Action = ["iam:CreatePolicyVersion", "iam:SetDefaultPolicyVersion"], Resource = "*", Condition = {} },
        ] : { for element, value in denial : element => value if element != "Condition" || length(value) > 0 } if !var.caller_is_made
      ],
    )
  })

  boundary = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      { Sid = "WhatIsGivenToIt", Effect = "Allow", Action = "*", Resource = "*" },
      {
        Sid    = "NoRecords"
        Effect = "Deny"
        Action = concat(local.reading, local.outlets)
        # Records and pointers into them; the outlets that name no group.
        Resource = "*"
      },
      {
        # The application's own groups are its own to delete.
        Sid      = "NoLossOfRecords"
        Effect   = "Deny"
        Action   = concat(local.losing, ["logs:PutDataProtectionPolicy", "logs:PutRetentionPolicy"])
        Resource = "arn:${var.partition}:logs:*:*:log-group:/bulkhead/*"
      },
      {
        Sid       = "NoKeysOfRecords"
        Effect    = "Deny"
        Action    = local.key_rights
        Resource  = "*"
        Condition = { StringLike = { "aws:ResourceTag/bulkhead:customer" = "*" } }
      },
      {
        # CloudWatch Logs uses them for whoever writes.
        Sid      = "NoDecryptionOfRecords"
        Effect   = "Deny"
        Action   = local.key_uses
        Resource = "*"
        Condition = {
          StringLike    = { "aws:ResourceTag/bulkhead:customer" = "*" }
          StringNotLike = { "kms:ViaService" = "logs.*.amazonaws.com" }
        }
      },
      { Sid = "NoOtherRoles", Effect = "Deny", Action = "sts:AssumeRole*", NotResource = "arn:${var.partition}:iam::*:role/bulkhead/fleet/*" },
      ],
      [{ Sid = "NoCodeOfOthers", Effect = "Deny", Action = local.borrowed, Resource = "*" }],
      # In operations an executor stops a customer: it attaches the policies of a stop to fleet roles, or starts the
      # machine that does, and nothing else. A request that attaches nothing lacks the key, and is denied.
      [
        merge(
          { Sid = "NoIdentities", Effect = "Deny", Action = concat(local.iam_writes, local.iam_others), Resource = "*" },
          { for key in ["Condition"] : key => { ArnNotLike = { "iam:PolicyARN" = local.stop_policy_arns } } if var.kind == "operations" },
        ),
      ],
      [
        for denial in [
          # Whatever the deploy role gives it: nobody else wears this boundary there. So it takes no stop off.
          { Sid = "OnlyStops", Effect = "Deny", NotAction = ["iam:AttachRolePolicy", "states:StartExecution"], Resource = "*" },
          # What a stop says, the deploy role writes: it gives nobody rights but fleet roles, which have limits of their own.
          { Sid = "NoStopOfOthers", Effect = "Deny", Action = "iam:Attach*", NotResource = "arn:${var.partition}:iam::${var.account_id}:role/bulkhead/fleet/*" },
          # EventBridge starts the executor, in whatever region. Other machines of the account run as somebody else.
          { Sid = "NoOtherMachine", Effect = "Deny", Action = "states:*", NotResource = "arn:${var.partition}:states:*:${var.account_id}:stateMachine:bulkhead-spend-stop" },
        ] : denial if var.kind == "operations"
      ],
    )
  })
}
