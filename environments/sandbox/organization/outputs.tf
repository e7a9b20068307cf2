output "policy_ids" {
  description = "Ids of the guardrails, by name."
  value       = module.guardrails.policy_ids
}

output "policy_documents" {
  description = "The guardrails themselves, as JSON, by name."
  value       = module.guardrails.policy_documents
}
