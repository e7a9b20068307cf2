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
      stopped = try(customer.stopped, false)
    }
  }

  # Names of customers that left, and what they left behind, are nobody else's.
  taken = [for key in sort(keys(local.customers)) : key if contains(keys(try(local.environment.former_customers, {})), key)]

  # Where cross-region profiles may send a call, by prefix.
  cross_region = try(local.environment.operations.cross_region, {})

  # Whose profiles of which models each region has.
  models = {
    for region in distinct(concat([local.main_region], flatten(values(local.customers)[*].regions))) : region => {
      for key, customer in local.customers : key => customer.models if contains(customer.regions, region)
    }
  }

  # What the modules of further regions make: nothing where one of them is the main region, whose modules make all.
  models_elsewhere = { for region, models in local.models : region => models if region != local.main_region }

  # By region, the alarms of the limits that are set there: four for each, one for each kind of token, and one for calls.
  alarms = {
    for region, customers in local.models : region =>
    sum(flatten([
      for key in keys(customers) : [for limit in local.environment.customers[key].spend.limits : can(limit.calls) ? 5 : 4] if can(local.environment.customers[key].spend)
    ]))
    if anytrue([for key in keys(customers) : can(local.environment.customers[key].spend)])
  }

  # A budget acts through one role of its region, which is the customer's first by name.
  budgeted = toset([
    for key, customer in local.customers : sort(customer.regions)[0]
    if try(local.environment.customers[key].spend.monthly_budget_usd, 0) > 0
  ])

  # Roles that are made by hand, and the one that forwards their assumptions.
  emergencies = length(try(local.environment.operations.break_glass.roles, []))
  by_hand     = local.emergencies + (startswith(local.environment.administrator, "role/") ? 1 : 0)
  forwarder   = local.emergencies > 0 && try(local.environment.trail, true) ? 1 : 0

  # The role that jobs of CI audit the account with.
  auditor = can(local.environment.ci.github.audit_environment) || can(local.environment.ci.gitlab.audit_branch) ? 1 : 0

  # What is taken of the quotas, by this root and by ../bootstrap. Each customer: a profile for each model and region, a
  # role, and a boundary of that role. Each region with limits: two roles of the executor, the policy of a stop, and one
  # alarm besides; with budgets, one role. The account: two roles that deploy it, and two boundaries.
  used = {
    inference_profiles_per_region = max([for customers in values(local.models) : sum(concat([0], [for models in values(customers) : length(models)]))]...)
    roles                         = length(local.customers) + 2 * length(local.alarms) + length(local.budgeted) + 2 + local.forwarder + local.auditor + local.by_hand
    managed_policies              = length(local.customers) + length(local.alarms) + 2
    alarms_per_region             = max(concat([0], [for alarms in values(local.alarms) : alarms + 1])...)
  }
  over = [for name in keys(local.quotas) : "${local.used[name]} ${replace(name, "_", " ")} of ${local.quotas[name]}" if local.used[name] > local.quotas[name]]
}
