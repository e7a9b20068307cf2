output "log_group_name" {
  description = "Name of the log group that takes the records."
  value       = aws_cloudwatch_log_group.records.name
}

output "log_group_arn" {
  description = "ARN of the log group, without a trailing `:*`."
  value       = local.log_group_arn
  depends_on  = [aws_cloudwatch_log_group.records]
}

output "retention_in_days" {
  description = "Days until a record is gone."
  value       = aws_cloudwatch_log_group.records.retention_in_days
}

output "kms_key_arn" {
  description = "ARN of the key that encrypts the log group."
  value       = aws_kms_key.logs.arn
}

output "caller_role_arn" {
  description = "ARN of the caller role; the operations account pins its trust to it."
  value       = local.caller_role_arn
  depends_on  = [aws_iam_role.caller]
}

output "caller_role_name" {
  description = "Name of the caller role."
  value       = aws_iam_role.caller.name
}

output "region" {
  description = "Region of the log group and its key."
  value       = local.region
}
