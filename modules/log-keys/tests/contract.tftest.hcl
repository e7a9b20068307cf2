# Whom the keys serve, and who may change them. The provider is mocked.

mock_provider "aws" {
  override_data {
    target = data.aws_region.current
    values = { id = "eu-central-1" }
  }
}

variables {
  customer   = "acme"
  account_id = "222222222222"
  owner_arns = ["arn:aws:iam::222222222222:role/owners/second", "arn:aws:iam::222222222222:role/owners/first"]
}

run "the_key_serves_one_group_and_obeys_its_owners" {
  command = plan

  assert {
    condition = jsondecode(aws_kms_key.logs["records"].policy).Statement == [
      {
        Sid       = "AccountAdministration"
        Effect    = "Allow"
        Principal = { AWS = "arn:aws:iam::222222222222:root" }
        Action    = "kms:*"
        Resource  = "*"
      },
      {
        Sid       = "LogsServiceForThisGroup"
        Effect    = "Allow"
        Principal = { Service = "logs.eu-central-1.amazonaws.com" }
        Action    = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
        Resource  = "*"
        Condition = { StringEquals = { "kms:EncryptionContext:aws:logs:arn" = "arn:aws:logs:eu-central-1:222222222222:log-group:/bulkhead/acme/bedrock" } }
      },
      {
        Sid       = "OwnersOnly"
        Effect    = "Deny"
        Principal = { AWS = "*" }
        Action = [
          "kms:CancelKeyDeletion", "kms:CreateAlias", "kms:CreateGrant", "kms:DeleteAlias", "kms:Disable*", "kms:Enable*",
          "kms:PutKeyPolicy", "kms:ReplicateKey", "kms:ScheduleKeyDeletion", "kms:TagResource", "kms:UntagResource", "kms:UpdateAlias",
        ]
        Resource = "*"
        Condition = { StringNotEquals = { "aws:PrincipalArn" = [
          "arn:aws:iam::222222222222:role/owners/first", "arn:aws:iam::222222222222:role/owners/second", "arn:aws:iam::222222222222:root",
        ] } }
      },
    ]
    error_message = "The key policy is not the one the design asks for."
  }

  assert {
    condition = (
      keys(aws_kms_key.logs) == ["records"]
      && aws_kms_key.logs["records"].enable_key_rotation
      && aws_kms_key.logs["records"].deletion_window_in_days == 30
      && aws_kms_key.logs["records"].tags == tomap({ "bulkhead:customer" = "acme" })
      && aws_kms_alias.logs["records"].name == "alias/bulkhead/acme/bedrock"
    )
    error_message = "The key must rotate, wait before it goes, say whose it is, and be found by its alias."
  }

  assert {
    condition     = aws_kms_key.logs["records"].bypass_policy_lockout_safety_check != true
    error_message = "KMS must refuse a key that whoever makes it could not change: only an owner makes one."
  }
}

run "content_has_a_key_of_its_own" {
  command = plan

  variables {
    content = true
  }

  assert {
    condition = (
      keys(aws_kms_key.logs) == ["content", "records"]
      && jsondecode(aws_kms_key.logs["content"].policy).Statement[1].Condition == { StringEquals = { "kms:EncryptionContext:aws:logs:arn" = "arn:aws:logs:eu-central-1:222222222222:log-group:/bulkhead/acme/content" } }
      && aws_kms_alias.logs["content"].name == "alias/bulkhead/acme/content"
    )
    error_message = "Prompts and answers have a key of their own, which serves no other group."
  }
}

run "what_is_held_stays_readable" {
  command = plan

  variables {
    content    = true
    legal_hold = true
  }

  assert {
    condition = alltrue([
      for key in aws_kms_key.logs : jsondecode(key.policy).Statement[3] == {
        Sid       = "Kept"
        Effect    = "Deny"
        Principal = { AWS = "*" }
        Action    = ["kms:DisableKey", "kms:ScheduleKeyDeletion"]
        Resource  = "*"
      }
    ])
    error_message = "While a hold lasts nobody disables or deletes a key, its owners included."
  }
}

run "what_is_kept_outlives_the_module" {
  command = plan

  variables {
    keep_on_destroy = true
  }

  assert {
    condition     = contains(jsondecode(aws_kms_key.logs["records"].policy).Statement[*].Sid, "Kept")
    error_message = "Records are kept with their key."
  }
}

run "a_government_region" {
  command = plan

  variables {
    partition  = "aws-us-gov"
    owner_arns = ["arn:aws-us-gov:iam::222222222222:role/owner"]
  }

  override_data {
    target = data.aws_region.current
    values = { id = "us-gov-west-1" }
  }

  assert {
    condition = (
      jsondecode(aws_kms_key.logs["records"].policy).Statement[0].Principal == { AWS = "arn:aws-us-gov:iam::222222222222:root" }
      && jsondecode(aws_kms_key.logs["records"].policy).Statement[1].Condition.StringEquals["kms:EncryptionContext:aws:logs:arn"] == "arn:aws-us-gov:logs:us-gov-west-1:222222222222:log-group:/bulkhead/acme/bedrock"
    )
    error_message = "ARNs are of the partition."
  }
}
