locals {
  environment = yamldecode(file("${path.module}/../customers.yaml"))
}
