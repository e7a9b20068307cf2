output "customers" {
  description = "What each customer's application needs, by customer key. Hand each customer its own entry only."
  sensitive   = true
  value = {
    for key, customer in module.fleet.customers : key => merge(customer, { external_id = var.external_ids[key] })
  }
}
