# What the operations account needs beside its fleet: a trail of who did what, and news of every assumption of a
# break-glass role for the account that rings the alarm. What Terraform has no resource for, `bulkhead baseline` sets.

data "aws_region" "this" {}

locals {
  region     = data.aws_region.this.id
  trail_name = "bulkhead-operations"
  trail_arn  = "arn:${var.partition}:cloudtrail:${local.region}:${var.operations_account_id}:trail/${local.trail_name}"
  bucket     = "${var.bucket_prefix}-${var.operations_account_id}-${local.region}"
  bucket_arn = "arn:${var.partition}:s3:::${local.bucket}"
}

# --- the trail -----------------------------------------------------------------------------------

resource "aws_s3_bucket" "trail" {
  #checkov:skip=CKV_AWS_18:Access to the trail's bucket is in the trail itself, as management events, and nobody but CloudTrail writes.
  #checkov:skip=CKV_AWS_144:A trail is evidence of this account; a copy elsewhere is the organization's own trail.
  #checkov:skip=CKV_AWS_145:The trail holds names of sessions and models and no content; S3's own encryption needs no key that could be lost.
  #checkov:skip=CKV2_AWS_62:Nothing reacts to single files of the trail.
  bucket        = local.bucket
  force_destroy = var.force_destroy
  tags          = var.tags
}

resource "aws_s3_bucket_public_access_block" "trail" {
  bucket = aws_s3_bucket.trail.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_server_side_encryption_configuration" "trail" {
  bucket = aws_s3_bucket.trail.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_versioning" "trail" {
  bucket = aws_s3_bucket.trail.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "trail" {
  bucket = aws_s3_bucket.trail.id

  rule {
    id     = "expire"
    status = "Enabled"

    filter {}

    expiration {
      days = var.retention_in_days
    }

    noncurrent_version_expiration {
      noncurrent_days = 30
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  depends_on = [aws_s3_bucket_versioning.trail]
}

resource "aws_s3_bucket_policy" "trail" {
  bucket = aws_s3_bucket.trail.id
  policy = jsonencode(local.bucket_policy)

  depends_on = [aws_s3_bucket_public_access_block.trail]
}

resource "aws_cloudtrail" "this" {
  #checkov:skip=CKV_AWS_35:See the bucket: no content, no key that could be lost.
  #checkov:skip=CKV_AWS_252:Nothing reacts to single files of the trail.
  #checkov:skip=CKV2_AWS_10:What must be noticed at once goes to an event bus; a log group would be one more copy of every session's name.
  name                          = local.trail_name
  s3_bucket_name                = aws_s3_bucket.trail.id
  is_multi_region_trail         = true
  include_global_service_events = true
  enable_log_file_validation    = true
  tags                          = var.tags

  # Management events only: those of Bedrock name the model and the session, and no prompt.
  event_selector {
    read_write_type           = "All"
    include_management_events = true
  }

  depends_on = [aws_s3_bucket_policy.trail]
}

# --- break-glass ---------------------------------------------------------------------------------

resource "aws_iam_role" "forward" {
  for_each = local.watched

  name               = "bulkhead-break-glass-events"
  path               = "/bulkhead/"
  description        = "Lets EventBridge forward assumptions of break-glass roles to the account that rings the alarm."
  assume_role_policy = jsonencode(local.forward_trust)
  tags               = var.tags
}

resource "aws_iam_role_policy" "forward" {
  for_each = local.watched

  name   = "put-events"
  role   = aws_iam_role.forward[each.key].id
  policy = jsonencode(local.forward_policy)
}

resource "aws_iam_role_policies_exclusive" "forward" {
  for_each = local.watched

  role_name    = aws_iam_role.forward[each.key].name
  policy_names = [aws_iam_role_policy.forward[each.key].name]
}

resource "aws_cloudwatch_event_rule" "break_glass" {
  for_each = local.watched

  name        = local.rule_name
  description = "Forwards every assumption of a break-glass role, and every try."
  tags        = var.tags

  # CloudTrail marks assumptions as reading. Of reading, a rule hears some by default and all when told so.
  # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail-management.html
  state = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"

  event_pattern = jsonencode({
    source      = ["aws.sts"]
    detail-type = ["AWS API Call via CloudTrail"]
    detail = {
      eventSource       = ["sts.amazonaws.com"]
      eventName         = ["AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"]
      requestParameters = { roleArn = sort(var.break_glass_role_arns) }
    }
  })
}

resource "aws_cloudwatch_event_target" "break_glass" {
  for_each = local.watched

  rule     = aws_cloudwatch_event_rule.break_glass[each.key].name
  arn      = var.break_glass_bus_arn
  role_arn = aws_iam_role.forward[each.key].arn
}
