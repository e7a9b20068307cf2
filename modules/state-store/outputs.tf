output "bucket" {
  description = "The bucket, for `bucket` of the backend."
  value       = aws_s3_bucket.state.id
}

output "kms_alias_arn" {
  description = "The key's alias, for `kms_key_id` of the backend."
  value       = aws_kms_alias.state.arn
}

output "role_arns" {
  description = "By root (`customer`, and `customer-plan` to plan): the role that reaches its states, and no others."
  value       = { for key, role in aws_iam_role.this : key => role.arn }
}
