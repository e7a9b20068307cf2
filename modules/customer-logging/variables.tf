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
  description = "Key of the customer, as in the operations account; names the log group and the key alias."
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

variable "fleet_role_arn" {
  description = "The one role in the operations account that the caller role may assume."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws(-us-gov)?:iam::[0-9]{12}:role/([A-Za-z0-9+=,.@_-]+/)*[A-Za-z0-9+=,.@_-]{1,64}$", var.fleet_role_arn))
    error_message = "fleet_role_arn must be the ARN of one role, without wildcards or policy variables."
  }

  validation {
    condition     = try(split(":", var.fleet_role_arn)[4], "") != var.account_id
    error_message = "fleet_role_arn names a role in the customer's own account. It must be in the operations account."
  }
}

variable "caller" {
  description = "What runs the application and so may become the caller role. `type`: `lambda` (function), `ecs` (task) or `ec2` (instance; makes an instance profile)."
  type = object({
    type = string
  })
  nullable = false

  validation {
    condition     = contains(["lambda", "ecs", "ec2"], var.caller.type)
    error_message = "caller.type must be lambda, ecs or ec2."
  }
}

variable "caller_role_path" {
  description = "Path of the caller role. The operations account trusts this exact path and name."
  type        = string
  default     = "/bulkhead/"
  nullable    = false

  validation {
    condition     = can(regex("^/([A-Za-z0-9+=,.@_-]+/)*$", var.caller_role_path))
    error_message = "caller_role_path must start and end with a slash, without wildcards or policy variables."
  }
}

variable "caller_role_name" {
  description = "Name of the caller role."
  type        = string
  default     = "bulkhead-caller"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9+=,.@_-]{1,64}$", var.caller_role_name))
    error_message = "caller_role_name must have 1 to 64 letters, digits and + = , . @ _ - characters, without wildcards or policy variables."
  }
}

variable "retention_in_days" {
  description = "How long CloudWatch Logs keeps the records. CloudWatch cannot delete single events, so this is also how long until a record is gone."
  type        = number
  default     = 365
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.retention_in_days)
    error_message = "retention_in_days must be a number of days that CloudWatch Logs offers, from 1 to 3653 (such as 30, 90, 365 or 731); never 0, which keeps records for ever."
  }
}

variable "caller_boundary_arn" {
  description = "Permissions boundary of the caller role: the one that the account's bootstrap made, which the deploy role must set. Empty: none."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = var.caller_boundary_arn == "" || can(regex("^arn:aws(-us-gov)?:iam::${var.account_id}:policy/([A-Za-z0-9+=,.@_-]+/)*[A-Za-z0-9+=,.@_-]{1,128}$", var.caller_boundary_arn))
    error_message = "caller_boundary_arn must be the ARN of a policy in the customer's account, without wildcards or policy variables."
  }
}

variable "key_deletion_window_in_days" {
  description = "Days between a request to delete the key and its deletion. Without the key no record can be read."
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
