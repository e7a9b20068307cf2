# What an application in a customer's account has to know, as one document for each Region that it calls models from:
# the client reads it with the application's own credentials. No secret is in it: it names the parameter that holds the
# external id.

data "aws_region" "current" {}

locals {
  region = data.aws_region.current.id

  # ARNs are made from names, so that the caller role's policy can name parameters that are not there yet.
  arn_of_parameters = "arn:${var.partition}:ssm:${local.region}:${var.account_id}:parameter"
  names             = { for region in keys(var.inference_profiles) : region => "/bulkhead/${var.customer}/client/${region}" }
  arns              = { for region, name in local.names : region => "${local.arn_of_parameters}${name}" }

  external_id_arn = "${local.arn_of_parameters}${var.external_id_parameter}"

  content_log_group = one([
    for arn in [var.content_log_group_arn] : { log_group_name = split(":", arn)[6], log_group_arn = arn } if arn != ""
  ])

  documents = {
    for region, profiles in var.inference_profiles : region => jsonencode({
      format                = "bulkhead-configuration/1"
      customer              = var.customer
      account_id            = var.account_id
      region                = region
      operations_account_id = split(":", var.fleet_role_arn)[4]
      fleet_role_arn        = var.fleet_role_arn
      external_id_parameter = local.external_id_arn
      inference_profiles    = profiles
      log_region            = split(":", var.log_group_arn)[3]
      log_group_name        = split(":", var.log_group_arn)[6]
      log_group_arn         = var.log_group_arn
      content               = local.content_log_group
      metrics_namespace     = var.metrics_namespace
      quotas                = { for model, quota in var.quotas : model => { for name, value in quota : name => value if value != null } if contains(keys(profiles), model) }
    })
  }
}

resource "aws_ssm_parameter" "this" {
  #checkov:skip=CKV2_AWS_34:The document holds no secret, and a plan is to show what changes in it.
  for_each = local.documents

  name           = local.names[each.key]
  description    = "What the applications of ${var.customer} know to call models in ${each.key}. Holds no secret."
  type           = "String"
  insecure_value = each.value
  # What the free tier does not hold is paid for by the month.
  tier = length(each.value) > 4096 ? "Advanced" : "Standard"
  tags = merge(var.tags, { "bulkhead:customer" = var.customer })

  lifecycle {
    precondition {
      condition     = split(":", var.log_group_arn)[3] == local.region
      error_message = "log_group_arn is in ${split(":", var.log_group_arn)[3]}, and the parameters would be in ${local.region}. Apply the module in the Region of the log group."
    }
    precondition {
      condition     = length(each.value) <= 8192
      error_message = "inference_profiles: the document of ${each.key} would have more than the 8,192 characters that a parameter holds. About fifty models fit; split the customer."
    }
  }
}
