locals {
  environment           = yamldecode(file("${path.module}/../customers.yaml"))
  operations_account_id = local.environment.operations.account_id

  # The folder's name is the environment's, so that the files of all environments are the same.
  name      = basename(dirname(abspath(path.module)))
  partition = try(local.environment.partition, "aws")

  # What the account's quotas allow; customers.yaml says where they were raised.
  quotas = {
    for name, quota in jsondecode(file("${path.module}/../customers.schema.json"))["$defs"].quotas.properties :
    name => try(local.environment.operations.quotas[name], quota.default)
  }

  main_region = local.environment.operations.region

  # The deploy role may make no role without it, but fleet roles, which have their own.
  boundary_arn = "arn:${local.partition}:iam::${local.operations_account_id}:policy/bulkhead/bulkhead-boundary"

  tags = {
    "bulkhead:environment" = local.name
    "bulkhead:root"        = "operations"
  }

  customers = {
    for key, customer in local.environment.customers : key => {
      accounts = [
        for account in customer.accounts : {
          account_id   = account.account_id
          caller_roles = concat([try(account.caller_role, "bulkhead/bulkhead-caller")], try(account.further_callers, []))
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

  # What each customer takes of the quotas: a profile for each model and region, a role, and a boundary of that role.
  used = {
    inference_profiles_per_region = max([for customers in values(local.models) : sum(concat([0], [for models in values(customers) : length(models)]))]...)
    roles                         = length(local.customers)
    managed_policies              = length(local.customers)
  }
  over = [for name in keys(local.quotas) : "${local.used[name]} ${replace(name, "_", " ")} of ${local.quotas[name]}" if local.used[name] > local.quotas[name]]
}
