output "policy_ids" {
  description = "The policies, by name."
  value       = module.guardrails.policy_ids
}

output "policy_documents" {
  description = "The policies as they should be, to be compared with what is attached."
  value       = module.guardrails.policy_documents
}

output "handed_over_policies" {
  description = "What initech's own management account attaches."
  value       = module.guardrails.handed_over_policies
}
