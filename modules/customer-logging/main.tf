# A customer's own record of its model calls: log groups with their keys, and the one role that writes to them. Who
# reads is the module log-readers. The policies are in policies.tf, metrics and alarms in metrics.tf.

data "aws_region" "current" {}

locals {
  region = data.aws_region.current.id

  # ARNs are made from names, so that a key can name its group and the group its key.
  arn_of_groups = "arn:${var.partition}:logs:${local.region}:${var.account_id}:log-group"

  # What models were asked and answered lies apart, under a key of its own: it can be read by fewer, is gone sooner,
  # and can be made unreadable at once by deleting that key. CloudWatch cannot delete single events.
  groups = merge(
    {
      records = {
        name              = "/bulkhead/${var.customer}/bedrock"
        alias             = "alias/bulkhead/${var.customer}/bedrock"
        retention_in_days = var.retention_in_days
        identifiers       = var.record_data_identifiers
      }
    },
    {
      for group in ["content"] : group => {
        name              = "/bulkhead/${var.customer}/content"
        alias             = "alias/bulkhead/${var.customer}/content"
        retention_in_days = var.content.retention_in_days
        identifiers       = var.content.data_identifiers
      } if var.content.enabled
    },
  )
  group_arns = { for key, group in local.groups : key => "${local.arn_of_groups}:${group.name}" }

  caller_role_arn = "arn:${var.partition}:iam::${var.account_id}:role${var.caller_role_path}${var.caller_role_name}"
  caller_is_made  = var.caller.type != "existing"

  # A hold stops the clock of retention, and neither it nor keeping lets a destroy take the records along.
  is_kept = var.keep_on_destroy || var.legal_hold

  boundary = var.permissions_boundary_arn == "" ? null : var.permissions_boundary_arn
  tags     = merge(var.tags, { "bulkhead:customer" = var.customer })
}

################################################################################
# Keys and log groups
################################################################################

resource "aws_kms_key" "logs" {
  for_each = local.groups

  description             = "Encrypts the log group ${each.value.name} and nothing else."
  policy                  = local.key_policies[each.key]
  enable_key_rotation     = true
  deletion_window_in_days = var.key_deletion_window_in_days
  # Whoever makes a key that is the owners' may not change its policy afterwards, which KMS would refuse otherwise.
  # The account's root user always may, so nobody is locked out.
  bypass_policy_lockout_safety_check = length(var.owner_arns) > 0
  tags                               = local.tags
}

resource "aws_kms_alias" "logs" {
  for_each = local.groups

  name          = each.value.alias
  target_key_id = aws_kms_key.logs[each.key].key_id
}

resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_338:Records are kept for a year by default; content is meant to be gone within days.
  for_each = local.groups

  name              = each.value.name
  log_group_class   = "STANDARD"
  retention_in_days = var.legal_hold ? 0 : each.value.retention_in_days
  kms_key_id        = aws_kms_key.logs[each.key].arn
  skip_destroy      = local.is_kept
  tags              = local.tags
}

resource "aws_cloudwatch_log_data_protection_policy" "this" {
  for_each = local.groups

  log_group_name  = aws_cloudwatch_log_group.this[each.key].name
  policy_document = local.data_protection_policies[each.key]
}

################################################################################
# Caller role
################################################################################

resource "aws_iam_role" "caller" {
  for_each = toset([for role in ["caller"] : role if local.caller_is_made])

  name                 = var.caller_role_name
  path                 = var.caller_role_path
  description          = "Runs the application of ${var.customer}: assumes its fleet role and writes its records."
  assume_role_policy   = local.caller_trust_policy
  permissions_boundary = local.boundary
  max_session_duration = 3600
  # Whatever the customer attached for its application must not block a destroy.
  force_detach_policies = true
  tags                  = local.tags

  lifecycle {
    precondition {
      condition     = length(local.caller_trust_policy) <= 2048
      error_message = "caller: its trust policy would be longer than the 2,048 characters that IAM allows. Shorten the names of namespace and service account."
    }
  }
}

# A role that the customer made. Its trust is not ours, so it is looked at.
data "aws_iam_role" "existing" {
  for_each = toset([for role in ["caller"] : role if !local.caller_is_made])

  name = var.caller_role_name

  lifecycle {
    postcondition {
      condition     = self.arn == local.caller_role_arn
      error_message = "caller_role_path is not the path of the existing role ${self.arn}. The operations account trusts the exact ARN."
    }

    postcondition {
      condition     = var.permissions_boundary_arn == "" || self.permissions_boundary == var.permissions_boundary_arn
      error_message = "The existing role ${self.arn} has not the permissions boundary ${var.permissions_boundary_arn}, so whatever is attached to it could reach the records. Set it on the role: aws iam put-role-permissions-boundary."
    }

    postcondition {
      # The names of services and of identity providers have no account.
      condition = alltrue([
        for principal in flatten([
          for statement in flatten([jsondecode(self.assume_role_policy).Statement]) :
          [for kind, names in try(merge({}, statement.Principal), { AWS = "*" }) : [for name in flatten([names]) : name if kind == "AWS"]]
          if statement.Effect == "Allow"
        ]) : can(regex("^arn:[a-z-]+:iam::${var.account_id}:(role|user)/[^*?]+$", principal))
      ])
      error_message = "The trust policy of the existing role lets in everybody, a whole account or somebody of another account. Name what runs the application: a service, or single roles of this account."
    }
  }
}

resource "aws_iam_role_policy" "caller" {
  name   = "call-and-record"
  role   = local.caller_is_made ? aws_iam_role.caller["caller"].name : data.aws_iam_role.existing["caller"].name
  policy = local.caller_policy
}

# Of an existing role the other policies are the customer's.
resource "aws_iam_role_policies_exclusive" "caller" {
  for_each = aws_iam_role.caller

  role_name    = each.value.name
  policy_names = [aws_iam_role_policy.caller.name]
}

resource "aws_iam_instance_profile" "caller" {
  for_each = toset([for type in [var.caller.type] : type if type == "ec2"])

  name = aws_iam_role.caller["caller"].name
  path = var.caller_role_path
  role = aws_iam_role.caller["caller"].name
  tags = local.tags
}
