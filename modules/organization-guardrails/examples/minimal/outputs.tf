output "policy_ids" {
  description = "The policies, by name."
  value       = module.guardrails.policy_ids
}
