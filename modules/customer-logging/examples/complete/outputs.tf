output "caller_role_arn" {
  description = "The role of the application; list it as a caller role in `operations-role-fleet`."
  value       = module.logging.caller_role_arn
}

output "log_group_name" {
  description = "Where its records go."
  value       = module.logging.log_group_name
}

output "kms_key_arn" {
  description = "The key of the records."
  value       = module.logging.kms_key_arn
}
