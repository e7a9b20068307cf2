# Who may become which role, and what the roles may do. README.md says why, statement by statement.

locals {
  root_arn = "arn:${var.partition}:iam::${var.account_id}:root"

  reader_trust_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "NamedReaders"
        Effect    = "Allow"
        Principal = { AWS = local.root_arn }
        Action    = "sts:AssumeRole"
        Condition = { StringEquals = { "aws:PrincipalArn" = var.reader.principal_arns } }
      },
    ]
  })

  support_trust_policies = {
    for ticket, grant in var.support_access : ticket => jsonencode({
      Version = "2012-10-17"
      Statement = [
        {
          # The source identity says in the customer's own trail which person it was.
          Sid       = "NamedSupportersForAWhile"
          Effect    = "Allow"
          Principal = { AWS = sort(distinct([for arn in grant.principal_arns : "arn:${var.partition}:iam::${split(":", arn)[4]}:root"])) }
          Action    = ["sts:AssumeRole", "sts:SetSourceIdentity"]
          Condition = {
            StringEquals          = { "aws:PrincipalArn" = sort(grant.principal_arns) }
            StringLike            = { "sts:SourceIdentity" = "?*" }
            DateLessThan          = { "aws:CurrentTime" = grant.expires_at }
            DateGreaterThanEquals = { "aws:CurrentTime" = grant.granted_at }
          }
        },
      ]
    })
  }

  read_actions    = ["logs:DescribeLogStreams", "logs:FilterLogEvents", "logs:GetLogEvents", "logs:GetLogGroupFields", "logs:GetLogRecord", "logs:StartQuery"]
  found_actions   = ["logs:DescribeLogGroups", "logs:GetQueryResults"]
  watched_actions = ["cloudwatch:DescribeAlarms", "cloudwatch:GetDashboard", "cloudwatch:GetMetricData", "cloudwatch:ListMetrics"]

  # What a role that reads these groups may do, and nothing else, whatever is attached to it.
  read_statements = {
    for role, groups in { reader = var.reader.content ? ["content", "records"] : ["records"], support = ["records"] } : role => [
      {
        Sid      = "ReadGroups"
        Effect   = "Allow"
        Action   = local.read_actions
        Resource = flatten([for key in groups : [local.group_arns[key], "${local.group_arns[key]}:*"]])
      },
      {
        # Results of queries belong to no group; whoever has a query's id, which nobody lists here, sees its results.
        Sid      = "FindGroupsAndResults"
        Effect   = "Allow"
        Action   = local.found_actions
        Resource = "*"
      },
      {
        Sid      = "WatchMetrics"
        Effect   = "Allow"
        Action   = local.watched_actions
        Resource = "*"
      },
      {
        Sid    = "DecryptThroughLogs"
        Effect = "Allow"
        Action = "kms:Decrypt"
        # By what it decrypts: the keys may be made later.
        Resource = "arn:${var.partition}:kms:${local.region}:${var.account_id}:key/*"
        Condition = {
          StringEquals = {
            "kms:EncryptionContext:aws:logs:arn" = [for key in groups : local.group_arns[key]]
            "kms:ViaService"                     = "logs.${local.region}.amazonaws.com"
          }
        }
      },
      {
        # Unmasking, assuming another role, changing a group: not in the list.
        Sid       = "DenyAllButReading"
        Effect    = "Deny"
        NotAction = concat(local.read_actions, local.found_actions, local.watched_actions, ["kms:Decrypt"])
        Resource  = "*"
      },
      {
        Sid         = "DenyOtherGroups"
        Effect      = "Deny"
        Action      = local.read_actions
        NotResource = flatten([for key in groups : [local.group_arns[key], "${local.group_arns[key]}:*"]])
      },
    ]
  }

  reader_policy = jsonencode({ Version = "2012-10-17", Statement = local.read_statements.reader })

  support_policies = {
    for ticket, grant in var.support_access : ticket => jsonencode({
      Version = "2012-10-17"
      Statement = concat(local.read_statements.support, [
        {
          # The trust ends new sessions; this ends those that live.
          Sid       = "DenyAfterExpiry"
          Effect    = "Deny"
          Action    = "*"
          Resource  = "*"
          Condition = { DateGreaterThanEquals = { "aws:CurrentTime" = grant.expires_at } }
        },
      ])
    })
  }
}
