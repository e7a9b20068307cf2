output "policy_ids" {
  description = "Ids of the guardrails, by name."
  value       = module.guardrails.policy_ids
}

output "policy_documents" {
  description = "The guardrails themselves, as JSON, by name."
  value       = module.guardrails.policy_documents
}

output "policy_accounts" {
  description = "The accounts that each guardrail is attached to, by name."
  value       = module.guardrails.policy_accounts
}
