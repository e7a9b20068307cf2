# A customer's own record of its model calls: key, log group, and the one role that writes to it.
# The policies are in policies.tf.

data "aws_region" "current" {}

locals {
  region = data.aws_region.current.id

  # ARNs are made from names, so that the key can name the group and the group the key.
  log_group_name  = "/bulkhead/${var.customer}/bedrock"
  log_group_arn   = "arn:${var.partition}:logs:${local.region}:${var.account_id}:log-group:${local.log_group_name}"
  caller_role_arn = "arn:${var.partition}:iam::${var.account_id}:role${var.caller_role_path}${var.caller_role_name}"

  tags = merge(var.tags, { "bulkhead:customer" = var.customer })
}

################################################################################
# Key and log group
################################################################################

resource "aws_kms_key" "logs" {
  description             = "Encrypts the log group ${local.log_group_name} and nothing else."
  policy                  = local.key_policy
  enable_key_rotation     = true
  deletion_window_in_days = var.key_deletion_window_in_days
  # Who deploys may not change the policy afterwards, and KMS would take that for a mistake. The account can.
  bypass_policy_lockout_safety_check = true
  tags                               = local.tags
}

resource "aws_kms_alias" "logs" {
  name          = "alias/bulkhead/${var.customer}/bedrock"
  target_key_id = aws_kms_key.logs.key_id
}

resource "aws_cloudwatch_log_group" "records" {
  name              = local.log_group_name
  log_group_class   = "STANDARD"
  retention_in_days = var.retention_in_days
  kms_key_id        = aws_kms_key.logs.arn
  tags              = local.tags
}

################################################################################
# Caller role
################################################################################

resource "aws_iam_role" "caller" {
  name                 = var.caller_role_name
  path                 = var.caller_role_path
  description          = "Runs the application of ${var.customer}: assumes its fleet role and writes its records."
  assume_role_policy   = local.caller_trust_policy
  permissions_boundary = var.caller_boundary_arn == "" ? null : var.caller_boundary_arn
  max_session_duration = 3600
  # Whatever the customer attached for its application must not block a destroy.
  force_detach_policies = true
  tags                  = local.tags
}

resource "aws_iam_role_policy" "caller" {
  name   = "call-and-record"
  role   = aws_iam_role.caller.name
  policy = local.caller_policy
}

resource "aws_iam_role_policies_exclusive" "caller" {
  role_name    = aws_iam_role.caller.name
  policy_names = [aws_iam_role_policy.caller.name]
}

resource "aws_iam_instance_profile" "caller" {
  for_each = toset([for type in [var.caller.type] : type if type == "ec2"])

  name = aws_iam_role.caller.name
  path = var.caller_role_path
  role = aws_iam_role.caller.name
  tags = local.tags
}
