output "log_group_name" {
  description = "Name of the log group that takes the records."
  value       = aws_cloudwatch_log_group.this["records"].name
}

output "log_group_arn" {
  description = "ARN of the log group, without a trailing `:*`."
  value       = local.group_arns["records"]
  depends_on  = [aws_cloudwatch_log_group.this]
}

output "retention_in_days" {
  description = "Days until a record is gone; 0 while a legal hold lasts."
  value       = aws_cloudwatch_log_group.this["records"].retention_in_days
}

output "kms_key_arn" {
  description = "ARN of the key that encrypts the log group."
  value       = aws_cloudwatch_log_group.this["records"].kms_key_id
}

output "content" {
  description = "The group for prompts and answers, while it is asked for: `log_group_name`, `log_group_arn`, `kms_key_arn`, `retention_in_days`; null otherwise."
  value = one([
    for key, group in aws_cloudwatch_log_group.this : {
      log_group_name    = group.name
      log_group_arn     = local.group_arns[key]
      kms_key_arn       = group.kms_key_id
      retention_in_days = group.retention_in_days
    } if key == "content"
  ])
}

output "caller_role_arn" {
  description = "ARN of the caller role; the operations account pins its trust to it."
  value       = local.caller_role_arn
  depends_on  = [aws_iam_role.caller, data.aws_iam_role.existing]
}

output "caller_role_name" {
  description = "Name of the caller role."
  value       = var.caller_role_name
  depends_on  = [aws_iam_role.caller, data.aws_iam_role.existing]
}

output "owners_only_policy" {
  description = "A service control policy, as JSON, by which nobody but the owners deletes records, shortens their retention, takes their key or masking away, or changes who reads. The same statements serve in a permissions boundary."
  value       = local.owners_only_policy
}

output "metrics" {
  description = "What the client must write so that dashboard and alarms see it: `namespace`, `dimensions` and, by key, the `name` and `unit` of each metric."
  value       = local.emf
}

output "region" {
  description = "Region of the log groups and their keys."
  value       = local.region
}
