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
  description = "Key of the customer, as in the operations account; names its log groups."
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

variable "operations_account_id" {
  description = "The operations account, whose roles are never let in (12 digits, as a string)."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.operations_account_id))
    error_message = "operations_account_id must be a string of 12 digits. Quote it, or leading zeros are lost."
  }

  validation {
    condition     = var.operations_account_id != var.account_id
    error_message = "operations_account_id is the customer's own account. They must differ."
  }
}

variable "caller_role" {
  description = "Path and name of the account's caller role, which writes records and so must not read them."
  type        = string
  default     = "bulkhead/bulkhead-caller"
  nullable    = false

  validation {
    condition     = can(regex("^([A-Za-z0-9+=,.@_-]+/)*[A-Za-z0-9+=,.@_-]{1,64}$", var.caller_role))
    error_message = "caller_role must be a path and name such as bulkhead/bulkhead-caller: no leading slash, no ARN, no wildcard and no policy variable."
  }
}

variable "reader" {
  description = "Who may become the role that reads: roles or users of the customer's own account, by exact ARNs. `content` lets it read prompts and answers too, where they are kept. Without principals there is no such role."
  type = object({
    principal_arns = optional(set(string), [])
    content        = optional(bool, false)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for arn in var.reader.principal_arns : can(regex("^arn:${var.partition}:iam::${var.account_id}:(role|user)/([A-Za-z0-9+=,.@_-]+/)*[A-Za-z0-9+=,.@_-]{1,64}$", arn))])
    error_message = "reader.principal_arns must be ARNs of roles or users of the customer's own account and partition, without wildcards or policy variables. Others are let in for a while, by support_access."
  }

  validation {
    condition     = !contains(var.reader.principal_arns, "arn:${var.partition}:iam::${var.account_id}:role/${var.caller_role}")
    error_message = "reader.principal_arns names the caller role: what runs the application must not read what it wrote."
  }
}

variable "support_access" {
  description = <<-EOT
    What the customer's owner grants to support, by ticket: a role that these principals (roles of their own account, by
    exact ARNs) may become from `granted_at` until `expires_at`, to read records (never content). Times as
    `2026-01-31T12:00:00Z`, at most a week apart. An expired grant lets nobody in: it may stay as the record of itself.
  EOT
  type = map(object({
    principal_arns = set(string)
    granted_at     = string
    expires_at     = string
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for ticket in keys(var.support_access) : can(regex("^[a-z0-9]+(-[a-z0-9]+)*$", ticket)) && length(ticket) <= 32])
    error_message = "support_access: a ticket must have only lower-case letters, digits and single hyphens between them, at most 32."
  }

  validation {
    condition     = alltrue([for grant in var.support_access : length(grant.principal_arns) > 0])
    error_message = "support_access: a grant must name at least one principal."
  }

  validation {
    condition = alltrue(flatten([
      for grant in var.support_access : [
        for arn in grant.principal_arns : can(regex("^arn:${var.partition}:iam::[0-9]{12}:role/([A-Za-z0-9+=,.@_-]+/)*[A-Za-z0-9+=,.@_-]{1,64}$", arn))
      ]
    ]))
    error_message = "support_access: principals must be ARNs of roles of the partition, without wildcards or policy variables."
  }

  validation {
    condition = !anytrue(flatten([
      for grant in var.support_access : [
        for arn in grant.principal_arns : try(split(":", arn)[4] == var.operations_account_id, false)
      ]
    ]))
    error_message = "support_access: nobody of the operations account reads records, not even for a while. Name roles of the account where support works."
  }

  validation {
    condition = alltrue(flatten([
      for grant in var.support_access : [
        for time in [grant.granted_at, grant.expires_at] : can(regex("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$", time)) && can(timeadd(time, "0s"))
      ]
    ]))
    error_message = "support_access: granted_at and expires_at must be times such as 2026-01-31T12:00:00Z, in UTC."
  }

  validation {
    condition = alltrue([
      for grant in var.support_access : try(
        timecmp(grant.granted_at, grant.expires_at) < 0 && timecmp(grant.expires_at, timeadd(grant.granted_at, "168h")) <= 0, true
      )
    ])
    error_message = "support_access: a grant must expire after it was given, within a week. Give another if it takes longer."
  }
}

variable "permissions_boundary_arn" {
  description = "Permissions boundary of the roles that the module makes, where the account asks for one; empty for none. It must let them read."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = var.permissions_boundary_arn == "" || can(regex("^arn:${var.partition}:iam::(${var.account_id}|aws):policy/([A-Za-z0-9+=,.@_-]+/)*[A-Za-z0-9+=,.@_-]{1,128}$", var.permissions_boundary_arn))
    error_message = "permissions_boundary_arn must be the ARN of a managed policy of the customer's account and partition, or empty."
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
