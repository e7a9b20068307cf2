# The organization around the operations account and the customers of ../customers.yaml: what nobody in them may do.
# Applied in the management account, before the other roots, so that what they make is guarded from the start, and
# destroyed after them.

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
  region  = local.environment.operations.region
  profile = var.profile

  # Credentials of any other account end the run before anything is read or written.
  allowed_account_ids = [local.environment.organization.management_account_id]

  default_tags {
    tags = {
      "bulkhead:environment" = local.name
      "bulkhead:root"        = "organization"
    }
  }
}

module "guardrails" {
  source = "../../../modules/organization-guardrails"

  partition             = local.partition
  name_prefix           = "bulkhead-${local.name}"
  operations_account_id = local.environment.operations.account_id
  customers = {
    for key, customer in local.environment.customers : key => {
      accounts         = toset([for account in customer.accounts : account.account_id])
      own_organization = try(customer.own_organization, false)
      legal_hold       = try(customer.legal_hold, false)
      # All that the fleet role trusts: the caller role, and those that the customer makes itself.
      caller_roles = toset(concat(["bulkhead/bulkhead-caller"], flatten([for account in customer.accounts : [try([account.caller_role], []), try(account.further_callers, [])]])))
      # A cluster's token opens the caller role of its own account, to its own pods.
      pods = {
        for account in customer.accounts : account.account_id => {
          provider        = account.pods.oidc_provider
          namespace       = account.pods.namespace
          service_account = account.pods.service_account
        } if account.caller == "eks-irsa"
      }
    }
  }
  held_account_ids    = local.left_while_held
  model_regions       = local.model_regions
  trusted_account_ids = toset(try(local.environment.organization.trusted_accounts, []))

  # Jobs of CI and people come with a token or an assertion, and so does whoever else has one: these roles alone.
  federated_role_arns = concat(local.pipeline_arns, local.people_arns)

  deployer_arns     = local.deployers
  bootstrapper_arns = local.bootstrappers

  break_glass_role_arns = toset([for role in try(local.environment.operations.break_glass.roles, []) : "${local.operations}:role/${role}"])
  break_glass_emails    = toset(try(local.environment.operations.break_glass.emails, []))

  # Those of the module spend-controls, of every region: its executor attaches them, and only those who deploy take them off.
  stop_policy_arns = ["${local.operations}:policy/bulkhead/fleet/bulkhead-spend-*-stop"]
}
