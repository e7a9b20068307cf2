variable "partition" {
  description = "AWS partition of the organization: `aws` or `aws-us-gov`."
  type        = string
  default     = "aws"
  nullable    = false

  validation {
    condition     = contains(["aws", "aws-us-gov"], var.partition)
    error_message = "partition must be aws or aws-us-gov. China has no Amazon Bedrock."
  }
}

variable "name_prefix" {
  description = "Starts the names of the policies, which are unique in an organization: one per environment."
  type        = string
  default     = "bulkhead"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,63}$", var.name_prefix))
    error_message = "name_prefix must start with a letter and have only lower-case letters, digits and hyphens, at most 64."
  }
}

variable "operations_account_id" {
  description = "Account that holds the Bedrock quotas and the fleet roles (12 digits, as a string)."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.operations_account_id))
    error_message = "operations_account_id must be a string of 12 digits. Quote it, or leading zeros are lost."
  }
}

variable "customer_account_ids" {
  description = "The customers' accounts in this organization: they are guarded, and may assume roles of the operations account."
  type        = set(string)
  nullable    = false

  validation {
    condition     = length(var.customer_account_ids) > 0
    error_message = "customer_account_ids must list at least one account."
  }

  validation {
    condition     = alltrue([for id in var.customer_account_ids : can(regex("^[0-9]{12}$", id))])
    error_message = "customer_account_ids: every account must be a string of 12 digits. Quote it, or leading zeros are lost."
  }

  validation {
    condition     = !contains(var.customer_account_ids, var.operations_account_id)
    error_message = "customer_account_ids: the operations account cannot be a customer's."
  }
}

variable "trusted_account_ids" {
  description = "Other accounts that may assume roles of the operations account: where operators sign in, where Terraform runs, customers of other organizations. They are not guarded."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for id in var.trusted_account_ids : can(regex("^[0-9]{12}$", id))])
    error_message = "trusted_account_ids: every account must be a string of 12 digits. Quote it, or leading zeros are lost."
  }
}

variable "federated_role_arns" {
  description = "Roles of the operations account that people or pipelines become through an identity provider, by their exact ARNs. Those of Identity Center may end in a wildcard, since only AWS makes roles there."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition = alltrue([
      for arn in var.federated_role_arns :
      can(regex("^arn:aws(-us-gov)?:iam::${var.operations_account_id}:role/(([A-Za-z0-9+=,.@_-]+/)*[A-Za-z0-9+=,.@_-]{1,64}|aws-reserved/sso\\.amazonaws\\.com/[A-Za-z0-9+=,.@_/-]*\\*)$", arn))
    ])
    error_message = "federated_role_arns must be ARNs of roles in the operations account, without policy variables, and without wildcards but at the end of a path of aws-reserved/sso.amazonaws.com."
  }
}

variable "model_regions" {
  description = "Regions in which models may run: those of the fleet, and every destination of its cross-region profiles. Global profiles run in regions that nobody names, and never may."
  type        = set(string)
  nullable    = false

  validation {
    condition     = length(var.model_regions) > 0
    error_message = "model_regions must list at least one region, or no model may run at all."
  }

  validation {
    condition     = alltrue([for region in var.model_regions : can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", region))])
    error_message = "model_regions: name regions in full, such as eu-central-1, without wildcards."
  }
}

variable "break_glass_role_arns" {
  description = "Roles of the operations account that its SCP spares, by their exact ARNs. Whoever can make or assume one of them is spared too. None may leave the organization or centralize its logs."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    # Elsewhere somebody else could make a role of that name.
    condition     = alltrue([for arn in var.break_glass_role_arns : can(regex("^arn:aws(-us-gov)?:iam::${var.operations_account_id}:role/([A-Za-z0-9+=,.@_-]+/)*[A-Za-z0-9+=,.@_-]{1,64}$", arn))])
    error_message = "break_glass_role_arns must be ARNs of roles in the operations account, without wildcards or policy variables."
  }
}

variable "administrator_role_names" {
  description = "Roles through which the management account administers customers' accounts: they may not read logs there."
  type        = set(string)
  default     = ["AWSControlTowerExecution", "OrganizationAccountAccessRole"]
  nullable    = false

  validation {
    condition     = alltrue([for name in var.administrator_role_names : can(regex("^([A-Za-z0-9+=,.@_-]+/)*[A-Za-z0-9+=,.@_-]{1,64}$", name))])
    error_message = "administrator_role_names must be names of roles, with their path if they have one, without wildcards or policy variables."
  }
}

variable "allow_log_centralization" {
  description = "Accept that CloudWatch has trusted access to the organization. Its management account can then copy customers' records to any member account."
  type        = bool
  default     = false
  nullable    = false
}

variable "tags" {
  description = "Tags for every policy."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = !anytrue([for key in keys(var.tags) : startswith(lower(key), "bulkhead:") || startswith(lower(key), "aws:")])
    error_message = "tags: keys that start with bulkhead: or aws: are reserved."
  }
}
