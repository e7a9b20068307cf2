# Who may use the keys. README.md says why, statement by statement.

locals {
  root_arn = "arn:${var.partition}:iam::${var.account_id}:root"

  key_policies = {
    for key, group in local.groups : key => jsonencode({
      Version = "2012-10-17"
      Statement = concat(
        [
          {
            Sid       = "AccountAdministration"
            Effect    = "Allow"
            Principal = { AWS = local.root_arn }
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
            Condition = { StringEquals = { "kms:EncryptionContext:aws:logs:arn" = group.arn } }
          },
          {
            # Here the root ARN means the root user alone: it is compared with who asks.
            Sid       = "OwnersOnly"
            Effect    = "Deny"
            Principal = { AWS = "*" }
            Action = [
              "kms:CancelKeyDeletion", "kms:CreateAlias", "kms:CreateGrant", "kms:DeleteAlias", "kms:Disable*", "kms:Enable*",
              "kms:PutKeyPolicy", "kms:ReplicateKey", "kms:ScheduleKeyDeletion", "kms:TagResource", "kms:UntagResource", "kms:UpdateAlias",
            ]
            Resource  = "*"
            Condition = { StringNotEquals = { "aws:PrincipalArn" = concat(sort(var.owner_arns), [local.root_arn]) } }
          },
        ],
        [
          for kept in [local.is_kept] : {
            # Without its key, what was kept could not be read.
            Sid       = "Kept"
            Effect    = "Deny"
            Principal = { AWS = "*" }
            Action    = ["kms:DisableKey", "kms:ScheduleKeyDeletion"]
            Resource  = "*"
          } if kept
        ],
      )
    })
  }
}
