variable "partition" {
  description = "AWS partition of the account: `aws` or `aws-us-gov`."
  type        = string
  default     = "aws"
  nullable    = false

  validation {
    condition     = contains(["aws", "aws-us-gov"], var.partition)
    error_message = "partition must be aws or aws-us-gov. China has no Amazon Bedrock."
  }
}

variable "operations_account_id" {
  description = "Account that holds the Bedrock quotas (12 digits, as a string)."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.operations_account_id))
    error_message = "operations_account_id must be a string of 12 digits. Quote it, or leading zeros are lost."
  }
}

variable "bucket_prefix" {
  description = "Starts the name of the trail's bucket; the account and the Region follow."
  type        = string
  default     = "bulkhead-trail"
  nullable    = false

  validation {
    # 63 characters at most, with 12 of the account, up to 14 of the Region and two hyphens.
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,33}[a-z0-9]$", var.bucket_prefix))
    error_message = "bucket_prefix must have 3 to 35 lower-case letters, digits and hyphens, and neither start nor end with a hyphen."
  }
}

variable "retention_in_days" {
  description = "How long the trail's files are kept."
  type        = number
  default     = 365
  nullable    = false

  validation {
    condition     = var.retention_in_days >= 90 && floor(var.retention_in_days) == var.retention_in_days
    error_message = "retention_in_days must be a whole number of at least 90: CloudTrail's own history is as long."
  }
}

variable "force_destroy" {
  description = "Whether a destroy takes the trail's files with it. For environments that are thrown away."
  type        = bool
  default     = false
  nullable    = false
}

variable "break_glass_role_arns" {
  description = "Roles of the account whose every assumption is forwarded, by their exact ARNs: those of modules/organization-guardrails."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.break_glass_role_arns : can(regex("^arn:${var.partition}:iam::${var.operations_account_id}:role/([A-Za-z0-9+=,.@_-]+/)*[A-Za-z0-9+=,.@_-]{1,64}$", arn))])
    error_message = "break_glass_role_arns must be ARNs of roles in the operations account and its partition, without wildcards or policy variables."
  }
}

variable "break_glass_bus_arn" {
  description = "Event bus that they are forwarded to: the output `break_glass_bus_arn` of modules/organization-guardrails. Empty without a break-glass role."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = var.break_glass_bus_arn == "" || can(regex("^arn:${var.partition}:events:[a-z0-9-]+:[0-9]{12}:event-bus/[A-Za-z0-9._-]+$", var.break_glass_bus_arn))
    error_message = "break_glass_bus_arn must be the ARN of an event bus in the partition of the operations account."
  }

  validation {
    condition     = length(var.break_glass_role_arns) == 0 || var.break_glass_bus_arn != ""
    error_message = "break_glass_bus_arn must be given with break_glass_role_arns, or nobody hears of them."
  }

  validation {
    # try: split has no fifth part where there is no ARN.
    condition     = try(split(":", var.break_glass_bus_arn)[4], "") != var.operations_account_id
    error_message = "break_glass_bus_arn is in the operations account, where a break-glass role reaches what listens."
  }
}

variable "tags" {
  description = "Tags for everything."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = !anytrue([for key in keys(var.tags) : startswith(lower(key), "bulkhead:") || startswith(lower(key), "aws:")])
    error_message = "tags: keys that start with bulkhead: or aws: are reserved."
  }
}
