output "role_arn" {
  description = "The role to audit with."
  value       = aws_iam_role.this.arn
}
