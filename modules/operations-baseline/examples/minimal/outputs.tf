output "trail_arn" {
  description = "The trail."
  value       = module.baseline.trail_arn
}
