locals {
  environment           = yamldecode(file("${path.module}/../customers.yaml"))
  operations_account_id = local.environment.operations.account_id
  main_region           = local.environment.operations.region

  tags = {
    "bulkhead:environment" = "embedded"
    "bulkhead:root"        = "operations"
  }

  customers = {
    for key, customer in local.environment.customers : key => {
      accounts = [
        for account in customer.accounts : {
          account_id   = account.account_id
          caller_roles = concat(["bulkhead/bulkhead-caller"], try(account.further_callers, []))
        }
      ]
      models  = customer.models
      regions = try(customer.regions, [local.main_region])
    }
  }

  # Whose profiles of which models each region has.
  models = {
    for region in distinct(concat([local.main_region], flatten(values(local.customers)[*].regions))) : region => {
      for key, customer in local.customers : key => customer.models if contains(customer.regions, region)
    }
  }
}
