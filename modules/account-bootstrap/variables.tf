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
  description = "The account that the roles deploy, and in which they are made (12 digits, as a string)."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id must be a string of 12 digits. Quote it, or leading zeros are lost."
  }
}

variable "kind" {
  description = "What is deployed in the account: `operations` (fleet roles and inference profiles), `customer` (log groups and caller role) or `organization` (guardrails, in the management account)."
  type        = string
  nullable    = false

  validation {
    condition     = contains(["operations", "customer", "organization"], var.kind)
    error_message = "kind must be operations, customer or organization."
  }
}

variable "customer" {
  description = "Key of the customer whose account it is; for `kind` customer only. Names the log groups that the deploy role may make."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = (var.customer == "") == (var.kind != "customer")
    error_message = "customer must be the customer's key where kind is customer, and left out otherwise."
  }

  validation {
    condition     = var.customer == "" || (can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", var.customer)) && length(var.customer) <= 32)
    error_message = "customer must start with a letter, have only lower-case letters, digits and single hyphens between them, and at most 32 characters."
  }
}

variable "caller_role" {
  description = "Path and name of the caller role in a customer's account, as in the customer-logging module."
  type        = string
  default     = "bulkhead/bulkhead-caller"
  nullable    = false

  validation {
    condition     = can(regex("^([A-Za-z0-9+=,.@_-]+/)*[A-Za-z0-9+=,.@_-]{1,64}$", var.caller_role))
    error_message = "caller_role must be a path and name such as bulkhead/bulkhead-caller: no leading slash, no ARN, no wildcard and no policy variable."
  }

  validation {
    condition     = !contains(["bulkhead/bulkhead-deploy", "bulkhead/bulkhead-plan"], var.caller_role) && !startswith(var.caller_role, "bulkhead/reader/")
    error_message = "caller_role is the name of a role that the deploy role must never change."
  }
}

variable "caller_is_made" {
  description = "Whether the deploy role makes the caller role. `false` where the customer has made it: then the deploy role gives it one policy under `/bulkhead/caller/` and the role's name, and changes nothing else of it."
  type        = bool
  default     = true
  nullable    = false
}

variable "legal_hold" {
  description = "Whether what was written in a customer's account must be kept: then the deploy role sets no retention. Set it in `log-keys`, `customer-logging` and `organization-guardrails` too."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = !var.legal_hold || var.kind == "customer"
    error_message = "legal_hold is of a customer's account: no other has records."
  }
}

variable "regions" {
  description = "Regions in which the account's resources are made."
  type        = set(string)
  nullable    = false

  validation {
    condition     = length(var.regions) > 0
    error_message = "regions must list at least one region."
  }

  validation {
    condition     = alltrue([for region in var.regions : can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", region))])
    error_message = "regions: name regions in full, such as eu-central-1, without wildcards."
  }
}

variable "deploy_principal_arns" {
  description = "Roles or users that may become the deploy role, by their exact ARNs: where Terraform runs without an identity provider."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.deploy_principal_arns : can(regex("^arn:${var.partition}:iam::[0-9]{12}:(role|user)/([A-Za-z0-9+=,.@_-]+/)*[A-Za-z0-9+=,.@_-]{1,64}$", arn))])
    error_message = "deploy_principal_arns must be ARNs of single roles or users of the partition: no account, no session, no wildcard and no policy variable."
  }

  validation {
    condition     = length(setintersection(var.deploy_principal_arns, [for name in ["bulkhead-deploy", "bulkhead-plan"] : "arn:${var.partition}:iam::${var.account_id}:role/bulkhead/${name}"])) == 0
    error_message = "deploy_principal_arns names one of the two roles that are made here: they would renew themselves for ever."
  }
}

variable "plan_principal_arns" {
  description = "Roles or users that may become the plan role, by their exact ARNs."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.plan_principal_arns : can(regex("^arn:${var.partition}:iam::[0-9]{12}:(role|user)/([A-Za-z0-9+=,.@_-]+/)*[A-Za-z0-9+=,.@_-]{1,64}$", arn))])
    error_message = "plan_principal_arns must be ARNs of single roles or users of the partition: no account, no session, no wildcard and no policy variable."
  }

  validation {
    condition     = length(setintersection(var.plan_principal_arns, [for name in ["bulkhead-deploy", "bulkhead-plan"] : "arn:${var.partition}:iam::${var.account_id}:role/bulkhead/${name}"])) == 0
    error_message = "plan_principal_arns names one of the two roles that are made here: they would renew themselves for ever."
  }
}

variable "github" {
  description = "GitHub Actions: jobs of one repository, named as its tokens name it, that run in one of its environments. Let the deploy environment ask for a reviewer and take only the default branch."
  type = object({
    repository         = optional(string, "")
    deploy_environment = optional(string, "")
    plan_environment   = optional(string, "")
  })
  default  = {}
  nullable = false
}

variable "gitlab" {
  description = "GitLab CI: jobs of one project on one branch. Both branches must be protected. GitLab's tokens name no environment in their subject, so a branch takes its place."
  type = object({
    url           = optional(string, "https://gitlab.com")
    project       = optional(string, "")
    deploy_branch = optional(string, "")
    plan_branch   = optional(string, "")
  })
  default  = {}
  nullable = false
}

variable "create_identity_providers" {
  description = "Make the identity providers of `github` and `gitlab`. An account has each only once: false where another stack made it, with the audience sts.amazonaws.com."
  type        = bool
  default     = true
  nullable    = false
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
