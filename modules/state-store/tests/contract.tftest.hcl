# Who becomes which role, and what is let in. The provider is mocked.

mock_provider "aws" {
  mock_resource "aws_kms_key" {
    override_during = plan
    defaults        = { arn = "arn:aws:kms:eu-central-1:888888888888:key/0d9c2f1e-7b43-4a5e-9f60-3c1d2e8b7a95" }
  }

  override_data {
    target = data.aws_region.current
    values = { id = "eu-central-1" }
  }
}

variables {
  account_id           = "888888888888"
  environment          = "production"
  owner_arns           = ["arn:aws:iam::888888888888:role/owner"]
  deployed_account_ids = ["111111111111", "222222222222"]
}

run "the_bucket_is_closed_versioned_and_encrypted" {
  command = plan

  assert {
    condition = (
      aws_s3_bucket.state.bucket == "bulkhead-state-production-888888888888"
      && aws_s3_bucket_versioning.state.versioning_configuration[0].status == "Enabled"
      && [for rule in aws_s3_bucket_server_side_encryption_configuration.state.rule : [rule.bucket_key_enabled, one(rule.apply_server_side_encryption_by_default)]] == [[
        false, { sse_algorithm = "aws:kms", kms_master_key_id = "arn:aws:kms:eu-central-1:888888888888:key/0d9c2f1e-7b43-4a5e-9f60-3c1d2e8b7a95" },
      ]]
      && aws_kms_alias.state.name == "alias/bulkhead/state-production"
      && one(aws_s3_bucket_ownership_controls.state.rule).object_ownership == "BucketOwnerEnforced"
      && aws_s3_bucket.state.force_destroy == false
      && aws_kms_key.state.enable_key_rotation
      && alltrue([
        aws_s3_bucket_public_access_block.state.block_public_acls,
        aws_s3_bucket_public_access_block.state.block_public_policy,
        aws_s3_bucket_public_access_block.state.ignore_public_acls,
        aws_s3_bucket_public_access_block.state.restrict_public_buckets,
      ])
    )
    error_message = "States must lie versioned, encrypted with a key of their own, and never public."
  }

  assert {
    condition = [
      for rule in aws_s3_bucket_lifecycle_configuration.state.rule : [
        rule.status, one(rule.noncurrent_version_expiration).noncurrent_days, one(rule.abort_incomplete_multipart_upload).days_after_initiation, length(rule.expiration),
      ]
    ] == [["Enabled", 90, 7, 0]]
    error_message = "Former states must go, with the external ids in them, and no current one."
  }

  assert {
    condition = jsondecode(aws_s3_bucket_policy.state.policy).Statement == [
      {
        Sid       = "EncryptedInTransit"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = ["arn:aws:s3:::bulkhead-state-production-888888888888", "arn:aws:s3:::bulkhead-state-production-888888888888/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      {
        Sid       = "InsidersOnly"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = ["arn:aws:s3:::bulkhead-state-production-888888888888", "arn:aws:s3:::bulkhead-state-production-888888888888/*"]
        Condition = { StringNotEquals = { "aws:PrincipalArn" = [
          "arn:aws:iam::888888888888:role/owner",
          "arn:aws:iam::888888888888:role/bulkhead/state/bulkhead-state-production-bootstrap",
          "arn:aws:iam::888888888888:role/bulkhead/state/bulkhead-state-production-customer",
          "arn:aws:iam::888888888888:role/bulkhead/state/bulkhead-state-production-customer-plan",
          "arn:aws:iam::888888888888:role/bulkhead/state/bulkhead-state-production-operations",
          "arn:aws:iam::888888888888:role/bulkhead/state/bulkhead-state-production-operations-plan",
          "arn:aws:iam::888888888888:role/bulkhead/state/bulkhead-state-production-organization",
          "arn:aws:iam::888888888888:role/bulkhead/state/bulkhead-state-production-organization-plan",
          "arn:aws:iam::888888888888:root",
        ] } }
      },
      {
        Sid       = "OwnersManage"
        Effect    = "Deny"
        Principal = "*"
        NotAction = ["s3:DeleteObject", "s3:GetObject", "s3:ListBucket", "s3:PutObject"]
        Resource  = ["arn:aws:s3:::bulkhead-state-production-888888888888", "arn:aws:s3:::bulkhead-state-production-888888888888/*"]
        Condition = { StringNotEquals = { "aws:PrincipalArn" = ["arn:aws:iam::888888888888:role/owner", "arn:aws:iam::888888888888:root"] } }
      },
      {
        Sid       = "EncryptedAtRest"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:PutObject"
        Resource  = "arn:aws:s3:::bulkhead-state-production-888888888888/*"
        Condition = {
          Null            = { "s3:x-amz-server-side-encryption" = "false" }
          StringNotEquals = { "s3:x-amz-server-side-encryption" = "aws:kms" }
        }
      },
      {
        Sid       = "KeyOfTheStore"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:PutObject"
        Resource  = "arn:aws:s3:::bulkhead-state-production-888888888888/*"
        Condition = {
          Null = { "s3:x-amz-server-side-encryption" = "false" }
          StringNotEquals = { "s3:x-amz-server-side-encryption-aws-kms-key-id" = [
            "arn:aws:kms:eu-central-1:888888888888:key/0d9c2f1e-7b43-4a5e-9f60-3c1d2e8b7a95",
            "arn:aws:kms:eu-central-1:888888888888:alias/bulkhead/state-production",
          ] }
        }
      },
      {
        Sid       = "NoKeyOfTheClient"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:PutObject"
        Resource  = "arn:aws:s3:::bulkhead-state-production-888888888888/*"
        Condition = { Null = { "s3:x-amz-server-side-encryption-customer-algorithm" = "false" } }
      },
    ]
    error_message = "The bucket's policy lets nobody in by itself, keeps out all but owners, seven roles and the root user, and takes states under the store's key alone."
  }

  assert {
    condition = jsondecode(aws_kms_key.state.policy).Statement == [
      { Sid = "AccountAdministration", Effect = "Allow", Principal = { AWS = "arn:aws:iam::888888888888:root" }, Action = "kms:*", Resource = "*" },
      {
        Sid       = "InsidersUseIt"
        Effect    = "Deny"
        Principal = { AWS = "*" }
        Action    = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
        Resource  = "*"
        Condition = { StringNotEquals = { "aws:PrincipalArn" = [
          "arn:aws:iam::888888888888:role/owner",
          "arn:aws:iam::888888888888:role/bulkhead/state/bulkhead-state-production-bootstrap",
          "arn:aws:iam::888888888888:role/bulkhead/state/bulkhead-state-production-customer",
          "arn:aws:iam::888888888888:role/bulkhead/state/bulkhead-state-production-customer-plan",
          "arn:aws:iam::888888888888:role/bulkhead/state/bulkhead-state-production-operations",
          "arn:aws:iam::888888888888:role/bulkhead/state/bulkhead-state-production-operations-plan",
          "arn:aws:iam::888888888888:role/bulkhead/state/bulkhead-state-production-organization",
          "arn:aws:iam::888888888888:role/bulkhead/state/bulkhead-state-production-organization-plan",
          "arn:aws:iam::888888888888:root",
        ] } }
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
        Condition = { StringNotEquals = { "aws:PrincipalArn" = ["arn:aws:iam::888888888888:role/owner", "arn:aws:iam::888888888888:root"] } }
      },
    ]
    error_message = "Insiders alone use the key; owners alone change it, and say whether it is there."
  }
}

run "each_root_reaches_its_own_states" {
  command = plan

  assert {
    condition = jsondecode(aws_iam_role_policy.this["customer"].policy).Statement == [
      {
        Sid       = "FindStates"
        Effect    = "Allow"
        Action    = "s3:ListBucket"
        Resource  = "arn:aws:s3:::bulkhead-state-production-888888888888"
        Condition = { StringLike = { "s3:prefix" = ["env:/", "bulkhead/production/customer/*"] } }
      },
      { Sid = "ReadStates", Effect = "Allow", Action = "s3:GetObject", Resource = "arn:aws:s3:::bulkhead-state-production-888888888888/bulkhead/production/customer/*.tfstate" },
      {
        Sid      = "DecryptStates"
        Effect   = "Allow"
        Action   = "kms:Decrypt"
        Resource = "arn:aws:kms:eu-central-1:888888888888:key/0d9c2f1e-7b43-4a5e-9f60-3c1d2e8b7a95"
        Condition = {
          StringEquals = { "kms:ViaService" = "s3.eu-central-1.amazonaws.com" }
          StringLike   = { "kms:EncryptionContext:aws:s3:arn" = "arn:aws:s3:::bulkhead-state-production-888888888888/bulkhead/production/customer/*" }
        }
      },
      { Sid = "WriteStates", Effect = "Allow", Action = "s3:PutObject", Resource = "arn:aws:s3:::bulkhead-state-production-888888888888/bulkhead/production/customer/*.tfstate" },
      {
        Sid      = "LockStates"
        Effect   = "Allow"
        Action   = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
        Resource = "arn:aws:s3:::bulkhead-state-production-888888888888/bulkhead/production/customer/*.tfstate.tflock"
      },
      {
        Sid      = "EncryptStates"
        Effect   = "Allow"
        Action   = "kms:GenerateDataKey"
        Resource = "arn:aws:kms:eu-central-1:888888888888:key/0d9c2f1e-7b43-4a5e-9f60-3c1d2e8b7a95"
        Condition = {
          StringEquals = { "kms:ViaService" = "s3.eu-central-1.amazonaws.com" }
          StringLike   = { "kms:EncryptionContext:aws:s3:arn" = "arn:aws:s3:::bulkhead-state-production-888888888888/bulkhead/production/customer/*" }
        }
      },
    ]
    error_message = "Who applies a root reads, writes and locks its states, by the store's key in S3 alone."
  }

  assert {
    condition = alltrue([
      for key, role in aws_iam_role_policy.this :
      jsonencode(jsondecode(role.policy).Statement) == replace(
        jsonencode([
          for s in jsondecode(aws_iam_role_policy.this["customer"].policy).Statement : s
          if !endswith(key, "-plan") || contains(["FindStates", "ReadStates", "DecryptStates"], s.Sid)
        ]),
        "production/customer/", "production/${trimsuffix(key, "-plan")}/",
      )
    ])
    error_message = "A role reaches states of another root than its own, or writes although it plans."
  }

  assert {
    condition = { for key, role in aws_iam_role.this : key => [role.path, role.name, role.max_session_duration] } == {
      for key in ["bootstrap", "customer", "customer-plan", "operations", "operations-plan", "organization", "organization-plan"] :
      key => ["/bulkhead/state/", "bulkhead-state-production-${key}", 3600]
    }
    error_message = "The roles are not the insiders of bucket and key, or their sessions last longer than an hour."
  }

  assert {
    condition = alltrue([
      for key, role in aws_iam_role_policy.this :
      aws_iam_role_policies_exclusive.this[key].policy_names == toset([role.name]) && length(aws_iam_role_policy_attachments_exclusive.this[key].policy_arns) == 0
    ])
    error_message = "A policy that somebody adds to a role by hand must go with the next apply, and its own stay."
  }
}

run "who_runs_terraform_becomes_them_and_owners_alone_bootstrap" {
  command = plan

  variables {
    deploy_principal_arns = { customer = ["arn:aws:iam::333333333333:role/onboarding"] }
    github                = { repository = "acme@123456/live@456789", deploy_environment = "live", plan_environment = "live-plan" }
    gitlab                = { project = "acme/live", deploy_branch = "main", plan_branch = "next" }
  }

  assert {
    condition = (
      [for s in jsondecode(aws_iam_role.this["customer"].assume_role_policy).Statement : s.Condition.StringEquals["aws:PrincipalArn"] if s.Sid == "NamedPrincipals"][0] == ["arn:aws:iam::333333333333:role/onboarding", "arn:aws:iam::888888888888:role/owner"]
      && [for s in jsondecode(aws_iam_role.this["operations"].assume_role_policy).Statement : s.Condition.StringEquals["aws:PrincipalArn"] if s.Sid == "NamedPrincipals"][0] == ["arn:aws:iam::888888888888:role/owner"]
    )
    error_message = "Who applies customers' roots must not become the role of another root."
  }

  assert {
    condition = (
      [for s in jsondecode(aws_iam_role.this["customer"].assume_role_policy).Statement : s.Condition.StringEquals["token.actions.githubusercontent.com:sub"] if s.Sid == "JobsOfGithub"] == ["repo:acme@123456/live@456789:environment:live"]
      && [for s in jsondecode(aws_iam_role.this["customer-plan"].assume_role_policy).Statement : s.Condition.StringEquals["token.actions.githubusercontent.com:sub"] if s.Sid == "JobsOfGithub"] == ["repo:acme@123456/live@456789:environment:live-plan"]
      && [for s in jsondecode(aws_iam_role.this["bootstrap"].assume_role_policy).Statement : s.Sid] == ["NamedPrincipals"]
      && !contains(keys(aws_iam_role.this), "bootstrap-plan")
    )
    error_message = "Jobs apply or plan as their environment says, and never bootstrap."
  }

  assert {
    condition = [
      for key in ["customer", "customer-plan"] : [
        for s in jsondecode(aws_iam_role.this[key].assume_role_policy).Statement : s.Condition.StringEquals["gitlab.com:sub"] if s.Sid == "JobsOfGitlab"
      ]
    ] == [["project_path:acme/live:ref_type:branch:ref:main"], ["project_path:acme/live:ref_type:branch:ref:next"]]
    error_message = "Jobs of GitLab apply or plan as their branch says."
  }

  assert {
    condition = { for key, provider in aws_iam_openid_connect_provider.this : key => [provider.url, provider.client_id_list] } == {
      github = ["https://token.actions.githubusercontent.com", toset(["sts.amazonaws.com"])]
      gitlab = ["https://gitlab.com", toset(["sts.amazonaws.com"])]
    }
    error_message = "Whose tokens are trusted must be known to the account, for one audience."
  }
}

run "another_stacks_identity_providers_are_left_to_it" {
  command = plan

  variables {
    github                    = { repository = "acme@123456/live@456789", deploy_environment = "live", plan_environment = "live-plan" }
    create_identity_providers = false
  }

  assert {
    condition     = length(aws_iam_openid_connect_provider.this) == 0
    error_message = "An account has each identity provider only once."
  }
}

run "too_many_principals_for_a_trust_policy" {
  command = plan

  variables {
    deploy_principal_arns = { customer = [for n in range(50) : "arn:aws:iam::333333333333:role/onboarding-${n}"] }
  }

  expect_failures = [aws_iam_role.this["customer"]]
}
