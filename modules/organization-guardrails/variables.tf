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

variable "customers" {
  description = <<-EOT
    Customers by a stable key, each with all of its accounts. An account is guarded, and may assume roles of the
    operations account. A customer's records are open to its own accounts and to no other's.

    - `accounts`: the customer's account ids (12 digits, as strings).
    - `own_organization`: whether these accounts are members of an organization of the customer's own, whose policies
      alone can bind them. They are not guarded from here then: their policies are in the output `handed_over_policies`.
    - `legal_hold`: while true, nobody in these accounts ends what was recorded there, not even their administrators.
      Set it in `log-keys`, `customer-logging` and `account-bootstrap` too. A customer that leaves meanwhile takes
      the hold with it: list its accounts in `held_account_ids` as you take it from here.
    - `caller_roles`: path and name of its caller roles, as in the customer-logging module: only the customer's accounts
      and what AWS runs in them become these.
    - `pods`: by account, those that become its role `bulkhead/bulkhead-caller` by their cluster's token (`eks-irsa`):
      of one `service_account` in one `namespace`; `provider` is the cluster's issuer without `https://`.
  EOT
  type = map(object({
    accounts         = set(string)
    own_organization = optional(bool, false)
    legal_hold       = optional(bool, false)
    caller_roles     = optional(set(string), ["bulkhead/bulkhead-caller"])
    pods = optional(map(object({
      provider        = string
      namespace       = string
      service_account = string
    })), {})
  }))
  nullable = false

  validation {
    condition     = length(var.customers) > 0
    error_message = "customers must list at least one customer."
  }

  validation {
    # Part of a policy's name, which has 128 characters at most.
    condition     = alltrue([for key in keys(var.customers) : can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", key)) && length(key) <= 32])
    error_message = "customers: a key must start with a letter and have only lower-case letters, digits and single hyphens between them, at most 32."
  }

  validation {
    condition     = alltrue([for customer in var.customers : length(customer.accounts) > 0])
    error_message = "customers: each customer needs at least one account."
  }

  validation {
    condition     = alltrue(flatten([for customer in var.customers : [for id in customer.accounts : can(regex("^[0-9]{12}$", id))]]))
    error_message = "customers: every account must be a string of 12 digits. Quote it, or leading zeros are lost."
  }

  validation {
    condition     = alltrue([for customer in var.customers : length(customer.caller_roles) > 0])
    error_message = "customers: without caller_roles anybody whom their trust lets in becomes a caller. List at least one for each customer."
  }

  validation {
    condition     = alltrue(flatten([for customer in var.customers : [for role in customer.caller_roles : can(regex("^([A-Za-z0-9+=,.@_-]+/)*[A-Za-z0-9+=,.@_-]{1,64}$", role))]]))
    error_message = "customers: caller_roles must be paths and names of roles, such as bulkhead/bulkhead-caller, without a leading slash, wildcards or policy variables."
  }

  validation {
    condition     = alltrue([for customer in var.customers : length(setsubtract(keys(customer.pods), customer.accounts)) == 0])
    error_message = "customers: pods must be of accounts of the same customer, by their ids."
  }

  validation {
    condition     = alltrue([for customer in var.customers : length(customer.pods) == 0 || contains(customer.caller_roles, "bulkhead/bulkhead-caller")])
    error_message = "customers: pods become bulkhead/bulkhead-caller, which caller_roles must list then."
  }

  validation {
    condition     = alltrue(flatten([for customer in var.customers : [for pods in values(customer.pods) : can(regex("^oidc\\.eks\\.[a-z]{2}(-[a-z]+)+-[0-9]\\.amazonaws\\.com/id/[A-F0-9]{32}$", pods.provider))]]))
    error_message = "customers: the provider of pods must be the issuer of an EKS cluster without https://, such as oidc.eks.eu-central-1.amazonaws.com/id/ and 32 hexadecimal digits."
  }

  validation {
    condition     = alltrue(flatten([for customer in var.customers : [for pods in values(customer.pods) : can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", pods.namespace))]]))
    error_message = "customers: the namespace of pods must be one of Kubernetes, without wildcards."
  }

  validation {
    condition     = alltrue(flatten([for customer in var.customers : [for pods in values(customer.pods) : can(regex("^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$", pods.service_account))]]))
    error_message = "customers: the service_account of pods must be one of Kubernetes, without wildcards."
  }

  validation {
    condition     = length(flatten([for customer in var.customers : tolist(customer.accounts)])) == length(toset(flatten([for customer in var.customers : tolist(customer.accounts)])))
    error_message = "customers: an account is listed for two customers, which could then read each other's records."
  }

  validation {
    condition     = alltrue([for customer in var.customers : !contains(customer.accounts, var.operations_account_id)])
    error_message = "customers: the operations account cannot be a customer's."
  }

  validation {
    condition     = alltrue([for customer in var.customers : length(customer.accounts) <= 200])
    error_message = "customers: a customer can have 200 accounts at most, or the policy that names them outgrows what AWS takes."
  }
}

variable "held_account_ids" {
  description = "Accounts of customers that left while they were held: until they are taken from here, nobody in them ends what was recorded there. They are guarded as a customer's with `legal_hold`, and may assume no role of operations."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for id in var.held_account_ids : can(regex("^[0-9]{12}$", id))])
    error_message = "held_account_ids: every account must be a string of 12 digits. Quote it, or leading zeros are lost."
  }

  validation {
    condition     = length(setintersection(var.held_account_ids, toset(flatten([for customer in var.customers : tolist(customer.accounts)])))) == 0
    error_message = "held_account_ids: an account is a customer's. Set legal_hold of that customer instead."
  }

  validation {
    condition     = !contains(var.held_account_ids, var.operations_account_id)
    error_message = "held_account_ids: the operations account keeps no records."
  }

  validation {
    condition     = length(setintersection(var.held_account_ids, var.trusted_account_ids)) == 0
    error_message = "held_account_ids: an account is in trusted_account_ids, too. Whoever left may assume no role of operations."
  }
}

variable "trusted_account_ids" {
  description = "Other accounts that may assume roles of the operations account: where operators sign in, where Terraform runs. They are not guarded."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for id in var.trusted_account_ids : can(regex("^[0-9]{12}$", id))])
    error_message = "trusted_account_ids: every account must be a string of 12 digits. Quote it, or leading zeros are lost."
  }

  validation {
    condition     = length(setintersection(var.trusted_account_ids, toset(flatten([for customer in var.customers : tolist(customer.accounts)])))) == 0
    error_message = "trusted_account_ids: a customer's accounts are trusted without being listed, and guarded only if they are not."
  }
}

