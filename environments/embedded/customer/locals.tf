locals {
  environment = yamldecode(file("${path.module}/../customers.yaml"))

  accounts = { for account in try(local.environment.customers[var.customer].accounts, []) : account.account_id => account }
}
