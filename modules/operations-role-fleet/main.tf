# Fleet roles: one role per customer in the operations account. Roles are global, so this module is applied once; the
# profiles that they call are regional and come from the module inference-profiles. What the roles may do is in policies.tf.

locals {
  # Names, and ARNs made from them, are known before anything exists, so that a plan shows every
  # policy but those that name a profile's generated id.
  path         = "/bulkhead/fleet/"
  role_name    = { for key in keys(var.customers) : key => "bulkhead-${key}" }
  role_arn     = { for key, name in local.role_name : key => "arn:${var.partition}:iam::${var.operations_account_id}:role${local.path}${name}" }
  boundary_arn = { for key, name in local.role_name : key => "arn:${var.partition}:iam::${var.operations_account_id}:policy${local.path}${name}-boundary" }

  customer_tags = { for key in keys(var.customers) : key => merge(var.tags, { "bulkhead:customer" = key }) }
}

################################################################################
# Roles
################################################################################

resource "aws_iam_policy" "boundary" {
  for_each = var.customers

  name        = "${local.role_name[each.key]}-boundary"
  path        = local.path
  description = "The most that ${local.role_name[each.key]} can ever be given."
  policy      = each.value.stopped ? local.stopped_policy : local.boundary_policy.real[each.key]
  tags        = local.customer_tags[each.key]

  lifecycle {
    precondition {
      condition     = length(local.boundary_policy.sized[each.key]) <= 6144
      error_message = "customers[\"${each.key}\"]: the permission boundary has ${length(local.boundary_policy.sized[each.key])} characters; AWS allows 6,144. List fewer models, regions or destination regions."
    }
  }
}

resource "aws_iam_role" "fleet" {
  # checkov:skip=CKV_AWS_61: The account principal is pinned to exact role ARNs, an external id and a session name; the check sees only the principal.
  for_each = var.customers

  name                 = local.role_name[each.key]
  path                 = local.path
  description          = "Assumed by the applications of ${each.key} to call Amazon Bedrock."
  assume_role_policy   = local.trust_policy[each.key]
  permissions_boundary = local.boundary_arn[each.key]
  # Callers are roles, so their sessions are chained and AWS allows one hour at most.
  max_session_duration = 3600
  # A stop policy attached from outside must not block offboarding.
  force_detach_policies = true
  tags                  = local.customer_tags[each.key]

  # The boundary is named by an ARN made from its name.
  depends_on = [aws_iam_policy.boundary]

  lifecycle {
    precondition {
      condition     = nonsensitive(length(local.trust_policy[each.key])) <= 2048
      error_message = "customers[\"${each.key}\"]: the trust policy has ${nonsensitive(length(local.trust_policy[each.key]))} characters; AWS allows 2,048. List fewer accounts or caller roles; while an external id is being replaced, its end takes some 300 of them."
    }
  }
}

resource "aws_iam_role_policy" "invoke" {
  for_each = var.customers

  name   = "invoke-own-profiles"
  role   = aws_iam_role.fleet[each.key].name
  policy = local.invoke_policy.real[each.key]

  lifecycle {
    precondition {
      condition     = length(local.invoke_policy.sized[each.key]) <= 10240
      error_message = "customers[\"${each.key}\"]: the permission policy has ${length(local.invoke_policy.sized[each.key])} characters; AWS allows 10,240. List fewer models, regions or destination regions."
    }
  }
}

# In a policy of its own, so that whoever stops a customer at once, by hand and under this name, does what the next
# apply does. The boundary says it once more.
resource "aws_iam_role_policy" "stopped" {
  for_each = { for key, customer in var.customers : key => customer if customer.stopped }

  name   = "bulkhead-stopped"
  role   = aws_iam_role.fleet[each.key].name
  policy = local.stopped_policy
}

# Inline policies are exclusive: what somebody adds by hand goes with the next apply. Managed
# attachments are not: a stop policy must outlive the next apply.
resource "aws_iam_role_policies_exclusive" "fleet" {
  for_each = var.customers

  role_name    = aws_iam_role.fleet[each.key].name
  policy_names = concat([aws_iam_role_policy.invoke[each.key].name], [for key, policy in aws_iam_role_policy.stopped : policy.name if key == each.key])
}
