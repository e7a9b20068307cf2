# Who may use the key, who may become the caller role, and what that role may do.
# README.md says why, statement by statement.

locals {
  key_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "AccountAdministration"
        Effect    = "Allow"
        Principal = { AWS = "arn:${var.partition}:iam::${var.account_id}:root" }
        Action    = "kms:*"
        Resource  = "*"
      },
      {
        Sid       = "LogsServiceForThisGroup"
        Effect    = "Allow"
        Principal = { Service = "logs.${local.region}.amazonaws.com" }
        Action    = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
        Resource  = "*"
        # StringEquals, because ArnEquals expands wildcards.
        Condition = { StringEquals = { "kms:EncryptionContext:aws:logs:arn" = local.log_group_arn } }
      },
    ]
  })

  # Only ECS says for which account and cluster it assumes a task role. Lambda and EC2 send neither
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
  }
  caller_service = local.caller_services[var.caller.type]

  caller_trust_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      merge(
        {
          Sid       = "ApplicationRuntime"
          Effect    = "Allow"
          Principal = { Service = local.caller_service.principal }
          Action    = "sts:AssumeRole"
        },
        { for key in ["Condition"] : key => local.caller_service.condition if length(local.caller_service.condition) > 0 },
      )
    ]
  })

  caller_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
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
        Resource = [local.log_group_arn, "${local.log_group_arn}:log-stream:*"]
      },
      {
        Sid      = "WriteRecords"
        Effect   = "Allow"
        Action   = "logs:PutLogEvents"
        Resource = "${local.log_group_arn}:log-stream:*"
      },
      {
        # CloudWatch Logs uses the key on the writer's behalf.
        Sid       = "KeyThroughLogs"
        Effect    = "Allow"
        Action    = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
        Resource  = aws_kms_key.logs.arn
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
        Resource  = [local.log_group_arn, "${local.log_group_arn}:*"]
      },
      {
        Sid      = "DenyNewGroups"
        Effect   = "Deny"
        Action   = "logs:CreateLogGroup"
        Resource = "*"
      },
    ]
  })
}
