output "policy_ids" {
  description = "Ids of the policies, by name: `operations-scp`, `operations-change-scp`, `operations-rcp`, `customers-scp`, `held-scp`, and `customer-KEY-rcp` for each customer."
  value       = { for name, policy in aws_organizations_policy.this : name => policy.id }
  depends_on  = [aws_organizations_policy_attachment.this]
}

output "policy_documents" {
  description = "The policies themselves, as JSON, by the same names: what an audit compares with what is attached."
  value       = { for name, policy in local.policies : name => policy.content }
}

output "policy_accounts" {
  description = "The accounts that each policy is attached to, by the same names: none for `held-scp` while nobody has a legal hold."
  value       = local.targets
  depends_on  = [aws_organizations_policy_attachment.this]
}

output "handed_over_policies" {
  description = "For each customer with `own_organization`: the policies that its own management account attaches to its `accounts`, as JSON by type."
  value = {
    for key in local.strangers : key => {
      accounts                = sort(var.customers[key].accounts)
      SERVICE_CONTROL_POLICY  = local.handed_over_scps[key]
      RESOURCE_CONTROL_POLICY = local.customer_rcps["customer-${key}-rcp"]
    }
  }

  precondition {
    condition = alltrue([
      for key in local.strangers :
      max(length(local.handed_over_scps[key]), length(local.customer_rcps["customer-${key}-rcp"])) <= local.longest
    ])
    error_message = "A policy that is handed over has more than ${format("%d", local.longest)} characters, which AWS does not allow. List fewer accounts or roles."
  }
}

output "break_glass_topic_arn" {
  description = "Topic that is told when a break-glass role is assumed; null without one."
  value       = one(values(aws_sns_topic.break_glass)[*].arn)
}

output "break_glass_bus_arn" {
  description = "Event bus that takes the assumptions of break-glass roles from the operations account: `break_glass.bus_arn` of modules/operations-baseline. Null without a role."
  value       = one(values(aws_cloudwatch_event_bus.break_glass)[*].arn)
  depends_on  = [aws_cloudwatch_event_bus_policy.break_glass, aws_cloudwatch_event_target.break_glass]
}
