variable "partition" {
  description = "AWS partition of the operations account: `aws` or `aws-us-gov`."
  type        = string
  default     = "aws"
  nullable    = false

  validation {
    condition     = contains(["aws", "aws-us-gov"], var.partition)
    error_message = "partition must be aws or aws-us-gov. China has no Amazon Bedrock."
  }
}

variable "operations_account_id" {
  description = "Account that holds the Bedrock quotas and in which the profiles are made (12 digits, as a string)."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.operations_account_id))
    error_message = "operations_account_id must be a string of 12 digits. Quote it, or leading zeros are lost."
  }
}

variable "models" {
  description = <<-EOT
    Bedrock model ids by the key of the customer who may call them in this region. Each gets a profile of
    that customer's. An id with the prefix of a cross-region profile, such as `eu.`, copies that profile.
  EOT
  type        = map(list(string))
  nullable    = false

  validation {
    condition     = alltrue([for key in keys(var.models) : can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", key)) && length(key) <= 32])
    error_message = "models: a customer's key must start with a letter, have only lower-case letters, digits and single hyphens between them, and at most 32 characters, because it becomes part of names and is what costs are allocated by."
  }

  validation {
    condition     = alltrue([for models in values(var.models) : length(models) > 0])
    error_message = "models: each customer needs at least one model; leave the customers out that call nothing in this region."
  }

  validation {
    condition = alltrue([
      for models in values(var.models) : length(distinct([for model in models : replace(model, "/[.:]/", "-")])) == length(models)
    ])
    error_message = "models: a model is listed twice (ids that differ only in dots, colons and hyphens count as one, because profile names replace them)."
  }

  validation {
    condition = length(distinct(flatten([
      for key, models in var.models : distinct([for model in models : "${key}-${replace(model, "/[.:]/", "-")}"])
      ]))) == length(flatten([
      for key, models in var.models : distinct([for model in models : "${key}-${replace(model, "/[.:]/", "-")}"])
    ]))
    error_message = "models: profiles of two customers would have one name, because one customer's key with the start of a model id reads like the other's key. Choose another key."
  }

  validation {
    condition = alltrue([
      for model in flatten(values(var.models)) : can(regex("^[a-z0-9][a-z0-9-]*(\\.[a-z0-9][a-z0-9-]*)+(:[a-z0-9]+)*$", model))
    ])
    error_message = "models: a model must be a plain Bedrock model id such as amazon.nova-lite-v1:0: no ARN, no wildcard, no upper case."
  }

  validation {
    condition     = !anytrue([for model in flatten(values(var.models)) : startswith(model, "global.")])
    error_message = "models: global inference profiles are refused, because a call may then run in any region."
  }
}

variable "cross_region_destinations" {
  description = "Regions that cross-region profiles may send a call to, by the prefix of such a profile, such as `{ eu = [\"eu-central-1\", \"eu-west-1\"] }`; the same as of the module operations-role-fleet. A profile that sends anywhere else is refused in the plan."
  type        = map(list(string))
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for prefix in keys(var.cross_region_destinations) : contains(["us", "us-gov", "eu", "apac", "jp", "au", "ca"], prefix)])
    error_message = "cross_region_destinations: the prefix must be one of us, us-gov, eu, apac, jp, au, ca."
  }

  validation {
    condition     = alltrue([for region in flatten(values(var.cross_region_destinations)) : can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", region))])
    error_message = "cross_region_destinations: name regions exactly, such as eu-central-1, without wildcards."
  }

  validation {
    condition     = alltrue([for regions in values(var.cross_region_destinations) : length(regions) > 0])
    error_message = "cross_region_destinations: list every region the profile routes to."
  }
}

variable "tags" {
  description = "Tags for every profile, beside `bulkhead:customer` and `bulkhead:model`, which the module sets for cost allocation."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = !anytrue([for key in keys(var.tags) : startswith(lower(key), "bulkhead:") || startswith(lower(key), "aws:")])
    error_message = "tags: keys that start with bulkhead: or aws: are reserved; costs are allocated by them."
  }
}
