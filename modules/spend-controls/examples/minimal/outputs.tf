output "stop_policy_arn" {
  description = "Detach this policy from a fleet role to reset a stop."
  value       = module.spend.stop_policy_arn
}
