output "customers" {
  description = "What each customer's application needs, by customer key: `fleet_role_arn`, `fleet_role_name`, `region`, `session_name_prefix` (by account id) and `inference_profiles` (ARN by model id). Hand each customer its own entry only; the external id travels apart."
  value = {
    for key, customer in var.customers : key => {
      fleet_role_arn      = aws_iam_role.fleet[key].arn
      fleet_role_name     = aws_iam_role.fleet[key].name
      region              = local.region
      session_name_prefix = { for id in customer.accounts[*].account_id : id => "t-${id}-" }
      inference_profiles  = { for model in customer.models : model => aws_bedrock_inference_profile.this["${key}/${model}"].arn }
    }
  }
}

output "boundary_arns" {
  description = "Permission boundary of each customer's fleet role, by customer key."
  value       = { for key, policy in aws_iam_policy.boundary : key => policy.arn }
}
