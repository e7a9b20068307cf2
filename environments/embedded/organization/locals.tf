locals {
  environment = yamldecode(file("${path.module}/../customers.yaml"))

  # The folder's name is the environment's, so that the files of all environments are the same.
  name      = basename(dirname(abspath(path.module)))
  partition = try(local.environment.partition, "aws")

  # The account's administrator bootstraps it; what is deployed there only its deploy role changes.
  operations    = "arn:${local.partition}:iam::${local.environment.operations.account_id}"
  bootstrappers = ["${local.operations}:${local.environment.administrator}"]
  deployers     = ["${local.operations}:role/bulkhead/bulkhead-deploy"]

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