variable "federated_role_arns" {
  description = "Roles of the operations account that people or pipelines become through an identity provider, by their exact ARNs. Those of Identity Center may end in a wildcard, since only AWS makes roles there, or in 16 question marks, for the digits after a permission set's name."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition = alltrue([
      for arn in var.federated_role_arns :
      can(regex("^arn:${var.partition}:iam::${var.operations_account_id}:role/(([A-Za-z0-9+=,.@_-]+/)*[A-Za-z0-9+=,.@_-]{1,64}|aws-reserved/sso\\.amazonaws\\.com/[A-Za-z0-9+=,.@_/-]*(\\*|_[?]{16}))$", arn))
    ])
    error_message = "federated_role_arns must be ARNs of roles in the operations account and its partition, without policy variables, and without wildcards but at the end of a path of aws-reserved/sso.amazonaws.com: one *, or _ and 16 times ?."
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

variable "deployer_arns" {
  description = "Principals of the operations account that run Terraform there, by their exact ARNs: they alone may change fleet roles, their boundaries and the inference profiles. Roles, but in a sandbox that has only users."
  type        = set(string)
  nullable    = false

  validation {
    condition     = length(var.deployer_arns) > 0
    error_message = "deployer_arns must list at least one role, or nobody could make fleet roles."
  }

  validation {
    # Elsewhere somebody else could make a role of that name.
    condition     = alltrue([for arn in var.deployer_arns : can(regex("^arn:${var.partition}:iam::${var.operations_account_id}:(role|user)/([A-Za-z0-9+=,.@_-]+/)*[A-Za-z0-9+=,.@_-]{1,64}$", arn))])
    error_message = "deployer_arns must be ARNs of roles or users in the operations account and its partition, without wildcards or policy variables."
  }

  validation {
    condition     = alltrue([for arn in var.deployer_arns : !startswith(try(split(":", arn)[5], ""), "role/bulkhead/fleet/")])
    error_message = "deployer_arns: a fleet role is a customer's, which may change neither itself nor another."
  }
}

variable "bootstrapper_arns" {
  description = "Principals of the operations account that bootstrap it, by their exact ARNs: they alone may change the roles of `deployer_arns` and `break_glass_role_arns`, and switch off what watches the account."
  type        = set(string)
  nullable    = false

  validation {
    condition     = length(var.bootstrapper_arns) > 0
    error_message = "bootstrapper_arns must list at least one principal, or nobody could make the roles that deploy."
  }

  validation {
    condition     = alltrue([for arn in var.bootstrapper_arns : can(regex("^arn:${var.partition}:iam::${var.operations_account_id}:(role|user)/([A-Za-z0-9+=,.@_-]+/)*[A-Za-z0-9+=,.@_-]{1,64}$", arn))])
    error_message = "bootstrapper_arns must be ARNs of roles or users in the operations account and its partition, without wildcards or policy variables."
  }

  validation {
    condition     = alltrue([for arn in var.bootstrapper_arns : !startswith(try(split(":", arn)[5], ""), "role/bulkhead/fleet/")])
    error_message = "bootstrapper_arns: a fleet role is a customer's, which may change neither itself nor another."
  }
}

variable "stop_executor_arns" {
  description = "Roles of the operations account that stop a customer's spending, by their exact ARNs: beside those who deploy they may take stop policies off fleet roles. None of `/bulkhead/spend/`: the module spend-controls makes these, and they only attach stops."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.stop_executor_arns : can(regex("^arn:${var.partition}:iam::${var.operations_account_id}:role/([A-Za-z0-9+=,.@_-]+/)*[A-Za-z0-9+=,.@_-]{1,64}$", arn))])
    error_message = "stop_executor_arns must be ARNs of roles in the operations account and its partition, without wildcards or policy variables."
  }

  validation {
    condition     = alltrue([for arn in var.stop_executor_arns : !startswith(try(split(":", arn)[5], ""), "role/bulkhead/spend/")])
    error_message = "stop_executor_arns: a role under /bulkhead/spend/ attaches stops and does nothing else. Whoever takes them off is another."
  }
}

