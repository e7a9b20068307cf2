output "customers" {
  description = "What each customer's application needs, by customer key, with its external id. For whoever runs this root alone."
  sensitive   = true

  precondition {
    condition     = length(local.over) == 0
    error_message = "customers.yaml lists more than one operations account holds: ${join(", ", local.over)}. Move customers to another cell (an environment with an operations account of its own), or have the quotas raised and say so in operations.quotas."
  }

  precondition {
    condition     = length(local.taken) == 0
    error_message = "customers.yaml lists ${join(", ", local.taken)}, which left: records may be kept under that name. Give the new customer another key, or strike the old one from former_customers if the name may be its."
  }

  value = {
    for key, customer in module.fleet.customers : key => merge(customer, { external_id = var.external_ids[key] })
  }
}

output "handover" {
  description = "One document for each customer, by its key: hand each customer its own only. The external id is not in it and travels apart."
  value = {
    for key, customer in module.fleet.customers : key => merge(customer, {
      format                = "bulkhead-handover/1"
      environment           = local.name
      partition             = local.partition
      customer              = key
      operations_account_id = local.operations_account_id
      external_id_parameter = "/bulkhead/${key}/external-id"
    })
  }
}
