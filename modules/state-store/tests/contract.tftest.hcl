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
      && one(one(aws_s3_bucket_server_side_encryption_configuration.state.rule).apply_server_side_encryption_by_default).sse_algorithm == "aws:kms"
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
    condition = (
      [for s in jsondecode(aws_s3_bucket_policy.state.policy).Statement : s.Effect] == ["Deny", "Deny", "Deny", "Deny", "Deny", "Deny"]
      && [for s in jsondecode(aws_s3_bucket_policy.state.policy).Statement : s.Condition if s.Sid == "EncryptedInTransit"][0] == { Bool = { "aws:SecureTransport" = "false" } }
      && [for s in jsondecode(aws_s3_bucket_policy.state.policy).Statement : length(s.Condition.StringNotEquals["aws:PrincipalArn"]) if s.Sid == "InsidersOnly"][0] == 9
      && [for s in jsondecode(aws_s3_bucket_policy.state.policy).Statement : s.Condition.StringNotEquals["aws:PrincipalArn"] if s.Sid == "OwnersManage"][0] == ["arn:aws:iam::888888888888:role/owner", "arn:aws:iam::888888888888:root"]
    )
    error_message = "The bucket's policy lets nobody in by itself, and keeps out all but owners, seven roles and the root user."
  }

  assert {
    condition = {
      for s in jsondecode(aws_s3_bucket_policy.state.policy).Statement : s.Sid => [s.Principal, s.Action, s.Resource, s.Condition] if contains(["EncryptedAtRest", "KeyOfTheStore", "NoKeyOfTheClient"], s.Sid)
      } == {
      EncryptedAtRest = ["*", "s3:PutObject", "arn:aws:s3:::bulkhead-state-production-888888888888/*", {
        Null            = { "s3:x-amz-server-side-encryption" = "false" }
        StringNotEquals = { "s3:x-amz-server-side-encryption" = "aws:kms" }
      }]
      KeyOfTheStore = ["*", "s3:PutObject", "arn:aws:s3:::bulkhead-state-production-888888888888/*", {
        Null = { "s3:x-amz-server-side-encryption" = "false" }
        StringNotEquals = { "s3:x-amz-server-side-encryption-aws-kms-key-id" = [
          "arn:aws:kms:eu-central-1:888888888888:key/0d9c2f1e-7b43-4a5e-9f60-3c1d2e8b7a95",
          "arn:aws:kms:eu-central-1:888888888888:alias/bulkhead/state-production",
        ] }
      }]
      NoKeyOfTheClient = ["*", "s3:PutObject", "arn:aws:s3:::bulkhead-state-production-888888888888/*", {
        Null = { "s3:x-amz-server-side-encryption-customer-algorithm" = "false" }
      }]
    }
    error_message = "States lie under the store's key, and under none that a client names or brings."
  }

  assert {
    condition = [for s in jsondecode(aws_kms_key.state.policy).Statement : [s.Action, s.Condition] if s.Sid == "OwnersOnly"] == [[
      [
        "kms:CancelKeyDeletion", "kms:CreateAlias", "kms:CreateGrant", "kms:DeleteAlias", "kms:Disable*", "kms:Enable*",
        "kms:PutKeyPolicy", "kms:ReplicateKey", "kms:ScheduleKeyDeletion", "kms:TagResource", "kms:UntagResource", "kms:UpdateAlias",
      ],
      { StringNotEquals = { "aws:PrincipalArn" = ["arn:aws:iam::888888888888:role/owner", "arn:aws:iam::888888888888:root"] } },
    ]]
    error_message = "Owners alone change the key, and say whether it is there."
  }
}

run "each_root_reaches_its_own_states" {
  command = plan

  assert {
    condition = alltrue([
      for key, role in aws_iam_role_policy.this : alltrue([
        for s in jsondecode(role.policy).Statement : startswith(s.Resource, "arn:aws:s3:::bulkhead-state-production-888888888888/bulkhead/production/${trimsuffix(key, "-plan")}/")
        if contains(["ReadStates", "WriteStates", "LockStates"], s.Sid)
      ])
    ])
    error_message = "A role reaches states of another root than its own."
  }

  assert {
    condition = alltrue([
      for key, role in aws_iam_role_policy.this :
      join(" ", [for s in jsondecode(role.policy).Statement : s.Sid]) == (endswith(key, "-plan")
      ? "FindStates ReadStates DecryptStates" : "FindStates ReadStates DecryptStates WriteStates LockStates EncryptStates")
    ])
    error_message = "Whoever plans writes nothing."
  }
}

run "who_runs_terraform_becomes_them_and_owners_alone_bootstrap" {
  command = plan

  variables {
    deploy_principal_arns = { customer = ["arn:aws:iam::333333333333:role/onboarding"] }
    github                = { repository = "acme@123456/live@456789", deploy_environment = "live", plan_environment = "live-plan" }
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
}
