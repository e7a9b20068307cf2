locals {
  environment = yamldecode(file("${path.module}/../customers.yaml"))
  main_region = local.environment.operations.region

  # The folder's name is the environment's, so that the files of all environments are the same.
  name      = basename(dirname(abspath(path.module)))
  partition = try(local.environment.partition, "aws")

  # It may become the deploy roles and, in a customer's account, the reader.
  owner_arn = "arn:${local.partition}:iam::${var.account_id}:${local.environment.administrator}"

  # What each account of the environment is.
  kinds = merge(
    {
      (local.environment.organization.management_account_id) = { kind = "organization", customer = "" }
      (local.environment.operations.account_id)              = { kind = "operations", customer = "" }
    },
    { for account in compact([try(local.environment.state.account_id, "")]) : account => { kind = "state", customer = "" } },
    merge([
      for key, customer in local.environment.customers : {
        for account in customer.accounts : account.account_id => { kind = "customer", customer = key }
      }
    ]...),
  )

  # Whether jobs of CI audit, by a role of their own.
  audited = can(local.environment.ci.github.audit_environment) || can(local.environment.ci.gitlab.audit_branch)

  # By account: the caller role, where the customer makes it itself.
  existing_callers = merge([
    for customer in local.environment.customers : {
      for account in customer.accounts : account.account_id => account.caller_role if can(account.caller_role)
    }
  ]...)
  caller_role = lookup(local.existing_callers, var.account_id, "bulkhead/bulkhead-caller")

  # Whether the customer whose account it is must keep everything.
  legal_hold = try(local.environment.customers[local.kinds[var.account_id].customer].legal_hold, false)

  # Models are called in several regions, and records written in one.
  regions = {
    organization = [local.main_region]
    operations   = distinct(concat([local.main_region], flatten([for customer in local.environment.customers : try(customer.regions, [])])))
    customer     = [local.main_region]
    state        = [local.main_region]
  }

  # Roles of the operations account that its guardrails spare, and the bus of ../organization that hears of them. Named
  # here as there: this root is applied by another and reads no other's state.
  break_glass = {
    role_arns = [for role in try(local.environment.operations.break_glass.roles, []) : "arn:${local.partition}:iam::${local.environment.operations.account_id}:role/${role}"]
    bus_arn   = can(local.environment.operations.break_glass) ? "arn:${local.partition}:events:${local.main_region}:${local.environment.organization.management_account_id}:event-bus/bulkhead-${local.name}-break-glass" : ""
  }

  # What customers granted to support, by account and ticket.
  support_access = yamldecode(file("${path.module}/support.yaml"))
}
