# One account of one customer: log groups, the role that writes, and what applications have to know. Applied once
# per account, each with its own state, after ../bootstrap, the owner's part: the keys, and who reads.

terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7"
    }
  }
}

provider "aws" {
  region  = local.environment.operations.region
  profile = var.profile

  # Credentials of any other account end the run before anything is read or written.
  allowed_account_ids = [var.account_id]

  default_tags {
    tags = {
      "bulkhead:environment" = local.name
      "bulkhead:root"        = "customer"
    }
  }
}

module "groups" {
  source = "../../../modules/customer-logging/modules/groups"

  partition  = local.partition
  region     = local.environment.operations.region
  account_id = var.account_id
  customer   = var.customer
}

# The owner made them; nothing but their aliases need be known.
data "aws_kms_key" "logs" {
  for_each = toset(local.content ? ["content", "records"] : ["records"])

  key_id = module.groups.groups[each.key].key_alias

  lifecycle {
    postcondition {
      condition     = self.enabled && self.key_manager == "CUSTOMER"
      error_message = "The key of ${module.groups.groups[each.key].key_alias} is not enabled, or not the account's own. Have the account's owner apply ../bootstrap."
    }
  }
}

module "logging" {
  source = "../../../modules/customer-logging"

  partition      = local.partition
  customer       = var.customer
  account_id     = var.account_id
  fleet_role_arn = var.handover.fleet_role_arn
  caller = {
    type            = local.account.caller
    oidc_provider   = try(local.account.pods.oidc_provider, null)
    namespace       = try(local.account.pods.namespace, null)
    service_account = try(local.account.pods.service_account, null)
  }
  caller_role_path = join("/", concat([""], slice(local.caller_role, 0, length(local.caller_role) - 1), [""]))
  caller_role_name = element(local.caller_role, length(local.caller_role) - 1)

  kms_key_arns = {
    records = data.aws_kms_key.logs["records"].arn
    content = local.content ? data.aws_kms_key.logs["content"].arn : ""
  }

  # What the client reads, which names the groups that it writes to.
  parameter_arns = module.configuration.readable_arns

  # What customers.yaml leaves out is null here, and the module's to choose.
  content = {
    enabled           = local.content
    retention_in_days = try(local.settings.content_retention_in_days, null)
    data_identifiers  = try(local.settings.masked.content, null)
  }
  record_data_identifiers = try(local.settings.masked.records, null)
  retention_in_days       = try(local.settings.retention_in_days, null)
  alarms                  = merge(try(local.account.alarms, {}), { action_arns = try(local.account.alarm_topics, []) })

  owner_arns      = [local.administrator_arn]
  legal_hold      = try(local.settings.legal_hold, false)
  keep_on_destroy = try(local.environment.keep_records, false)

  # The deploy role may make no role without it.
  permissions_boundary_arn = "arn:${local.partition}:iam::${var.account_id}:policy/bulkhead/bulkhead-boundary"
}

# One document for each Region that the customer calls models from: what an application has to know.
module "configuration" {
  source = "../../../modules/client-configuration"

  partition             = local.partition
  customer              = var.customer
  account_id            = var.account_id
  fleet_role_arn        = var.handover.fleet_role_arn
  external_id_parameter = var.handover.external_id_parameter
  inference_profiles    = var.handover.inference_profiles
  log_group_arn         = module.logging.log_group_arn
  content_log_group_arn = try(module.logging.content.log_group_arn, "")
  metrics_namespace     = module.logging.metrics.namespace
  quotas                = try(local.settings.quotas, {})
}
