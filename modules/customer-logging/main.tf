# A customer's own record of its model calls: log groups, and the one role that writes to them. Their keys are the module
# log-keys, who reads log-readers. The policies are in policies.tf, metrics and alarms in metrics.tf.

data "aws_region" "current" {}

# Keys and readers know the groups by the same names.
module "groups" {
  source = "./modules/groups"

  partition  = var.partition
  region     = local.region
  account_id = var.account_id
  customer   = var.customer
}

locals {
  region = data.aws_region.current.id

  # What models were asked and answered lies apart, under a key of its own: it can be read by fewer, is gone sooner,
  # and can be made unreadable at once by deleting that key. CloudWatch cannot delete single events.
  settings = merge(
    {
      records = {
        retention_in_days = var.retention_in_days
        identifiers       = var.record_data_identifiers
        kms_key_arn       = var.kms_key_arns.records
      }
    },
    {
      for group in ["content"] : group => {
        retention_in_days = var.content.retention_in_days
        identifiers       = var.content.data_identifiers
        kms_key_arn       = var.kms_key_arns.content
      } if var.content.enabled
    },
  )
  groups     = { for key, setting in local.settings : key => merge(setting, module.groups.groups[key]) }
  group_arns = { for key, group in local.groups : key => group.arn }

  caller_role_arn = "arn:${var.partition}:iam::${var.account_id}:role${var.caller_role_path}${var.caller_role_name}"
  caller_is_made  = var.caller.type != "existing"

  # A hold stops the clock of retention, and neither it nor keeping lets a destroy take the records along.
  is_kept = var.keep_on_destroy || var.legal_hold

  boundary = var.permissions_boundary_arn == "" ? null : var.permissions_boundary_arn
  tags     = merge(var.tags, { "bulkhead:customer" = var.customer })
}

################################################################################
# Log groups
################################################################################

resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_338:Records are kept for a year by default; content is meant to be gone within days.
  for_each = local.groups

  name              = each.value.name
  log_group_class   = "STANDARD"
  retention_in_days = var.legal_hold ? 0 : each.value.retention_in_days
  kms_key_id        = each.value.kms_key_arn
  skip_destroy      = local.is_kept
  # Told to people, and to checks that miss a retention.
  tags = merge(local.tags, { for tag in ["bulkhead:legal-hold"] : tag => "true" if var.legal_hold })

  lifecycle {
    precondition {
      condition     = split(":", each.value.kms_key_arn)[3] == local.region
      error_message = "kms_key_arns.${each.key} is a key of ${split(":", each.value.kms_key_arn)[3]}, and the log group is in ${local.region}."
    }
  }
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

    postcondition {
      # The guardrails deny whoever comes with a token or an assertion, but the pods of eks-irsa.
      condition = !anytrue([
        for statement in flatten([jsondecode(self.assume_role_policy).Statement]) : statement.Effect == "Allow" && can(statement.Principal.Federated)
      ])
      error_message = "The trust policy of the existing role lets in somebody of an identity provider. Name services or roles of this account alone; for pods that come with their cluster's token choose the type eks-irsa, which makes the role."
    }
  }
}

resource "aws_iam_role_policy" "caller" {
  for_each = aws_iam_role.caller

  name   = "call-and-record"
  role   = each.value.name
  policy = local.caller_policy
}

moved {
  from = aws_iam_role_policy.caller
  to   = aws_iam_role_policy.caller["caller"]
}

resource "aws_iam_role_policies_exclusive" "caller" {
  for_each = aws_iam_role.caller

  role_name    = each.value.name
  policy_names = [aws_iam_role_policy.caller[each.key].name]
}

# Of an existing role the other policies are the customer's. No condition of IAM tells inline policies apart, so that
# whoever may write one may write all: this one is managed, and attaching it is a right of its own. No condition says who
# has a policy that gets a new version either, so another content is another policy, attached in place of the one before.
resource "aws_iam_policy" "caller" {
  for_each = data.aws_iam_role.existing

  name        = "${var.caller_role_name}-${substr(sha256(local.caller_policy), 0, 12)}"
  path        = "/bulkhead/caller/${var.caller_role_name}/"
  description = "Lets the application of ${var.customer} assume its fleet role and write its records."
  policy      = local.caller_policy
  tags        = local.tags

  lifecycle {
    create_before_destroy = true

    precondition {
      condition     = length(local.caller_policy) <= 6144
      error_message = "The policy of the existing role has ${length(local.caller_policy)} characters; AWS allows 6,144. List fewer parameters in parameter_arns."
    }
  }
}

resource "aws_iam_role_policy_attachment" "caller" {
  for_each = data.aws_iam_role.existing

  role       = each.value.name
  policy_arn = aws_iam_policy.caller[each.key].arn

  # The application has its rights meanwhile.
  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_iam_instance_profile" "caller" {
  for_each = toset([for type in [var.caller.type] : type if type == "ec2"])

  name = aws_iam_role.caller["caller"].name
  path = var.caller_role_path
  role = aws_iam_role.caller["caller"].name
  tags = local.tags
}
