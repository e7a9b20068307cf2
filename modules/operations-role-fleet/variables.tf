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
  description = "Account that holds the Bedrock quotas and in which the fleet roles are made (12 digits, as a string)."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.operations_account_id))
    error_message = "operations_account_id must be a string of 12 digits. Quote it, or leading zeros are lost."
  }
}

variable "management_account_id" {
  description = "Account that manages the organization of the operations account (12 digits, as a string). No guardrail binds it, so it can be nobody's."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.management_account_id))
    error_message = "management_account_id must be a string of 12 digits. Quote it, or leading zeros are lost."
  }

  validation {
    condition     = var.management_account_id != var.operations_account_id
    error_message = "management_account_id is the operations account, which no guardrail would bind then. Move the fleet to a member account."
  }
}

variable "customers" {
  description = <<-EOT
    Customers by a stable key; the key names the fleet role, so renaming a key makes a new role.

    - `accounts`: the customer's AWS accounts.
      - `account_id`: 12 digits, as a string.
      - `caller_roles`: path and name (without a leading slash) of the roles that may assume the fleet role.
    - `models`: Bedrock model ids the customer may call, in each of its regions through its profile there.
      An id with the prefix of a cross-region profile, such as `eu.`, needs an entry in
      `cross_region_destinations`.
    - `regions`: where it may call them from.
    - `stopped`: whether its role denies everything, sessions that live included, until this is taken back.
  EOT
  type = map(object({
    accounts = list(object({
      account_id   = string
      caller_roles = optional(list(string), ["bulkhead/bulkhead-caller"])
    }))
    models  = list(string)
    regions = list(string)
    stopped = optional(bool, false)
  }))
  nullable = false

  validation {
    condition     = alltrue([for key in keys(var.customers) : can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", lower(key))) && length(key) <= 32])
    error_message = "customers: a key must start with a letter, have only letters, digits and single hyphens between them, and at most 32 characters, because it becomes part of IAM names."
  }

  validation {
    condition     = alltrue([for key in keys(var.customers) : key == lower(key)])
    error_message = "customers: keys must be lower case. IAM compares names without case, so keys that differ only in case would be one role."
  }

  validation {
    # A name of a role or policy is the account's, whatever the path: an apply would end half done.
    condition     = !anytrue([for key in keys(var.customers) : can(regex("^(deploy|plan|audit|break-glass-events|spend-.+-(start|stop|budget))$", key))])
    error_message = "customers: a key is one with which the fleet role, bulkhead-KEY, would have the name of another role that Bulkhead makes in the operations account (deploy, plan, audit, break-glass-events and spend-REGION-start, -stop or -budget). Choose another key."
  }

  validation {
    condition     = alltrue([for customer in values(var.customers) : length(customer.accounts) > 0])
    error_message = "customers: each customer needs at least one account. To offboard a customer, remove its key."
  }

  validation {
    condition = alltrue(flatten([
      for customer in values(var.customers) : [for account in customer.accounts : can(regex("^[0-9]{12}$", account.account_id))]
    ]))
    error_message = "customers: every account_id must be a string of 12 digits. Quote it, or leading zeros are lost."
  }

  validation {
    condition = length(distinct(flatten([
      for customer in values(var.customers) : customer.accounts[*].account_id
      ]))) == length(flatten([
      for customer in values(var.customers) : customer.accounts[*].account_id
    ]))
    error_message = "customers: an account_id is listed twice. An account belongs to one customer and is listed once."
  }

  validation {
    condition = !contains(flatten([
      for customer in values(var.customers) : customer.accounts[*].account_id
    ]), var.operations_account_id)
    error_message = "customers: the operations account is listed as a customer's account. It must never be a customer."
  }

  validation {
    condition = !contains(flatten([
      for customer in values(var.customers) : customer.accounts[*].account_id
    ]), var.management_account_id)
    error_message = "customers: the management account is listed as a customer's account. No guardrail binds it, so it must never be a customer."
  }

  validation {
    condition = alltrue(flatten([
      for customer in values(var.customers) : [for account in customer.accounts : length(account.caller_roles) > 0]
    ]))
    error_message = "customers: caller_roles must name at least one role; leave it out for the default."
  }

  validation {
    condition = alltrue(flatten([
      for customer in values(var.customers) : [
        for account in customer.accounts : [
          for role in account.caller_roles : can(regex("^([A-Za-z0-9+=,.@_-]+/)*[A-Za-z0-9+=,.@_-]{1,64}$", role))
        ]
      ]
    ]))
    error_message = "customers: a caller role must be a path and name such as bulkhead/bulkhead-caller: no leading slash, no ARN, no wildcard and no policy variable. The trust names exact roles only."
  }

  validation {
    condition = !anytrue(flatten([
      for customer in values(var.customers) : [
        for account in customer.accounts : [
          for role in account.caller_roles : can(regex("^(OrganizationAccountAccessRole|AWSControlTowerExecution|bulkhead/bulkhead-(deploy|plan|audit)|(bulkhead/reader|aws-reserved|aws-service-role)/.*)$", role))
        ]
      ]
    ]))
    error_message = "customers: a caller role is one through which others than the customer's application come into its account: the organization's administrators, CI that deploys all accounts, readers of records, or people and services by a role that AWS makes. Name a role of the application."
  }

  validation {
    condition     = alltrue([for customer in values(var.customers) : length(customer.models) > 0])
    error_message = "customers: each customer needs at least one model."
  }

  validation {
    condition = alltrue([
      for customer in values(var.customers) : length(distinct([for model in customer.models : replace(model, "/[.:]/", "-")])) == length(customer.models)
    ])
    error_message = "customers: a model is listed twice (ids that differ only in dots, colons and hyphens count as one, because profile names replace them)."
  }

  validation {
    condition = alltrue(flatten([
      for customer in values(var.customers) : [
        for model in customer.models : can(regex("^[a-z0-9][a-z0-9-]*(\\.[a-z0-9][a-z0-9-]*)+(:[a-z0-9]+)*$", model))
      ]
    ]))
    error_message = "customers: a model must be a plain Bedrock model id such as amazon.nova-lite-v1:0: no ARN, no wildcard, no upper case."
  }

  validation {
    condition = !anytrue(flatten([
      for customer in values(var.customers) : [for model in customer.models : startswith(model, "global.")]
    ]))
    error_message = "customers: global inference profiles are refused, because a call may then run in any region."
  }

  validation {
    condition = alltrue(flatten([
      for customer in values(var.customers) : [
        for model in customer.models : contains(keys(var.cross_region_destinations), split(".", model)[0])
        if contains(["us", "us-gov", "eu", "apac", "jp", "au", "ca"], split(".", model)[0])
      ]
    ]))
    error_message = "customers: a model with the prefix of a cross-region profile needs that prefix in cross_region_destinations."
  }

  validation {
    condition     = alltrue([for customer in values(var.customers) : length(customer.regions) > 0])
    error_message = "customers: each customer needs at least one region."
  }

  validation {
    condition     = alltrue([for customer in values(var.customers) : length(distinct(customer.regions)) == length(customer.regions)])
    error_message = "customers: a region is listed twice for one customer."
  }

  validation {
    condition     = alltrue([for region in flatten(values(var.customers)[*].regions) : contains(local.bedrock_regions, region)])
    error_message = "customers: a region is not one that has Amazon Bedrock. Name it exactly, such as eu-central-1; a newly opened one must be added to regions.tf."
  }

  validation {
    condition = alltrue([
      for region in flatten(values(var.customers)[*].regions) : startswith(region, "us-gov-") == (var.partition == "aws-us-gov")
    ])
    error_message = "customers: a region is not in the partition. The regions of aws-us-gov start with us-gov-, and only those."
  }
}

variable "inference_profiles" {
  description = <<-EOT
    ARNs of the customers' application inference profiles, by region, customer key and model id: for each
    region the output `arns` of the module inference-profiles there. Exactly one for each model of a
    customer in each of its regions.
  EOT
  type        = map(map(map(string)))
  nullable    = false

  validation {
    condition = toset(flatten([
      for region, customers in var.inference_profiles : [
        for key, arns in customers : [for model in keys(arns) : "${region} ${key} ${model}"]
      ]
      ])) == toset(flatten([
      for key, customer in var.customers : [
        for region in customer.regions : [for model in customer.models : "${region} ${key} ${model}"]
      ]
    ]))
    error_message = "inference_profiles must have exactly one profile for each model of a customer in each of its regions. Pass the output `arns` of the module inference-profiles for every region that a customer has; a new region needs its own instance."
  }

  validation {
    condition = alltrue(flatten([
      for region, customers in var.inference_profiles : [
        for arns in values(customers) : [
          for arn in values(arns) : can(regex("^arn:${var.partition}:bedrock:${region}:${var.operations_account_id}:application-inference-profile/[a-zA-Z0-9]+$", arn))
        ]
      ]
    ]))
    error_message = "inference_profiles: an ARN is not that of an application inference profile of the operations account in its region and partition."
  }

  validation {
    condition = length(distinct(flatten([for customers in values(var.inference_profiles) : [for arns in values(customers) : values(arns)]]))) == length(
      flatten([for customers in values(var.inference_profiles) : [for arns in values(customers) : values(arns)]])
    )
    error_message = "inference_profiles: a profile stands there twice. Each customer needs its own for each model, or one pays for the other."
  }
}

variable "external_ids" {
  description = "External id of each customer, by the keys of `customers`: made by you (never by the customer), random, at least 32 characters, different for each customer and environment."
  type        = map(string)
  sensitive   = true
  nullable    = false

  validation {
    condition     = toset(keys(var.external_ids)) == toset(keys(var.customers))
    error_message = "external_ids must have exactly one entry for each customer and none besides."
  }

  validation {
    condition     = alltrue([for id in values(var.external_ids) : length(id) >= 32 && length(id) <= 1224])
    error_message = "external_ids: an external id must have 32 to 1,224 characters. Use a random UUID or 32 hexadecimal digits."
  }

  validation {
    condition     = alltrue([for id in values(var.external_ids) : can(regex("^[A-Za-z0-9_+=,.@:/-]*$", id))])
    error_message = "external_ids: only letters, digits and _ + = , . @ : / - are allowed, so that no wildcard or policy variable gets in."
  }

  validation {
    condition     = alltrue([for id in values(var.external_ids) : length(distinct(split("", id))) >= 8])
    error_message = "external_ids: an external id repeats a few characters. Use a random UUID or 32 random hexadecimal digits."
  }

  validation {
    condition     = length(distinct([for id in values(var.external_ids) : lower(id)])) == length(var.external_ids)
    error_message = "external_ids: two customers share an external id. Make a new one for each."
  }

  validation {
    condition = alltrue([
      for key, id in var.external_ids : length(key) < 4 || !can(regex("(^|[^a-z0-9])${lower(key)}([^a-z0-9]|$)", lower(id)))
    ])
    error_message = "external_ids: an external id contains its customer's key. It must not be guessable from what others know."
  }

  validation {
    condition     = !anytrue(flatten([for id in values(var.external_ids) : [for account in local.known_accounts : strcontains(id, account)]]))
    error_message = "external_ids: an external id contains an account id. It must not be guessable from what others know."
  }

  validation {
    condition     = !anytrue([for id in values(var.external_ids) : contains(local.known_hashes, lower(id))])
    error_message = "external_ids: an external id is a hash of a customer's key or an account id, so anybody can compute it. Make a random one."
  }
}

variable "previous_external_ids" {
  description = <<-EOT
    While an external id is being replaced, by customer key: the one before the current one
    (`external_id`), and until when it is still accepted (`accepted_until`, UTC, such as
    `2026-01-31T12:00:00Z`), 30 days ahead at most. The trust policy itself ends it then.
  EOT
  type = map(object({
    external_id    = string
    accepted_until = string
  }))
  default   = {}
  sensitive = true
  nullable  = false

  validation {
    condition     = length(setsubtract(keys(var.previous_external_ids), keys(var.customers))) == 0
    error_message = "previous_external_ids has an entry for somebody who is no customer."
  }

  validation {
    condition     = alltrue([for previous in values(var.previous_external_ids) : length(previous.external_id) >= 32 && length(previous.external_id) <= 1224 && can(regex("^[A-Za-z0-9_+=,.@:/-]*$", previous.external_id))])
    error_message = "previous_external_ids: an external id must have 32 to 1,224 characters, only letters, digits and _ + = , . @ : / -."
  }

  validation {
    condition = length(setintersection(
      [for previous in values(var.previous_external_ids) : lower(previous.external_id)], [for id in values(var.external_ids) : lower(id)]
    )) == 0
    error_message = "previous_external_ids: an id is still the current one of a customer. Make a new one first."
  }

  validation {
    condition     = length(distinct([for previous in values(var.previous_external_ids) : lower(previous.external_id)])) == length(var.previous_external_ids)
    error_message = "previous_external_ids: two customers share an external id."
  }

  validation {
    condition     = alltrue([for previous in values(var.previous_external_ids) : can(regex("^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$", previous.accepted_until)) && can(timeadd(previous.accepted_until, "0s"))])
    error_message = "previous_external_ids: accepted_until must be a time in UTC such as 2026-01-31T12:00:00Z."
  }

  validation {
    condition     = alltrue([for previous in values(var.previous_external_ids) : try(timecmp(previous.accepted_until, timeadd(plantimestamp(), "720h")) <= 0, true)])
    error_message = "previous_external_ids: accepted_until is more than 30 days ahead. An id that is being replaced is one that somebody may have: end it sooner."
  }

  # It opens the role as the current one does.
  validation {
    condition     = alltrue([for previous in values(var.previous_external_ids) : length(distinct(split("", previous.external_id))) >= 8])
    error_message = "previous_external_ids: an external id repeats a few characters, so it is accepted no longer. Leave it out."
  }

  validation {
    condition = alltrue([
      for key, previous in var.previous_external_ids : length(key) < 4 || !can(regex("(^|[^a-z0-9])${lower(key)}([^a-z0-9]|$)", lower(previous.external_id)))
    ])
    error_message = "previous_external_ids: an external id contains its customer's key, so it is accepted no longer. Leave it out."
  }

  validation {
    condition     = !anytrue(flatten([for previous in values(var.previous_external_ids) : [for account in local.known_accounts : strcontains(previous.external_id, account)]]))
    error_message = "previous_external_ids: an external id contains an account id, so it is accepted no longer. Leave it out."
  }

  validation {
    condition     = !anytrue([for previous in values(var.previous_external_ids) : contains(local.known_hashes, lower(previous.external_id))])
    error_message = "previous_external_ids: an external id is a hash of a customer's key or an account id, so it is accepted no longer. Leave it out."
  }
}

variable "cross_region_destinations" {
  description = "Regions a call may run in, by the prefix of a cross-region inference profile, such as `{ eu = [\"eu-central-1\", \"eu-west-1\"] }`. Empty: every call stays in the region it is made in."
  type        = map(list(string))
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for prefix in keys(var.cross_region_destinations) : contains(["us", "us-gov", "eu", "apac", "jp", "au", "ca"], prefix)])
    error_message = "cross_region_destinations: the prefix must be one of us, us-gov, eu, apac, jp, au, ca."
  }

  validation {
    condition     = alltrue([for region in flatten(values(var.cross_region_destinations)) : contains(local.bedrock_regions, region)])
    error_message = "cross_region_destinations: name regions exactly, such as eu-central-1, without wildcards; a newly opened one must be added to regions.tf."
  }

  validation {
    condition     = alltrue([for regions in values(var.cross_region_destinations) : length(regions) > 0])
    error_message = "cross_region_destinations: list every region the profile routes to."
  }
}

