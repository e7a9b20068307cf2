output "customers" {
  description = "What each customer's application needs, by customer key: `fleet_role_arn`, `fleet_role_name`, `regions` (as listed, the first is its main one), `session_name_prefix` (by account id) and `inference_profiles` (ARN by region and model id). Hand each customer its own entry only; the external id travels apart."
  value = {
    for key, customer in var.customers : key => {
      fleet_role_arn      = local.role_arn[key]
      fleet_role_name     = local.role_name[key]
      regions             = customer.regions
      session_name_prefix = { for id in customer.accounts[*].account_id : id => "t-${id}-" }
      inference_profiles  = { for region in customer.regions : region => var.inference_profiles[region][key] }
    }
  }
  depends_on = [aws_iam_role.fleet, aws_iam_role_policy.invoke]
}

output "boundary_arns" {
  description = "Permission boundary of each customer's fleet role, by customer key."
  value       = local.boundary_arn
  depends_on  = [aws_iam_policy.boundary]
}
