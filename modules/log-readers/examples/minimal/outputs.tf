output "reader_role_arn" {
  description = "The role that reads."
  value       = module.readers.reader_role_arn
}
