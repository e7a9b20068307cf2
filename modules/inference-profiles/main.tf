# Customers' own handles on their models in one region: the region of the provider that the module is given.

data "aws_region" "current" {}

locals {
  region = data.aws_region.current.id

  # An id such as eu.anthropic… names a profile that routes to several regions, and not a model of its own.
  cross_region_prefixes = ["us", "us-gov", "eu", "apac", "jp", "au", "ca"]
  cross_region_models   = toset([for model in flatten(values(var.models)) : model if contains(local.cross_region_prefixes, split(".", model)[0])])

  profiles = merge([
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

# Where AWS sends what is called here, which it may change.
data "aws_bedrock_inference_profile" "source" {
  for_each = local.cross_region_models

  inference_profile_id = each.key

  lifecycle {
    postcondition {
      condition = alltrue([
        for model in self.models : contains(lookup(var.cross_region_destinations, split(".", each.key)[0], []), split(":", model.model_arn)[3])
      ])
      error_message = "cross_region_destinations: ${each.key} sends calls from ${local.region} to regions that are not listed for ${split(".", each.key)[0]}: ${join(", ", sort(setsubtract([for model in self.models : split(":", model.model_arn)[3]], lookup(var.cross_region_destinations, split(".", each.key)[0], []))))}. List them where customers' text may go there, or every call would be refused; else take the model without the prefix. README.md says what need not wait for that."
    }
  }
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
