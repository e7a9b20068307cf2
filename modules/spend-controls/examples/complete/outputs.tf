output "stop_policy_arn" {
  description = "Detach this policy from a fleet role to reset a stop."
  value       = module.spend.stop_policy_arn
}

output "executor_role_arns" {
  description = "For guardrails: who may attach that policy."
  value       = module.spend.executor_role_arns
}
