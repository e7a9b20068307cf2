output "account" {
  description = "What the customer's application needs to write its records, and what probes need to find them."
  value = {
    customer          = var.customer
    account_id        = var.account_id
    region            = module.logging.region
    log_group_name    = module.logging.log_group_name
    log_group_arn     = module.logging.log_group_arn
    retention_in_days = module.logging.retention_in_days
    kms_key_arn       = module.logging.kms_key_arn
    caller_role_arn   = module.logging.caller_role_arn
    caller_role_name  = module.logging.caller_role_name
    content           = module.logging.content
    metrics           = module.logging.metrics
    configuration     = module.configuration.sources
  }
}

output "configuration" {
  description = "By Region: what to give to the client's `Bulkhead.from_config`. Whoever may read the parameter needs nothing besides."
  value       = module.configuration.sources
}

output "owners_only_policy" {
  description = "The account's records in the words of a service control policy: nobody but their owner deletes them."
  value       = module.logging.owners_only_policy
}
