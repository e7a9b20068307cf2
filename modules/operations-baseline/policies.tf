# Who writes to the trail's bucket, and what the forwarding role may do.

locals {
  # A set of one or none: what forwards is there together.
  watched   = length(var.break_glass_role_arns) > 0 ? toset(["break-glass"]) : toset([])
  rule_name = "bulkhead-break-glass"
  rule_arn  = "arn:${var.partition}:events:${local.region}:${var.operations_account_id}:rule/${local.rule_name}"

  bucket_policy = {
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "TrailLooksAtBucket"
        Effect    = "Allow"
        Principal = { Service = "cloudtrail.amazonaws.com" }
        Action    = "s3:GetBucketAcl"
        Resource  = local.bucket_arn
        Condition = { StringEquals = { "aws:SourceArn" = local.trail_arn } }
      },
      {
        Sid       = "TrailWrites"
        Effect    = "Allow"
        Principal = { Service = "cloudtrail.amazonaws.com" }
        Action    = "s3:PutObject"
        Resource  = "${local.bucket_arn}/AWSLogs/${var.operations_account_id}/*"
        Condition = { StringEquals = { "aws:SourceArn" = local.trail_arn, "s3:x-amz-acl" = "bucket-owner-full-control" } }
      },
      {
        Sid       = "EncryptedInTransit"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [local.bucket_arn, "${local.bucket_arn}/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      {
        # A trail that can be written or shortened by hand is no evidence.
        Sid       = "NobodyElseWrites"
        Effect    = "Deny"
        Principal = "*"
        Action    = ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObject"]
        Resource  = "${local.bucket_arn}/*"
        Condition = { BoolIfExists = { "aws:PrincipalIsAWSService" = "false" } }
      },
    ]
  }

  forward_trust = {
    Version = "2012-10-17"
    Statement = [{
      Sid       = "TheRuleAlone"
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = var.operations_account_id, "aws:SourceArn" = local.rule_arn } }
    }]
  }

  forward_policy = {
    Version = "2012-10-17"
    Statement = [{
      Sid      = "ToTheAlarm"
      Effect   = "Allow"
      Action   = "events:PutEvents"
      Resource = var.break_glass_bus_arn
    }]
  }
}
