# The two roles through which an account is deployed from then on, and the most that they, and the roles they make,
# can ever do. Applied once, by the account's owner. What they may do is in grants.yaml, what never in policies.tf.

locals {
  path = "/bulkhead/"
  names = {
    deploy          = "bulkhead-deploy"
    plan            = "bulkhead-plan"
    deploy_boundary = "bulkhead-deploy-boundary"
    boundary        = "bulkhead-boundary"
  }
  role_arns   = { for key in ["deploy", "plan"] : key => "arn:${var.partition}:iam::${var.account_id}:role${local.path}${local.names[key]}" }
  policy_arns = { for key in ["deploy_boundary", "boundary"] : key => "arn:${var.partition}:iam::${var.account_id}:policy${local.path}${local.names[key]}" }
}

################################################################################
# Boundaries
################################################################################

resource "aws_iam_policy" "deploy_boundary" {
  name        = local.names.deploy_boundary
  path        = local.path
  description = "What the roles that deploy this account can never do, whatever they are given."
  policy      = local.deploy_boundary
  tags        = var.tags

  lifecycle {
    precondition {
      condition     = length(local.deploy_boundary) <= 6144
      error_message = "The boundary of the deploy roles has ${length(local.deploy_boundary)} characters; AWS allows 6,144."
    }
  }
}

resource "aws_iam_policy" "boundary" {
  # checkov:skip=CKV_AWS_286: A boundary gives nothing: what it allows is the most that a role can be given by others.
  # checkov:skip=CKV_AWS_287: As above.
  # checkov:skip=CKV_AWS_288: As above.
  # checkov:skip=CKV_AWS_289: As above.
  # checkov:skip=CKV_AWS_290: As above.
  # checkov:skip=CKV_AWS_355: As above.
  name        = local.names.boundary
  path        = local.path
  description = "What the roles that the deploy role makes can never do. It must set this on each of them."
  policy      = local.boundary
  tags        = var.tags
}

################################################################################
# Roles
################################################################################

resource "aws_iam_role" "this" {
  for_each = local.role_arns

  name                 = local.names[each.key]
  path                 = local.path
  description          = each.key == "deploy" ? "Applies what is deployed in this account; reads nothing that customers wrote." : "Plans what is deployed in this account; changes nothing."
  assume_role_policy   = module.trust.policies[each.key]
  permissions_boundary = aws_iam_policy.deploy_boundary.arn
  max_session_duration = 3600
  tags                 = var.tags

  lifecycle {
    precondition {
      condition     = length(jsondecode(module.trust.policies[each.key]).Statement) > 0
      error_message = "Nobody could become the ${each.key} role: name principals in ${each.key}_principal_arns, or set github or gitlab."
    }
    precondition {
      condition     = length(module.trust.policies[each.key]) <= 2048
      error_message = "The trust policy of the ${each.key} role has ${length(module.trust.policies[each.key])} characters; AWS allows 2,048. List fewer principals."
    }
  }
}

resource "aws_iam_role_policy" "this" {
  for_each = local.role_arns

  name   = each.key
  role   = aws_iam_role.this[each.key].name
  policy = local.grants_policy[each.key]

  lifecycle {
    precondition {
      condition     = length(local.grants_policy[each.key]) <= 10240
      error_message = "The policy of the ${each.key} role has ${length(local.grants_policy[each.key])} characters; AWS allows 10,240. List fewer regions."
    }
  }
}

# What somebody adds by hand goes with the owner's next apply.
resource "aws_iam_role_policies_exclusive" "this" {
  for_each = local.role_arns

  role_name    = aws_iam_role.this[each.key].name
  policy_names = [aws_iam_role_policy.this[each.key].name]
}

resource "aws_iam_role_policy_attachments_exclusive" "this" {
  for_each = local.role_arns

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
