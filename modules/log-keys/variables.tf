variable "partition" {
  description = "AWS partition of the customer's account: `aws` or `aws-us-gov`."
  type        = string
  default     = "aws"
  nullable    = false

  validation {
    condition     = contains(["aws", "aws-us-gov"], var.partition)
    error_message = "partition must be aws or aws-us-gov. China has no Amazon Bedrock."
  }
}

variable "customer" {
  description = "Key of the customer, as in the operations account; names its log groups and the aliases of their keys."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", var.customer)) && length(var.customer) <= 32
    error_message = "customer must start with a letter, have only lower-case letters, digits and single hyphens between them, and at most 32 characters."
  }
}

variable "account_id" {
  description = "The customer's account, in which everything here is made (12 digits, as a string)."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id must be a string of 12 digits. Quote it, or leading zeros are lost."
  }
}

variable "owner_arns" {
  description = "Roles or users of the account, by exact ARNs, that alone may delete and disable the keys, change their policies, tags and aliases, and make grants: those of whoever bootstraps the account, the one who applies this included. The account's root user always may."
  type        = set(string)
  nullable    = false

  validation {
    condition     = length(var.owner_arns) > 0
    error_message = "owner_arns must name at least one owner: who applies this, or nobody but the account's root user could change the keys."
  }

  validation {
    condition     = alltrue([for arn in var.owner_arns : can(regex("^arn:${var.partition}:iam::${var.account_id}:(role|user)/([A-Za-z0-9+=,.@_-]+/)*[A-Za-z0-9+=,.@_-]{1,64}$", arn))])
    error_message = "owner_arns must be ARNs of roles or users of the customer's own account and partition, without wildcards or policy variables."
  }

  validation {
    condition     = !contains(var.owner_arns, "arn:${var.partition}:iam::${var.account_id}:role/${var.caller_role}")
    error_message = "owner_arns names the caller role: what runs the application must not own its records."
  }

  validation {
    condition     = !anytrue([for role in ["bulkhead-deploy", "bulkhead-plan"] : contains(var.owner_arns, "arn:${var.partition}:iam::${var.account_id}:role/bulkhead/${role}")])
    error_message = "owner_arns names a role that deploys the account: who can change a key's policy reaches what it protects."
  }
}

variable "caller_role" {
  description = "Path and name of the account's caller role, which writes records and so must not own their keys."
  type        = string
  default     = "bulkhead/bulkhead-caller"
  nullable    = false

  validation {
    condition     = can(regex("^([A-Za-z0-9+=,.@_-]+/)*[A-Za-z0-9+=,.@_-]{1,64}$", var.caller_role))
    error_message = "caller_role must be a path and name such as bulkhead/bulkhead-caller: no leading slash, no ARN, no wildcard and no policy variable."
  }
}

variable "content" {
  description = "Make a key for the group of prompts and answers too."
  type        = bool
  default     = false
  nullable    = false
}

variable "legal_hold" {
  description = "Keep everything for as long as this is true: keys cannot be disabled or deleted. Set it in `customer-logging` and `organization-guardrails` too."
  type        = bool
  default     = false
  nullable    = false
}

variable "keep_on_destroy" {
  description = "Have KMS refuse to disable or delete the keys, a destroy of the module included; for production. Set it in `customer-logging` too."
  type        = bool
  default     = false
  nullable    = false
}

variable "key_deletion_window_in_days" {
  description = "Days between a request to delete a key and its deletion. Without the key no record can be read."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.key_deletion_window_in_days >= 7 && var.key_deletion_window_in_days <= 30
    error_message = "key_deletion_window_in_days must be between 7 and 30."
  }
}

variable "tags" {
  description = "Tags for every resource, beside `bulkhead:customer`, which the module sets."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = !anytrue([for key in keys(var.tags) : startswith(lower(key), "bulkhead:") || startswith(lower(key), "aws:")])
    error_message = "tags: keys that start with bulkhead: or aws: are reserved."
  }
}
