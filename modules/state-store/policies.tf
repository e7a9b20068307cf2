# Who may become which role, what the roles may do, and who is let in at all. README.md says why, statement by statement.

module "trust" {
  source = "../account-bootstrap/modules/trust"

  partition  = var.partition
  account_id = var.account_id
  github     = var.github
  gitlab     = var.gitlab

  # Nobody but owners bootstraps.
  roles = {
    for key, role in local.roles : key => {
      principal_arns = setunion(var.owner_arns, role.root == "bootstrap" ? [] : lookup(local.principal_arns[role.access], role.root, []))
      jobs           = role.root == "bootstrap" ? "none" : role.access
    }
  }
}

locals {
  principal_arns = { deploy = var.deploy_principal_arns, plan = var.plan_principal_arns }

  root_arn = "arn:${var.partition}:iam::${var.account_id}:root"
  owners   = sort(var.owner_arns)

  # Whoever else the account's IAM policies let in: these alone see a state.
  insiders = concat(local.owners, sort(values(local.role_arns)), [local.root_arn])

  ################################################################################
  # Roles
  ################################################################################

  role_policies = {
    for key, role in local.roles : key => jsonencode({
      Version = "2012-10-17"
      Statement = concat(
        [
          {
            # Terraform looks for workspaces, which nobody has here, and whether a state is there.
            Sid       = "FindStates"
            Effect    = "Allow"
            Action    = "s3:ListBucket"
            Resource  = local.bucket_arn
            Condition = { StringLike = { "s3:prefix" = ["env:/", "${local.prefix[role.root]}*"] } }
          },
          {
            Sid      = "ReadStates"
            Effect   = "Allow"
            Action   = "s3:GetObject"
            Resource = "${local.bucket_arn}/${local.prefix[role.root]}*.tfstate"
          },
          {
            # By what is decrypted: the encryption context names the object.
            Sid      = "DecryptStates"
            Effect   = "Allow"
            Action   = "kms:Decrypt"
            Resource = aws_kms_key.state.arn
            Condition = {
              StringEquals = { "kms:ViaService" = "s3.${local.region}.amazonaws.com" }
              StringLike   = { "kms:EncryptionContext:aws:s3:arn" = "${local.bucket_arn}/${local.prefix[role.root]}*" }
            }
          },
        ],
        [
          for statement in [
            {
              # Former versions stay: nothing here deletes a state.
              Sid      = "WriteStates"
              Effect   = "Allow"
              Action   = "s3:PutObject"
              Resource = "${local.bucket_arn}/${local.prefix[role.root]}*.tfstate"
            },
            {
              Sid      = "LockStates"
              Effect   = "Allow"
              Action   = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
              Resource = "${local.bucket_arn}/${local.prefix[role.root]}*.tfstate.tflock"
            },
          ] : statement if role.access == "deploy"
        ],
        [
          for action in ["kms:GenerateDataKey"] : {
            Sid      = "EncryptStates"
            Effect   = "Allow"
            Action   = action
            Resource = aws_kms_key.state.arn
            Condition = {
              StringEquals = { "kms:ViaService" = "s3.${local.region}.amazonaws.com" }
              StringLike   = { "kms:EncryptionContext:aws:s3:arn" = "${local.bucket_arn}/${local.prefix[role.root]}*" }
            }
          } if role.access == "deploy"
        ],
      )
    })
  }

  ################################################################################
  # Bucket and key
  ################################################################################

  # How a client may name the store's key: backends name the alias, which is known beforehand.
  key_names = [aws_kms_key.state.arn, "arn:${var.partition}:kms:${local.region}:${var.account_id}:${local.alias}"]

  bucket_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "EncryptedInTransit"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [local.bucket_arn, "${local.bucket_arn}/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      {
        # Whatever else is granted in the account, and to whatever account. The root ARN means the root user alone.
        Sid       = "InsidersOnly"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [local.bucket_arn, "${local.bucket_arn}/*"]
        Condition = { StringNotEquals = { "aws:PrincipalArn" = local.insiders } }
      },
      {
        Sid       = "OwnersManage"
        Effect    = "Deny"
        Principal = "*"
        NotAction = ["s3:DeleteObject", "s3:GetObject", "s3:ListBucket", "s3:PutObject"]
        Resource  = [local.bucket_arn, "${local.bucket_arn}/*"]
        Condition = { StringNotEquals = { "aws:PrincipalArn" = concat(local.owners, [local.root_arn]) } }
      },
      {
        Sid       = "EncryptedAtRest"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:PutObject"
        Resource  = "${local.bucket_arn}/*"
        # Without the header the bucket's own encryption serves.
        Condition = {
          Null            = { "s3:x-amz-server-side-encryption" = "false" }
          StringNotEquals = { "s3:x-amz-server-side-encryption" = "aws:kms" }
        }
      },
      {
        # Whoever names an algorithm names the key: without one S3 would take the account's own for S3, whose policy
        # is not ours. By its ARN, or its alias's: a bare name is looked up in the account of whoever asks.
        Sid       = "KeyOfTheStore"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:PutObject"
        Resource  = "${local.bucket_arn}/*"
        Condition = {
          Null            = { "s3:x-amz-server-side-encryption" = "false" }
          StringNotEquals = { "s3:x-amz-server-side-encryption-aws-kms-key-id" = local.key_names }
        }
      },
      {
        # Under a key that comes with the request, no owner could read the state, and the key's policy would bind nobody.
        Sid       = "NoKeyOfTheClient"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:PutObject"
        Resource  = "${local.bucket_arn}/*"
        Condition = { Null = { "s3:x-amz-server-side-encryption-customer-algorithm" = "false" } }
      },
    ]
  })

  key_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "AccountAdministration"
        Effect    = "Allow"
        Principal = { AWS = local.root_arn }
        Action    = "kms:*"
        Resource  = "*"
      },
      {
        Sid       = "InsidersUseIt"
        Effect    = "Deny"
        Principal = { AWS = "*" }
        Action    = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
        Resource  = "*"
        Condition = { StringNotEquals = { "aws:PrincipalArn" = local.insiders } }
      },
      {
        Sid       = "OwnersOnly"
        Effect    = "Deny"
        Principal = { AWS = "*" }
        Action = [
          "kms:CancelKeyDeletion", "kms:CreateAlias", "kms:CreateGrant", "kms:DeleteAlias", "kms:Disable*", "kms:Enable*",
          "kms:PutKeyPolicy", "kms:ReplicateKey", "kms:ScheduleKeyDeletion", "kms:TagResource", "kms:UntagResource", "kms:UpdateAlias",
        ]
        Resource  = "*"
        Condition = { StringNotEquals = { "aws:PrincipalArn" = concat(local.owners, [local.root_arn]) } }
      },
    ]
  })
}
