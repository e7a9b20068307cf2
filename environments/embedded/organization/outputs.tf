output "policy_ids" {
  description = "Ids of the guardrails, by name."
  value       = module.guardrails.policy_ids
}