variable "inference_profile_key_value" {
  description = <<-EOT
    Which values of `bedrock:InferenceProfileArn` open the models behind a customer's profiles.
    `application`: the customer's own profiles only. `application-or-system`: also the cross-region
    profiles that they copy; needed only if AWS reports those in the key when such a profile is called.
    It does not allow calling the cross-region profile itself.
  EOT
  type        = string
  default     = "application"
  nullable    = false

  validation {
    condition     = contains(["application", "application-or-system"], var.inference_profile_key_value)
    error_message = "inference_profile_key_value must be application or application-or-system."
  }
}

variable "allow_get_inference_profile" {
  description = "Allow `bedrock:GetInferenceProfile` on the customer's own profiles. LangChain's ChatBedrockConverse needs it unless it is given `base_model_id`."
  type        = bool
  default     = false
  nullable    = false
}

variable "allow_count_tokens" {
  description = "Allow `bedrock:CountTokens` on the customer's models. The call takes models only, so it is the one that passes by the profiles; it is free and runs no inference."
  type        = bool
  default     = false
  nullable    = false
}

variable "denied_service_tiers" {
  description = "Service tiers of Bedrock that customers cannot ask for: by default those that cost more, or take from what others share."
  type        = set(string)
  default     = ["priority", "reserved"]
  nullable    = false

  validation {
    condition     = alltrue([for tier in var.denied_service_tiers : contains(["priority", "flex", "reserved"], tier)])
    error_message = "denied_service_tiers: a tier must be priority, flex or reserved."
  }
}

variable "tags" {
  description = "Tags for every resource, beside `bulkhead:customer`, which the module sets for cost allocation."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = !anytrue([for key in keys(var.tags) : startswith(lower(key), "bulkhead:") || startswith(lower(key), "aws:")])
    error_message = "tags: keys that start with bulkhead: or aws: are reserved; costs are allocated by them."
  }
}
