output "kms_key_arns" {
  description = "ARNs of the keys, by group: `records` and, while it is asked for, `content`."
  value       = { for key, made in aws_kms_key.logs : key => made.arn }
}

output "aliases" {
  description = "The keys' aliases, by group: how whoever applies `customer-logging` finds them."
  value       = { for key, alias in aws_kms_alias.logs : key => alias.name }
}
