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
  description = "The account of the states, to which nothing is deployed (12 digits, as a string)."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id must be a string of 12 digits. Quote it, or leading zeros are lost."
  }
}

variable "environment" {
  description = "Name of the environment, as its folder is called."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", var.environment)) && length(var.environment) <= 16
    error_message = "environment must start with a letter, have only lower-case letters, digits and single hyphens between them, and at most 16 characters."
  }
}

variable "deployed_account_ids" {
  description = "Every account that is deployed to, which must never reach a state: the management account, operations, customers'."
  type        = set(string)
  nullable    = false

  validation {
    condition     = length(var.deployed_account_ids) > 0 && alltrue([for id in var.deployed_account_ids : can(regex("^[0-9]{12}$", id))])
    error_message = "deployed_account_ids must list at least one account, each a string of 12 digits."
  }

  validation {
    condition     = !contains(var.deployed_account_ids, var.account_id)
    error_message = "deployed_account_ids lists the account of the states. They lie in an account that nothing is deployed to, or who deploys it could reach them all."
  }
}

variable "owner_arns" {
  description = "Roles or users of the account, by exact ARNs, that own bucket and key, may become every role here and alone bootstrap accounts: the one who applies this included."
  type        = set(string)
  nullable    = false

  validation {
    condition     = length(var.owner_arns) > 0
    error_message = "owner_arns must name at least one owner: who applies this, or nobody but the account's root user could change bucket and key."
  }

  validation {
    condition     = alltrue([for arn in var.owner_arns : can(regex("^arn:${var.partition}:iam::${var.account_id}:(role|user)/([A-Za-z0-9+=,.@_-]+/)*[A-Za-z0-9+=,.@_-]{1,64}$", arn))])
    error_message = "owner_arns must be ARNs of roles or users of the account and partition of the states, without wildcards or policy variables."
  }
}

variable "deploy_principal_arns" {
  description = "By root (`organization`, `operations`, `customer`): roles or users, by exact ARNs, that apply it and so write its states. Of no account that is deployed to."
  type        = map(set(string))
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for root in keys(var.deploy_principal_arns) : contains(["organization", "operations", "customer"], root)])
    error_message = "deploy_principal_arns: the roots are organization, operations and customer. Owners alone bootstrap."
  }

  validation {
    condition     = alltrue([for arn in flatten([for arns in values(var.deploy_principal_arns) : tolist(arns)]) : can(regex("^arn:${var.partition}:iam::[0-9]{12}:(role|user)/([A-Za-z0-9+=,.@_-]+/)*[A-Za-z0-9+=,.@_-]{1,64}$", arn))])
    error_message = "deploy_principal_arns must be ARNs of roles or users of the partition, without wildcards or policy variables."
  }

  validation {
    # try: split has no fifth part where there is no ARN.
    condition     = !anytrue([for arn in flatten([for arns in values(var.deploy_principal_arns) : tolist(arns)]) : contains(var.deployed_account_ids, try(split(":", arn)[4], ""))])
    error_message = "deploy_principal_arns names somebody of an account that is deployed to: customers and operations never reach a state."
  }
}

variable "plan_principal_arns" {
  description = "By root (`organization`, `operations`, `customer`): roles or users, by exact ARNs, that plan it and so read its states. Of no account that is deployed to."
  type        = map(set(string))
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for root in keys(var.plan_principal_arns) : contains(["organization", "operations", "customer"], root)])
    error_message = "plan_principal_arns: the roots are organization, operations and customer. Owners alone bootstrap."
  }

  validation {
    condition     = alltrue([for arn in flatten([for arns in values(var.plan_principal_arns) : tolist(arns)]) : can(regex("^arn:${var.partition}:iam::[0-9]{12}:(role|user)/([A-Za-z0-9+=,.@_-]+/)*[A-Za-z0-9+=,.@_-]{1,64}$", arn))])
    error_message = "plan_principal_arns must be ARNs of roles or users of the partition, without wildcards or policy variables."
  }

  validation {
    # try: split has no fifth part where there is no ARN.
    condition     = !anytrue([for arn in flatten([for arns in values(var.plan_principal_arns) : tolist(arns)]) : contains(var.deployed_account_ids, try(split(":", arn)[4], ""))])
    error_message = "plan_principal_arns names somebody of an account that is deployed to: customers and operations never reach a state."
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

variable "bucket_prefix" {
  description = "Starts the name of the bucket; the environment and the account follow."
  type        = string
  default     = "bulkhead-state"
  nullable    = false

  validation {
    # 63 characters at most, with up to 16 of the environment, 12 of the account and two hyphens.
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,31}[a-z0-9]$", var.bucket_prefix))
    error_message = "bucket_prefix must have 3 to 33 lower-case letters, digits and hyphens, and neither start nor end with a hyphen."
  }
}

variable "former_states_days" {
  description = "How long former versions of a state are kept, from which a mistake can be undone."
  type        = number
  default     = 90
  nullable    = false

  validation {
    condition     = var.former_states_days >= 7 && floor(var.former_states_days) == var.former_states_days
    error_message = "former_states_days must be a whole number of at least 7: a mistake must be noticed before they are gone."
  }
}

variable "force_destroy" {
  description = "Whether a destroy takes the states with it. For environments that are thrown away."
  type        = bool
  default     = false
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
