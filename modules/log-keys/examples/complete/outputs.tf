output "kms_key_arns" {
  description = "The keys, for `customer-logging`."
  value       = module.keys.kms_key_arns
}

output "aliases" {
  description = "How the keys are found."
  value       = module.keys.aliases
}
