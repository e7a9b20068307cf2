locals {
  environment = yamldecode(file("${path.module}/../customers.yaml"))

  # The folder's name is the environment's, so that the files of all environments are the same.
  name      = basename(dirname(abspath(path.module)))
  partition = try(local.environment.partition, "aws")

  # The account's administrator bootstraps it; what is deployed there only its deploy role changes.
  operations    = "arn:${local.partition}:iam::${local.environment.operations.account_id}"
  bootstrappers = ["${local.operations}:${local.environment.administrator}"]
  deployers     = ["${local.operations}:role/bulkhead/bulkhead-deploy"]

  # Roles that Identity Center makes for permission sets: in us-east-1 without its region, and with 16 digits that nobody
  # knows beforehand. A wildcard for as many as there are would take in sets whose names go on after this one's.
  people        = try(local.environment.operations.people, { identity_center_region = "", permission_sets = [] })
  people_path   = "role/aws-reserved/sso.amazonaws.com/${local.people.identity_center_region == "us-east-1" ? "" : "${local.people.identity_center_region}/"}"
  people_arns   = [for set in local.people.permission_sets : "${local.operations}:${local.people_path}AWSReservedSSO_${set}_????????????????"]
  audited       = can(local.environment.ci.github.audit_environment) || can(local.environment.ci.gitlab.audit_branch)
  pipeline_arns = [for name in compact(["bulkhead-deploy", "bulkhead-plan", local.audited ? "bulkhead-audit" : ""]) : "${local.operations}:role/bulkhead/${name}" if can(local.environment.ci)]

  # Customers that left take their names with them, and a hold of their records.
  former          = try(local.environment.former_customers, {})
  left_while_held = toset(flatten([for customer in values(local.former) : customer.accounts if try(customer.legal_hold, false)]))
  taken           = [for key in sort(keys(local.environment.customers)) : key if contains(keys(local.former), key)]

  # Where models run: where customers call them from, and where a cross-region profile of theirs may send a call.
  model_regions = distinct(concat(
    flatten([for customer in local.environment.customers : try(customer.regions, [local.environment.operations.region])]),
    flatten([
      for customer in local.environment.customers : [
        for model in customer.models : try(local.environment.operations.cross_region[split(".", model)[0]], [])
      ]
    ]),
  ))
}
