output "bucket" {
  description = "For `bucket` of the backend."
  value       = module.states.bucket
}

output "role_arns" {
  description = "Who reaches which states."
  value       = module.states.role_arns
}
