output "role_arn" {
  description = "The role to audit with."
  value       = module.audit.role_arn
}
