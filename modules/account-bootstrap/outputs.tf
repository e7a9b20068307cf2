output "deploy_role_arn" {
  description = "The role to apply with."
  value       = aws_iam_role.this["deploy"].arn
}

output "plan_role_arn" {
  description = "The role to plan with."
  value       = aws_iam_role.this["plan"].arn
}

output "boundary_arn" {
  description = "The permissions boundary that the deploy role must set on every role it makes. In operations, fleet roles have their own."
  value       = aws_iam_policy.boundary.arn
}
