output "arns" {
  description = "ARN of each profile, by customer and model id."
  value       = module.profiles.arns
}
