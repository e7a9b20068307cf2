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

  # What each customer takes of them: a profile for each model and region, a role, and a boundary of that role.
  profiles_by_region = {
    for region in distinct(flatten([for customer in local.environment.customers : try(customer.regions, [local.environment.operations.region])])) :
    region => sum([for customer in local.environment.customers : length(customer.models) if contains(try(customer.regions, [local.environment.operations.region]), region)])
  }
  used = {
    inference_profiles_per_region = max(values(local.profiles_by_region)...)
    roles                         = length(local.environment.customers)
    managed_policies              = length(local.environment.customers)
  }
  over = [for name in keys(local.quotas) : "${local.used[name]} ${replace(name, "_", " ")} of ${local.quotas[name]}" if local.used[name] > local.quotas[name]]
}
