output "caller_role_arn" {
  description = "The role of the application."
  value       = module.logging.caller_role_arn
}

output "log_group_name" {
  description = "Where its records go."
  value       = module.logging.log_group_name
}
