locals {
  environment           = yamldecode(file("${path.module}/../customers.yaml"))
  operations_account_id = local.environment.operations.account_id
}
