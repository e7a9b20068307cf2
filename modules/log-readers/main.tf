# Who reads a customer's records: its own readers, and support for a while. Applied by the account's owner, because what
# the account's deploy role could make it could let others into. The policies are in policies.tf.

data "aws_region" "current" {}

# Made by customer-logging under these very names, before or after.
module "groups" {
  source = "../customer-logging/modules/groups"

  partition  = var.partition
  region     = local.region
  account_id = var.account_id
  customer   = var.customer
}

locals {
  region     = data.aws_region.current.id
  group_arns = { for key, group in module.groups.groups : key => group.arn }

  # The boundary of deploy roles (account-bootstrap) ends here.
  path     = "/bulkhead/reader/"
  boundary = var.permissions_boundary_arn == "" ? null : var.permissions_boundary_arn
  tags     = merge(var.tags, { "bulkhead:customer" = var.customer })
}

resource "aws_iam_role" "reader" {
  # checkov:skip=CKV_AWS_61:The account as principal is pinned to exact principals by the condition beside it.
  for_each = toset([for role in ["reader"] : role if length(var.reader.principal_arns) > 0])

  name                 = "bulkhead-reader"
  path                 = local.path
  description          = "Reads the records of ${var.customer}, masked, and nothing else."
  assume_role_policy   = local.reader_trust_policy
  permissions_boundary = local.boundary
  max_session_duration = 3600
  tags                 = local.tags

  lifecycle {
    precondition {
      condition     = length(local.reader_trust_policy) <= 2048
      error_message = "reader.principal_arns: the trust policy would be longer than the 2,048 characters that IAM allows. List fewer principals."
    }
  }
}

resource "aws_iam_role_policy" "reader" {
  for_each = aws_iam_role.reader

  name   = "read"
  role   = each.value.name
  policy = local.reader_policy
}

resource "aws_iam_role_policies_exclusive" "reader" {
  for_each = aws_iam_role.reader

  role_name    = each.value.name
  policy_names = [aws_iam_role_policy.reader[each.key].name]
}

resource "aws_iam_role" "support" {
  for_each = var.support_access

  name                 = "bulkhead-support-${each.key}"
  path                 = local.path
  description          = "Lets support read the records of ${var.customer} until ${each.value.expires_at}."
  assume_role_policy   = local.support_trust_policies[each.key]
  permissions_boundary = local.boundary
  max_session_duration = 3600
  tags = merge(local.tags, {
    "bulkhead:support-ticket"     = each.key
    "bulkhead:support-granted-at" = each.value.granted_at
    "bulkhead:support-expires-at" = each.value.expires_at
  })

  lifecycle {
    precondition {
      condition     = length(local.support_trust_policies[each.key]) <= 2048
      error_message = "support_access: the trust policy would be longer than the 2,048 characters that IAM allows. List fewer principals."
    }
  }
}

resource "aws_iam_role_policy" "support" {
  for_each = aws_iam_role.support

  name   = "read-until-expiry"
  role   = each.value.name
  policy = local.support_policies[each.key]
}

resource "aws_iam_role_policies_exclusive" "support" {
  for_each = aws_iam_role.support

  role_name    = each.value.name
  policy_names = [aws_iam_role_policy.support[each.key].name]
}
