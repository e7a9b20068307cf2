output "bucket" {
  description = "For `bucket` of the backend."
  value       = module.states.bucket
}

output "kms_alias_arn" {
  description = "For `kms_key_id` of the backend."
  value       = module.states.kms_alias_arn
}
