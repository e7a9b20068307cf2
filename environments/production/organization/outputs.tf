output "policy_ids" {
  description = "Ids of the guardrails, by name."
  value       = module.guardrails.policy_ids

  precondition {
    condition     = length(local.taken) == 0
    error_message = "customers.yaml lists ${join(", ", local.taken)}, which left: records may be kept under that name. Give the new customer another key, or strike the old one from former_customers if the name may be its."
  }
}

output "policy_documents" {
  description = "The guardrails themselves, as JSON, by name."
  value       = module.guardrails.policy_documents
}

output "policy_accounts" {
  description = "The accounts that each guardrail is attached to, by name."
  value       = module.guardrails.policy_accounts
}

output "handed_over_policies" {
  description = "For each customer with `own_organization`: the policies that its own management account attaches to its accounts, as JSON by type."
  value       = module.guardrails.handed_over_policies
}

output "break_glass_topic_arn" {
  description = "Topic that is told when a break-glass role is assumed; null without one."
  value       = module.guardrails.break_glass_topic_arn

  precondition {
    condition     = !can(local.environment.operations.break_glass) || try(local.environment.trail, true)
    error_message = "operations.break_glass needs trail: true in customers.yaml. With the trail of operations, ../bootstrap forwards every assumption to the alarm here; without it nobody hears of one."
  }
}
