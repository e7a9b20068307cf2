output "reader_role_arn" {
  description = "The role that reads."
  value       = module.readers.reader_role_arn
}

output "support_access" {
  description = "What support was granted."
  value       = module.readers.support_access
}
