# Customers' own handles on their models in one region: the region of the provider that the module is given.

data "aws_region" "current" {}

locals {
  region = data.aws_region.current.id

  # An id such as eu.anthropic… names a profile that routes to several regions, and not a model of its own.
  cross_region_prefixes = ["us", "us-gov", "eu", "apac", "jp", "au", "ca"]

  profiles = merge({}, [
    for key, models in var.models : {
      for model in models : "${key}/${model}" => {
        customer     = key
        model        = model
        label        = "bulkhead-${key}-${replace(model, "/[.:]/", "-")}"
        cross_region = contains(local.cross_region_prefixes, split(".", model)[0])
      }
    }
  ]...)
}

resource "aws_bedrock_inference_profile" "this" {
  for_each = local.profiles

  # AWS allows 64 characters; a longer name ends in a digest, so that two of them never meet.
  name = (
    length(each.value.label) <= 64
    ? each.value.label
    : "${trimsuffix(substr(each.value.label, 0, 51), "-")}-${substr(sha256(each.key), 0, 12)}"
  )
  description = "${each.value.model} for ${each.value.customer}"

  model_source {
    copy_from = (
      each.value.cross_region
      ? "arn:${var.partition}:bedrock:${local.region}:${var.operations_account_id}:inference-profile/${each.value.model}"
      : "arn:${var.partition}:bedrock:${local.region}::foundation-model/${each.value.model}"
    )
  }

  tags = merge(var.tags, { "bulkhead:customer" = each.value.customer, "bulkhead:model" = each.value.model })
}
