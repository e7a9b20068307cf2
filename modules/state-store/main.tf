# Where the states of an environment lie, in an account of their own: a bucket, its key, and for each root a role that
# applies it and one that plans it. Applied once, by the owner of that account. The policies are in policies.tf.

data "aws_region" "current" {}

locals {
  region     = data.aws_region.current.id
  bucket     = "${var.bucket_prefix}-${var.environment}-${var.account_id}"
  bucket_arn = "arn:${var.partition}:s3:::${local.bucket}"
  alias      = "alias/bulkhead/state-${var.environment}"

  # As environments name their roots, one folder of states each. Owners alone bootstrap.
  roots  = toset(["bootstrap", "customer", "operations", "organization"])
  prefix = { for root in local.roots : root => "bulkhead/${var.environment}/${root}/" }

  roles = merge(
    { for root in local.roots : root => { root = root, access = "deploy", name = "bulkhead-state-${var.environment}-${root}" } },
    { for root in local.roots : "${root}-plan" => { root = root, access = "plan", name = "bulkhead-state-${var.environment}-${root}-plan" } if root != "bootstrap" },
  )
  path      = "/bulkhead/state/"
  role_arns = { for key, role in local.roles : key => "arn:${var.partition}:iam::${var.account_id}:role${local.path}${role.name}" }
}

################################################################################
# Bucket
################################################################################

resource "aws_kms_key" "state" {
  description             = "Encrypts the states of ${var.environment} and nothing else."
  policy                  = local.key_policy
  enable_key_rotation     = true
  deletion_window_in_days = 30
  tags                    = var.tags
}

resource "aws_kms_alias" "state" {
  name          = local.alias
  target_key_id = aws_kms_key.state.key_id
}

resource "aws_s3_bucket" "state" {
  #checkov:skip=CKV_AWS_18:Who reads states is in the account's trail, as data events where those are wanted; a second bucket of logs would need the same walls.
  #checkov:skip=CKV_AWS_144:A state can be made again by import; a copy in another region is one more place that holds external ids.
  #checkov:skip=CKV2_AWS_62:Nothing reacts to single states.
  bucket        = local.bucket
  force_destroy = var.force_destroy
  tags          = var.tags
}

resource "aws_s3_bucket_public_access_block" "state" {
  bucket = aws_s3_bucket.state.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "state" {
  bucket = aws_s3_bucket.state.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "state" {
  bucket = aws_s3_bucket.state.id

  rule {
    # No key for the whole bucket: the encryption context names the single object, which the roles' rights go by.
    bucket_key_enabled = false

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.state.arn
    }
  }
}

resource "aws_s3_bucket_versioning" "state" {
  bucket = aws_s3_bucket.state.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "state" {
  bucket = aws_s3_bucket.state.id

  rule {
    id     = "former-states"
    status = "Enabled"

    filter {}

    # States that still hold the external id of a customer that left.
    noncurrent_version_expiration {
      noncurrent_days = var.former_states_days
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  depends_on = [aws_s3_bucket_versioning.state]
}

resource "aws_s3_bucket_policy" "state" {
  bucket = aws_s3_bucket.state.id
  policy = local.bucket_policy

  depends_on = [aws_s3_bucket_public_access_block.state]
}

################################################################################
# Roles
################################################################################

resource "aws_iam_role" "this" {
  # checkov:skip=CKV_AWS_61:The accounts as principals are pinned to exact principals by the condition beside them.
  for_each = local.roles

  name                 = each.value.name
  path                 = local.path
  description          = each.value.access == "deploy" ? "Reads, writes and locks the states of the root ${each.value.root}." : "Reads the states of the root ${each.value.root}."
  assume_role_policy   = module.trust.policies[each.key]
  max_session_duration = 3600
  tags                 = var.tags

  lifecycle {
    precondition {
      condition     = length(module.trust.policies[each.key]) <= 2048
      error_message = "The trust policy of ${each.value.name} has ${length(module.trust.policies[each.key])} characters; AWS allows 2,048. List fewer principals."
    }
  }
}

resource "aws_iam_role_policy" "this" {
  for_each = local.roles

  name   = "state"
  role   = aws_iam_role.this[each.key].name
  policy = local.role_policies[each.key]
}

resource "aws_iam_role_policies_exclusive" "this" {
  for_each = local.roles

  role_name    = aws_iam_role.this[each.key].name
  policy_names = [aws_iam_role_policy.this[each.key].name]
}

resource "aws_iam_role_policy_attachments_exclusive" "this" {
  for_each = local.roles

  role_name   = aws_iam_role.this[each.key].name
  policy_arns = []
}

################################################################################
# Identity providers of CI
################################################################################

# AWS knows the certificate authorities of both, so no thumbprint is pinned.
resource "aws_iam_openid_connect_provider" "this" {
  for_each = var.create_identity_providers ? module.trust.issuers : {}

  url            = each.value.url
  client_id_list = [each.value.audience]
  tags           = var.tags
}
