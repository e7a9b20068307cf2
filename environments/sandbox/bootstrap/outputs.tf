output "roles" {
  description = "The roles to deploy the account with, and the boundary of the roles that they make."
  value = {
    deploy_role_arn = one(values(module.bootstrap)[*].deploy_role_arn)
    plan_role_arn   = one(values(module.bootstrap)[*].plan_role_arn)
    boundary_arn    = one(values(module.bootstrap)[*].boundary_arn)
  }
}

output "audit_role_arn" {
  description = "The role that CI audits the account with; null where it does not."
  value       = one(values(module.audit)[*].role_arn)
}

output "keys" {
  description = "The keys of a customer's log groups, by group: which the deploy role finds by their aliases."
  value       = merge(values(module.keys)[*].kms_key_arns...)

  precondition {
    condition     = !contains(keys(try(local.environment.former_customers, {})), local.kinds[var.account_id].customer)
    error_message = "customers.yaml lists ${local.kinds[var.account_id].customer}, which left: records may be kept under that name. Give the new customer another key, or strike the old one from former_customers if the name may be its."
  }
}

output "readers" {
  description = "Who reads the records of a customer's account."
  value = {
    reader_role_arn = one(values(module.readers)[*].reader_role_arn)
    support_access  = merge(values(module.readers)[*].support_access...)
  }
}

output "trail" {
  description = "The operations account's trail of management events, and the bucket of its files."
  value = {
    arn    = one(values(module.baseline)[*].trail_arn)
    bucket = one(values(module.baseline)[*].trail_bucket)
  }
}

output "states" {
  description = "Where the states of all accounts lie, and by whom they are reached, by root."
  value = {
    bucket        = one(values(module.states)[*].bucket)
    kms_alias_arn = one(values(module.states)[*].kms_alias_arn)
    role_arns     = one(values(module.states)[*].role_arns)
  }
}
