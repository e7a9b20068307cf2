locals {
  environment = yamldecode(file("${path.module}/../customers.yaml"))

  # The folder's name is the environment's, so that the files of all environments are the same.
  name      = basename(dirname(abspath(path.module)))
  partition = try(local.environment.partition, "aws")

  accounts = { for account in try(local.environment.customers[var.customer].accounts, []) : account.account_id => account }
}
