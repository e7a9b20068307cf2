output "sources" {
  description = "By Region: what to give to `Bulkhead.from_config`."
  value       = { for region, parameter in aws_ssm_parameter.this : region => "ssm:${local.arn_of_parameters}${parameter.name}" }
}

output "readable_arns" {
  description = "The parameters that the application's role must be able to read, and no others: its documents and the external id. For `parameter_arns` of `customer-logging`."
  value       = concat([for region in sort(keys(local.arns)) : local.arns[region]], [local.external_id_arn])
}

output "documents" {
  description = "By Region: the document itself, as JSON."
  value       = local.documents
}
