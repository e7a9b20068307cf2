# What is masked, who may become the caller role, and what it may do.
# README.md says why, statement by statement.

locals {
  root_arn = "arn:${var.partition}:iam::${var.account_id}:root"

  # One statement audits and one masks; CloudWatch Logs wants both, with the same identifiers. Findings go nowhere
  # else than to a metric of this account.
  data_protection_policies = {
    for key, group in local.groups : key => jsonencode({
      Name    = "bulkhead-${key}"
      Version = "2021-06-01"
      Statement = [
        for statement in [
          { Sid = "Audit", Operation = { Audit = { FindingsDestination = {} } } },
          { Sid = "Mask", Operation = { Deidentify = { MaskConfig = {} } } },
          ] : {
          Sid            = statement.Sid
          DataIdentifier = [for name in sort(group.identifiers) : "arn:${var.partition}:dataprotection::aws:data-identifier/${name}"]
          Operation      = statement.Operation
        }
      ]
    })
  }

  # Only ECS says for which account and cluster it assumes a task role. Lambda, EC2 and Pod Identity send neither
  # key, so a condition would lock them out; a role can only be passed within its own account.
  caller_services = {
    lambda = { principal = "lambda.amazonaws.com", condition = {} }
    ec2    = { principal = "ec2.amazonaws.com", condition = {} }
    ecs = {
      principal = "ecs-tasks.amazonaws.com"
      condition = {
        StringEquals = { "aws:SourceAccount" = var.account_id }
        ArnLike      = { "aws:SourceArn" = "arn:${var.partition}:ecs:${local.region}:${var.account_id}:*" }
      }
    }
    # Without sts:TagSession: the tags that it would set are transitive, and the fleet role takes none.
    eks-pod-identity = { principal = "pods.eks.amazonaws.com", condition = {} }
  }

  caller_trusts = merge(
    {
      for type, service in local.caller_services : type => merge(
        {
          Sid       = "ApplicationRuntime"
          Effect    = "Allow"
          Principal = { Service = service.principal }
          Action    = "sts:AssumeRole"
        },
        { for key in ["Condition"] : key => service.condition if length(service.condition) > 0 },
      )
    },
    {
      eks-irsa = {
        Sid       = "ApplicationRuntime"
        Effect    = "Allow"
        Principal = { Federated = "arn:${var.partition}:iam::${var.account_id}:oidc-provider/${var.caller.oidc_provider}" }
        Action    = "sts:AssumeRoleWithWebIdentity"
        Condition = {
          StringEquals = {
            "${var.caller.oidc_provider}:aud" = "sts.amazonaws.com"
            "${var.caller.oidc_provider}:sub" = "system:serviceaccount:${var.caller.namespace}:${var.caller.service_account}"
          }
        }
      }
    },
  )

  caller_trust_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [for type, statement in local.caller_trusts : statement if type == var.caller.type]
  })

  all_groups  = [for key in sort(keys(local.group_arns)) : local.group_arns[key]]
  all_streams = [for arn in local.all_groups : "${arn}:log-stream:*"]
  all_keys    = [for key in sort(keys(local.groups)) : local.groups[key].kms_key_arn]

  caller_policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      {
        Sid      = "AssumeFleetRole"
        Effect   = "Allow"
        Action   = "sts:AssumeRole"
        Resource = var.fleet_role_arn
      },
      {
        Sid      = "CreateStreams"
        Effect   = "Allow"
        Action   = "logs:CreateLogStream"
        Resource = concat(local.all_groups, local.all_streams)
      },
      {
        Sid      = "WriteRecords"
        Effect   = "Allow"
        Action   = "logs:PutLogEvents"
        Resource = local.all_streams
      },
      {
        # CloudWatch Logs uses the key on the writer's behalf.
        Sid       = "KeyThroughLogs"
        Effect    = "Allow"
        Action    = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
        Resource  = local.all_keys
        Condition = { StringEquals = { "kms:ViaService" = "logs.${local.region}.amazonaws.com" } }
      },
      {
        Sid         = "DenyOtherRoles"
        Effect      = "Deny"
        Action      = "sts:AssumeRole"
        NotResource = var.fleet_role_arn
      },
      {
        # Whatever else the customer attaches: no reading, no deleting, no change of key, retention or subscriptions.
        Sid       = "DenyAllButWritingRecords"
        Effect    = "Deny"
        NotAction = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource  = flatten([for arn in local.all_groups : [arn, "${arn}:*"]])
      },
      {
        Sid      = "DenyNewGroups"
        Effect   = "Deny"
        Action   = "logs:CreateLogGroup"
        Resource = "*"
      },
      {
        # They read any group of the account, and ask for no right of CloudWatch Logs.
        Sid      = "DenyInsights"
        Effect   = "Deny"
        Action   = ["cloudwatch:GetInsightRuleReport", "cloudwatch:PutInsightRule", "cloudwatch:PutLogAlarm", "cloudwatch:PutManagedInsightRules"]
        Resource = "*"
      },
      ],
      [
        # AWS's own key for parameters lets in whom Parameter Store lets in: no right of KMS is needed.
        for arns in [sort(var.parameter_arns)] : { Sid = "ReadConfiguration", Effect = "Allow", Action = "ssm:GetParameter", Resource = arns } if length(arns) > 0
      ],
    )
  })

  ################################################################################
  # Owners
  ################################################################################

  # For the organization, or for a boundary: log groups have no policy of their own that binds the account's roles.
  owners_only_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "RecordsForOwnersOnly"
        Effect = "Deny"
        Action = [
          "logs:AssociateKmsKey",
          "logs:DeleteDataProtectionPolicy",
          "logs:DeleteLogGroup",
          "logs:DeleteLogStream",
          "logs:DeleteRetentionPolicy",
          "logs:DisassociateKmsKey",
          "logs:PutDataProtectionPolicy",
          "logs:PutLogGroupDeletionProtection",
          "logs:PutRetentionPolicy",
        ]
        Resource  = flatten([for arn in local.all_groups : [arn, "${arn}:*"]])
        Condition = { StringNotEquals = { "aws:PrincipalArn" = concat(sort(var.owner_arns), [local.root_arn]) } }
      },
      {
        Sid    = "ReadersForOwnersOnly"
        Effect = "Deny"
        Action = [
          "iam:AttachRolePolicy",
          "iam:CreateRole",
          "iam:DeleteRolePolicy",
          "iam:PutRolePolicy",
          "iam:UpdateAssumeRolePolicy",
        ]
        Resource  = "arn:${var.partition}:iam::${var.account_id}:role/bulkhead/reader/*"
        Condition = { StringNotEquals = { "aws:PrincipalArn" = concat(sort(var.owner_arns), [local.root_arn]) } }
      },
    ]
  })
}