variable "stop_policy_arns" {
  description = "Policies that stop a fleet role, by their ARNs, `*` for the customer's part of a name. Anybody who may attach policies may attach one of these: it only takes rights away."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition = alltrue([
      for arn in var.stop_policy_arns :
      can(regex("^arn:${var.partition}:iam::(${var.operations_account_id}|aws):policy/([A-Za-z0-9+=,.@_-]+/)*[A-Za-z0-9+=,.@_*-]*[A-Za-z0-9+=,.@_-]$", arn))
    ])
    error_message = "stop_policy_arns must be ARNs of policies in the operations account, or of AWS, in the same partition, without policy variables, and with wildcards only within the last part of the name, never at its end."
  }
}

variable "break_glass_role_arns" {
  description = "Roles of the operations account that its SCP spares, by their exact ARNs. Whoever can make or assume one of them is spared too, so each assumption raises an alarm. None may leave the organization, centralize its logs or switch off what watches the account."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    # Elsewhere somebody else could make a role of that name.
    condition     = alltrue([for arn in var.break_glass_role_arns : can(regex("^arn:${var.partition}:iam::${var.operations_account_id}:role/([A-Za-z0-9+=,.@_-]+/)*[A-Za-z0-9+=,.@_-]{1,64}$", arn))])
    error_message = "break_glass_role_arns must be ARNs of roles in the operations account and its partition, without wildcards or policy variables."
  }

  validation {
    condition     = length(setintersection(var.break_glass_role_arns, setunion(var.deployer_arns, var.bootstrapper_arns))) == 0
    error_message = "break_glass_role_arns: a role for emergencies is for nothing else, or its alarm rings every day."
  }
}

variable "break_glass_emails" {
  description = "Addresses that are told when somebody assumes a break-glass role. Each confirms once, in a mail from AWS."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for address in var.break_glass_emails : can(regex("^[^@\\s]+@[^@\\s]+[.][^@\\s]+$", address))])
    error_message = "break_glass_emails must be addresses of electronic mail."
  }

  validation {
    condition     = length(var.break_glass_role_arns) == 0 || length(var.break_glass_emails) > 0
    error_message = "break_glass_emails must list somebody to tell when a role of break_glass_role_arns is assumed."
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
