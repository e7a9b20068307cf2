output "trail_arn" {
  description = "The trail of management events."
  value       = aws_cloudtrail.this.arn
}

output "trail_bucket" {
  description = "Bucket with the trail's files."
  value       = aws_s3_bucket.trail.id
}

output "break_glass_rule_arn" {
  description = "The rule that forwards assumptions; null without a break-glass role."
  value       = one(values(aws_cloudwatch_event_rule.break_glass)[*].arn)
}
