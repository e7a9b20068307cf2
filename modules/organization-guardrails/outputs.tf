output "policy_ids" {
  description = "Ids of the policies, by name: `operations-scp`, `operations-rcp`, `customers-scp` and `customers-rcp`."
  value       = { for name, policy in aws_organizations_policy.this : name => policy.id }
  depends_on  = [aws_organizations_policy_attachment.this]
}

output "policy_documents" {
  description = "The policies themselves, as JSON, by the same names: what an audit compares with what is attached."
  value       = { for name, policy in local.policies : name => policy.content }
}
