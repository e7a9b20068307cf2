output "reader_role_arn" {
  description = "ARN of the role that reads; null without `reader.principal_arns`."
  value       = one([for role in aws_iam_role.reader : role.arn])
}

output "support_access" {
  description = "What was granted to support, by ticket: `role_arn`, `principal_arns`, `granted_at`, `expires_at`."
  value       = { for ticket, grant in var.support_access : ticket => merge(grant, { role_arn = aws_iam_role.support[ticket].arn }) }
}
