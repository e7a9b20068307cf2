output "trail_arn" {
  description = "The trail."
  value       = module.baseline.trail_arn
}

output "break_glass_rule_arn" {
  description = "What forwards assumptions of the role."
  value       = module.baseline.break_glass_rule_arn
}
