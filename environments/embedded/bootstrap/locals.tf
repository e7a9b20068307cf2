locals {
  environment = yamldecode(file("${path.module}/../customers.yaml"))

  # What each account of the environment is.
  kinds = merge(
    {
      (local.environment.organization.management_account_id) = { kind = "organization", customer = "" }
      (local.environment.operations.account_id)              = { kind = "operations", customer = "" }
    },
    merge([
      for key, customer in local.environment.customers : {
        for account in customer.accounts : account.account_id => { kind = "customer", customer = key }
      }
    ]...),
  )
}
