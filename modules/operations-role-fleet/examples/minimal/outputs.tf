output "customers" {
  description = "What to hand over to each customer, its own entry only."
  value       = module.fleet.customers
}
