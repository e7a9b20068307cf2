output "customers" {
  description = "What to hand over to each customer, its own entry only."
  value       = module.fleet.customers
}

output "boundary_arns" {
  description = "Permission boundary of each fleet role."
  value       = module.fleet.boundary_arns
}
