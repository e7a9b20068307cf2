# The owner's part of one account of ../customers.yaml: its deploy roles, in the operations account the trail, in a
# customer's account the keys of its records and who reads, and in the account of the states nothing but these.
# Applied by the account's owner, each with its own state, before the roots that the deploy roles apply.

terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7"
    }
  }
}

provider "aws" {
  region  = local.main_region
  profile = var.profile

  # Credentials of any other account end the run before anything is read or written.
  allowed_account_ids = [var.account_id]

  default_tags {
    tags = {
      "bulkhead:environment" = local.name
      "bulkhead:root"        = "bootstrap"
    }
  }
}

module "bootstrap" {
  source   = "../../../modules/account-bootstrap"
  for_each = toset([for kind in [local.kinds[var.account_id].kind] : kind if kind != "state"])

  partition  = local.partition
  account_id = var.account_id
  kind       = local.kinds[var.account_id].kind
  customer   = local.kinds[var.account_id].customer
  regions    = local.regions[local.kinds[var.account_id].kind]

  # Whoever owns the account, and CI where the list names one.
  deploy_principal_arns = [local.owner_arn]
  plan_principal_arns   = [local.owner_arn]
  github                = try(local.environment.ci.github, {})
  gitlab                = try(local.environment.ci.gitlab, {})

  create_identity_providers = try(local.environment.ci.create_identity_providers, true)

  legal_hold     = local.legal_hold
  caller_role    = local.caller_role
  caller_is_made = !contains(keys(local.existing_callers), var.account_id)
}

# Where CI audits: every account, that of the states included, by a role that reads and does nothing else.
module "audit" {
  source   = "../../../modules/audit-role"
  for_each = toset([for kind in [local.kinds[var.account_id].kind] : kind if local.audited])

  partition      = local.partition
  account_id     = var.account_id
  kind           = each.key
  principal_arns = [local.owner_arn]
  github         = try(local.environment.ci.github, {})
  gitlab         = try(local.environment.ci.gitlab, {})
}

# In an account that nothing is deployed to.
module "states" {
  source   = "../../../modules/state-store"
  for_each = toset([for kind in [local.kinds[var.account_id].kind] : kind if kind == "state"])

  partition            = local.partition
  account_id           = var.account_id
  environment          = local.name
  owner_arns           = [local.owner_arn]
  deployed_account_ids = [for id, account in local.kinds : id if account.kind != "state"]
  github               = try(local.environment.ci.github, {})
  gitlab               = try(local.environment.ci.gitlab, {})
  force_destroy        = !try(local.environment.keep_records, false)

  create_identity_providers = try(local.environment.ci.create_identity_providers, true)
}

# The trail of the operations account is its owner's: no deploy role can stop it.
module "baseline" {
  source   = "../../../modules/operations-baseline"
  for_each = toset([for kind in [local.kinds[var.account_id].kind] : kind if kind == "operations" && try(local.environment.trail, true)])

  partition             = local.partition
  operations_account_id = var.account_id
  force_destroy         = !try(local.environment.keep_records, false)

  break_glass_role_arns = toset(local.break_glass.role_arns)
  break_glass_bus_arn   = local.break_glass.bus_arn
}

# Before the log groups: whoever makes a key says who may use it.
module "keys" {
  source   = "../../../modules/log-keys"
  for_each = toset([for key in [local.kinds[var.account_id].customer] : key if key != ""])

  partition       = local.partition
  customer        = each.key
  account_id      = var.account_id
  owner_arns      = [local.owner_arn]
  caller_role     = local.caller_role
  content         = try(local.environment.content, false)
  legal_hold      = local.legal_hold
  keep_on_destroy = try(local.environment.keep_records, false)
}

module "readers" {
  source   = "../../../modules/log-readers"
  for_each = toset([for key in [local.kinds[var.account_id].customer] : key if key != ""])

  partition             = local.partition
  customer              = each.key
  account_id            = var.account_id
  operations_account_id = local.environment.operations.account_id
  caller_role           = local.caller_role
  reader                = { principal_arns = [local.owner_arn], content = try(local.environment.content, false) }
  support_access        = lookup(local.support_access, var.account_id, {})
}
