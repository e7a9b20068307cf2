# Who may become which role, what the roles may do, and who is let in at all. README.md says why, statement by statement.

locals {
  root_arn = "arn:${var.partition}:iam::${var.account_id}:root"
  owners   = sort(var.owner_arns)

  # Whoever else the account's IAM policies let in: these alone see a state.
  insiders = concat(local.owners, sort(values(local.role_arns)), [local.root_arn])

  ################################################################################
  # Trust
  ################################################################################

  issuers = merge(
    { for name in ["github"] : name => { url = "https://token.actions.githubusercontent.com", audience = "sts.amazonaws.com" } if var.github.repository != "" },
    { for name in ["gitlab"] : name => { url = var.gitlab.url, audience = "sts.amazonaws.com" } if var.gitlab.project != "" },
  )
  subjects = {
    github = {
      deploy = "repo:${var.github.repository}:environment:${var.github.deploy_environment}"
      plan   = "repo:${var.github.repository}:environment:${var.github.plan_environment}"
    }
    gitlab = {
      deploy = "project_path:${var.gitlab.project}:ref_type:branch:ref:${var.gitlab.deploy_branch}"
      plan   = "project_path:${var.gitlab.project}:ref_type:branch:ref:${var.gitlab.plan_branch}"
    }
  }

  # Nobody but owners bootstraps.
  principals = {
    for key, role in local.roles : key => role.root == "bootstrap" ? local.owners : sort(setunion(
      var.owner_arns,
      role.access == "deploy" ? lookup(var.deploy_principal_arns, role.root, []) : lookup(var.plan_principal_arns, role.root, []),
    ))
  }

  trust_policies = {
    for key, role in local.roles : key => jsonencode({
      Version = "2012-10-17"
      Statement = concat(
        [
          {
            Sid       = "NamedPrincipals"
            Effect    = "Allow"
            Principal = { AWS = sort(distinct([for arn in local.principals[key] : "arn:${var.partition}:iam::${split(":", arn)[4]}:root"])) }
            Action    = "sts:AssumeRole"
            # StringEquals, because ArnEquals expands wildcards.
            Condition = { StringEquals = { "aws:PrincipalArn" = local.principals[key] } }
          },
        ],
        [
          for name, issuer in local.issuers : {
            Sid       = "JobsOf${title(name)}"
            Effect    = "Allow"
            Principal = { Federated = "arn:${var.partition}:iam::${var.account_id}:oidc-provider/${trimprefix(issuer.url, "https://")}" }
            Action    = "sts:AssumeRoleWithWebIdentity"
            Condition = {
              StringEquals = {
                "${trimprefix(issuer.url, "https://")}:aud" = issuer.audience
                "${trimprefix(issuer.url, "https://")}:sub" = local.subjects[name][role.access]
              }
            }
          } if role.root != "bootstrap"
        ],
      )
    })
  }

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
