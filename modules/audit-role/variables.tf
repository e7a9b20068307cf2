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

variable "account_id" {
  description = "The account that is read, and in which the role is made (12 digits, as a string)."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id must be a string of 12 digits. Quote it, or leading zeros are lost."
  }
}

variable "kind" {
  description = "What the account is: `operations`, `customer`, `organization` (the management account) or `state` (the account of the states)."
  type        = string
  nullable    = false

  validation {
    condition     = contains(["operations", "customer", "organization", "state"], var.kind)
    error_message = "kind must be operations, customer, organization or state."
  }
}

variable "principal_arns" {
  description = "Roles or users that may become the role, by their exact ARNs: where an audit runs without an identity provider."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.principal_arns : can(regex("^arn:${var.partition}:iam::[0-9]{12}:(role|user)/([A-Za-z0-9+=,.@_-]+/)*[A-Za-z0-9+=,.@_-]{1,64}$", arn))])
    error_message = "principal_arns must be ARNs of single roles or users of the partition: no account, no session, no wildcard and no policy variable."
  }

  validation {
    condition     = !contains(var.principal_arns, "arn:${var.partition}:iam::${var.account_id}:role/bulkhead/bulkhead-audit")
    error_message = "principal_arns names the role that is made here: it would renew itself for ever."
  }
}

variable "github" {
  description = "GitHub Actions, as in `account-bootstrap`, with the environment of the jobs that audit, `audit_environment`."
  type = object({
    repository         = optional(string, "")
    deploy_environment = optional(string, "")
    plan_environment   = optional(string, "")
    audit_environment  = optional(string, "")
  })
  default  = {}
  nullable = false
}

variable "gitlab" {
  description = "GitLab CI, as in `account-bootstrap`, with the branch of the jobs that audit, `audit_branch`, which must be protected."
  type = object({
    url           = optional(string, "https://gitlab.com")
    project       = optional(string, "")
    deploy_branch = optional(string, "")
    plan_branch   = optional(string, "")
    audit_branch  = optional(string, "")
  })
  default  = {}
  nullable = false
}

variable "tags" {
  description = "Tags for every resource."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = !anytrue([for key in keys(var.tags) : startswith(lower(key), "bulkhead:") || startswith(lower(key), "aws:")])
    error_message = "tags: keys that start with bulkhead: or aws: are reserved."
  }
}
