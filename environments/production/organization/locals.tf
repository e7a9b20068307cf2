locals {
  environment = yamldecode(file("${path.module}/../customers.yaml"))

  # The folder's name is the environment's, so that the files of all environments are the same.
  name      = basename(dirname(abspath(path.module)))
  partition = try(local.environment.partition, "aws")

  # The account's administrator bootstraps it and runs its Terraform; the deploy role is guarded from the start.
  operations    = "arn:${local.partition}:iam::${local.environment.operations.account_id}"
  bootstrappers = ["${local.operations}:${local.environment.administrator}"]
  deployers     = ["${local.operations}:role/bulkhead/bulkhead-deploy", "${local.operations}:${local.environment.administrator}"]
}
