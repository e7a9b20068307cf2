locals {
  environment = yamldecode(file("${path.module}/../customers.yaml"))

  # The folder's name is the environment's, so that the files of all environments are the same.
  name      = basename(dirname(abspath(path.module)))
  partition = try(local.environment.partition, "aws")

  # What customers.yaml says of the customer, and of the account.
  settings = try(local.environment.customers[var.customer], {})
  accounts = { for account in try(local.settings.accounts, []) : account.account_id => account }
  account  = try(local.accounts[var.account_id], {})

  # The module makes the caller role, or the customer has made it.
  caller_role = split("/", try(local.account.caller_role, "bulkhead/bulkhead-caller"))

  # Who administers the customers' accounts of this environment, and so owns their records.
  administrator_arn = "arn:${local.partition}:iam::${var.account_id}:${local.environment.administrator}"

  # Whether there is a group for prompts and answers.
  content = try(local.environment.content, false)
}
