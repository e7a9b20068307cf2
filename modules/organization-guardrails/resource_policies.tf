# What the RCPs deny, and whom. README.md says why, statement by statement.

locals {
  # AWS's services have no account; everybody else has. A request that lacks the key is denied too.
  not_a_service = { "aws:PrincipalIsAWSService" = "false" }

  operations_rcp = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      {
        Sid       = "RolesForListedAccounts"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sts:AssumeRole"
        Resource  = "*"
        Condition = {
          StringNotEquals = { "aws:PrincipalAccount" = sort(setunion(local.fleet, var.trusted_account_ids)) }
          BoolIfExists    = local.not_a_service
        }
      },
      merge(
        {
          # Whoever comes with a token or an assertion has no account.
          Sid       = "RolesForNoFederation"
          Effect    = "Deny"
          Principal = "*"
          Action    = ["sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity"]
        },
        { for element in ["Resource"] : element => "*" if length(var.federated_role_arns) == 0 },
        { for element in ["NotResource"] : element => sort(var.federated_role_arns) if length(var.federated_role_arns) > 0 },
      ),
      ],
      # The rule that listens for it is in one Region, and so are the events of an assumption.
      [
        for arns in [sort(var.break_glass_role_arns)] : {
          Sid       = "BreakGlassInOneRegion"
          Effect    = "Deny"
          Principal = "*"
          Action    = ["sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity"]
          Resource  = arns
          Condition = { StringNotEquals = { "aws:RequestedRegion" = [local.region] } }
        } if length(arns) > 0
      ],
    )
  })

  # Whom pods become by their cluster's token: the customer-logging module's own name for the role.
  pods_role = "bulkhead/bulkhead-caller"

  # Callers that no token opens: of the role that pods become, all accounts but theirs.
  tokenless = {
    for key, customer in var.customers : key => concat(
      [for role in sort(customer.caller_roles) : "arn:${var.partition}:iam::*:role/${role}" if role != local.pods_role],
      [for account in sort(setsubtract(customer.accounts, keys(customer.pods))) : "arn:${var.partition}:iam::${account}:role/${local.pods_role}" if contains(customer.caller_roles, local.pods_role)],
    )
  }

  # By the customer's own set of accounts: the operations account and the other customers are of the same organization.
  customer_rcps = {
    for key, customer in var.customers : "customer-${key}-rcp" => jsonencode({
      Version = "2012-10-17"
      Statement = concat([
        {
          Sid       = "RecordsForOwnAccounts"
          Effect    = "Deny"
          Principal = "*"
          Action    = "logs:*"
          Resource  = "arn:${var.partition}:logs:*:*:log-group:/bulkhead/*"
          Condition = {
            StringNotEquals = { "aws:PrincipalAccount" = sort(customer.accounts) }
            BoolIfExists    = local.not_a_service
          }
        },
        {
          # Keys that are shared on purpose have no such tag.
          Sid       = "KeysForOwnAccounts"
          Effect    = "Deny"
          Principal = "*"
          Action    = "kms:*"
          Resource  = "*"
          Condition = {
            StringNotEquals = { "aws:PrincipalAccount" = sort(customer.accounts) }
            StringLike      = { "aws:ResourceTag/bulkhead:customer" = "*" }
            BoolIfExists    = local.not_a_service
          }
        },
        {
          # Whoever may write a caller role's trust could let a stranger in, and with it into the fleet role.
          Sid       = "CallersForOwnAccounts"
          Effect    = "Deny"
          Principal = "*"
          Action    = "sts:AssumeRole"
          Resource  = [for role in sort(customer.caller_roles) : "arn:${var.partition}:iam::*:role/${role}"]
          Condition = {
            StringNotEquals = { "aws:PrincipalAccount" = sort(customer.accounts) }
            BoolIfExists    = local.not_a_service
          }
        },
        {
          # Whoever comes with a token has no account, and some providers need none of IAM's: trust alone lets them in.
          Sid       = "CallersForNoFederation"
          Effect    = "Deny"
          Principal = "*"
          Action    = length(customer.pods) > 0 ? ["sts:AssumeRoleWithSAML"] : ["sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity"]
          Resource  = [for role in sort(customer.caller_roles) : "arn:${var.partition}:iam::*:role/${role}"]
        },
        ],
        [
          # Where some pods are callers, their accounts' own role alone takes a token.
          for arns in [local.tokenless[key]] : {
            Sid       = "CallersForNoTokens"
            Effect    = "Deny"
            Principal = "*"
            Action    = "sts:AssumeRoleWithWebIdentity"
            Resource  = arns
          } if length(customer.pods) > 0 && length(arns) > 0
        ],
        [
          # A token of another provider lacks the key, and is denied.
          for account, pods in customer.pods : {
            Sid       = "PodsOf${account}"
            Effect    = "Deny"
            Principal = "*"
            Action    = "sts:AssumeRoleWithWebIdentity"
            Resource  = "arn:${var.partition}:iam::${account}:role/${local.pods_role}"
            Condition = { StringNotEquals = { "${pods.provider}:sub" = "system:serviceaccount:${pods.namespace}:${pods.service_account}" } }
          }
        ],
      )
    })
  }
}
