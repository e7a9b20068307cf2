locals {
  environment = yamldecode(file("${path.module}/../customers.yaml"))

  # The account's administrator, who is a user here, bootstraps it and runs its Terraform; the deploy role is guarded
  # from the start.
  operations    = "arn:aws:iam::${local.environment.operations.account_id}"
  bootstrappers = ["${local.operations}:user/administrator"]
  deployers     = ["${local.operations}:role/bulkhead/bulkhead-deploy", "${local.operations}:user/administrator"]
}
