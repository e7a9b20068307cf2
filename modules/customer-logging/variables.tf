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

variable "fleet_role_arn" {
  description = "The one role in the operations account that the caller role may assume."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:${var.partition}:iam::[0-9]{12}:role/([A-Za-z0-9+=,.@_-]+/)*[A-Za-z0-9+=,.@_-]{1,64}$", var.fleet_role_arn))
    error_message = "fleet_role_arn must be the ARN of one role of the partition, without wildcards or policy variables."
  }

  validation {
    condition     = try(split(":", var.fleet_role_arn)[4], "") != var.account_id
    error_message = "fleet_role_arn names a role in the customer's own account. It must be in the operations account."
  }
}

variable "caller" {
  description = <<-EOT
    What runs the application and so may become the caller role. `type`:

    - `lambda` (function), `ecs` (task) or `ec2` (instance; makes an instance profile);
    - `eks-irsa`: pods of one service account of one cluster, by the token of the cluster's identity provider.
      `oidc_provider` is its issuer without `https://`, `namespace` and `service_account` are the pods';
    - `eks-pod-identity`: pods with an association of EKS Pod Identity, whose session tags must be disabled
      (`disableSessionTags`);
    - `existing`: the role at `caller_role_path` and `caller_role_name`, which the customer made.
  EOT
  type = object({
    type            = string
    oidc_provider   = optional(string, "")
    namespace       = optional(string, "")
    service_account = optional(string, "")
  })
  nullable = false

  validation {
    condition     = contains(["lambda", "ecs", "ec2", "eks-irsa", "eks-pod-identity", "existing"], var.caller.type)
    error_message = "caller.type must be lambda, ecs, ec2, eks-irsa, eks-pod-identity or existing."
  }

  validation {
    condition     = var.caller.type != "eks-irsa" || can(regex("^oidc\\.eks\\.[a-z]{2}(-[a-z]+)+-[0-9]\\.amazonaws\\.com/id/[A-F0-9]{32}$", var.caller.oidc_provider))
    error_message = "caller.oidc_provider must be the issuer of an EKS cluster without https://, such as oidc.eks.eu-central-1.amazonaws.com/id/ and 32 hexadecimal digits."
  }

  validation {
    condition     = var.caller.type != "eks-irsa" || can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", var.caller.namespace))
    error_message = "caller.namespace must be the name of one Kubernetes namespace, without wildcards or policy variables."
  }

  validation {
    condition     = var.caller.type != "eks-irsa" || can(regex("^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$", var.caller.service_account))
    error_message = "caller.service_account must be the name of one Kubernetes service account, without wildcards or policy variables."
  }

  validation {
    condition     = var.caller.type == "eks-irsa" || "${var.caller.oidc_provider}${var.caller.namespace}${var.caller.service_account}" == ""
    error_message = "caller: oidc_provider, namespace and service_account belong to the type eks-irsa; no other heeds them."
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

variable "kms_key_arns" {
  description = "The keys of the log groups, as `log-keys` made them in the account and region of the groups: of `records`, and of `content` where that is enabled."
  type = object({
    records = string
    content = optional(string, "")
  })
  nullable = false

  validation {
    condition     = can(regex("^arn:${var.partition}:kms:[a-z0-9-]+:${var.account_id}:key/[0-9a-f-]{36}$", var.kms_key_arns.records))
    error_message = "kms_key_arns.records must be the ARN of a key of the customer's own account, no alias."
  }

  validation {
    condition     = var.kms_key_arns.content == "" || can(regex("^arn:${var.partition}:kms:[a-z0-9-]+:${var.account_id}:key/[0-9a-f-]{36}$", var.kms_key_arns.content))
    error_message = "kms_key_arns.content must be the ARN of a key of the customer's own account, no alias; or empty."
  }

  validation {
    condition     = (var.kms_key_arns.content != "") == var.content.enabled
    error_message = "kms_key_arns.content must be given where content.enabled is true, and nowhere else: log-keys makes it with content = true."
  }

  validation {
    condition     = var.kms_key_arns.records != var.kms_key_arns.content
    error_message = "kms_key_arns.content is the key of the records too. Each group has a key of its own, which serves no other."
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

variable "record_data_identifiers" {
  description = "Data identifiers of CloudWatch Logs that are masked in records, should one ever slip in. None that digits or times of a record could look like: what is masked is no metric any more."
  type        = set(string)
  default     = ["AwsSecretKey", "EmailAddress", "OpenSshPrivateKey", "PgpPrivateKey", "PkcsPrivateKey"]
  nullable    = false

  validation {
    condition     = length(var.record_data_identifiers) > 0 && alltrue([for name in var.record_data_identifiers : can(regex("^[A-Za-z]+(-[A-Z]{2})?$", name))])
    error_message = "record_data_identifiers must have at least one, by its name alone, such as EmailAddress or Ssn-US."
  }
}

variable "content" {
  description = "A group of its own for prompts and answers, which the client writes only when told to. `retention_in_days` is how long they stay at most, `data_identifiers` what is masked in them."
  type = object({
    enabled           = optional(bool, false)
    retention_in_days = optional(number, 7)
    data_identifiers = optional(set(string), [
      "AwsSecretKey", "CreditCardNumber", "EmailAddress", "IpAddress", "OpenSshPrivateKey",
      "PgpPrivateKey", "PhoneNumber-US", "PkcsPrivateKey", "Ssn-US",
    ])
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30], var.content.retention_in_days)
    error_message = "content.retention_in_days must be 1, 3, 5, 7, 14 or 30: content is meant to be gone soon."
  }

  validation {
    condition     = length(var.content.data_identifiers) > 0 && alltrue([for name in var.content.data_identifiers : can(regex("^[A-Za-z]+(-[A-Z]{2})?$", name))])
    error_message = "content.data_identifiers must have at least one, by its name alone, such as EmailAddress or Ssn-US: there is no content without masking."
  }
}

variable "legal_hold" {
  description = "Keep everything for as long as this is true: retention is suspended, and the groups outlive a destroy. Set it in `log-keys` and `organization-guardrails` too."
  type        = bool
  default     = false
  nullable    = false
}

variable "keep_on_destroy" {
  description = "Leave the groups where they are when the module is destroyed; for production. Set it in `log-keys` too."
  type        = bool
  default     = false
  nullable    = false
}

variable "owner_arns" {
  description = "Roles or users of the account, by exact ARNs, that alone may delete records by the output `owners_only_policy`: those of whoever bootstraps the account. The account's root user always may."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.owner_arns : can(regex("^arn:${var.partition}:iam::${var.account_id}:(role|user)/([A-Za-z0-9+=,.@_-]+/)*[A-Za-z0-9+=,.@_-]{1,64}$", arn))])
    error_message = "owner_arns must be ARNs of roles or users of the customer's own account and partition, without wildcards or policy variables."
  }

  validation {
    condition     = !contains(var.owner_arns, "arn:${var.partition}:iam::${var.account_id}:role${var.caller_role_path}${var.caller_role_name}")
    error_message = "owner_arns names the caller role: what runs the application must not own its records."
  }
}

variable "permissions_boundary_arn" {
  description = "Permissions boundary of the caller role, where the account asks for one: set on the role that the module makes, and asked of an existing one. Empty for none."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = var.permissions_boundary_arn == "" || can(regex("^arn:${var.partition}:iam::(${var.account_id}|aws):policy/([A-Za-z0-9+=,.@_-]+/)*[A-Za-z0-9+=,.@_-]{1,128}$", var.permissions_boundary_arn))
    error_message = "permissions_boundary_arn must be the ARN of a managed policy of the customer's account and partition, or empty."
  }
}

variable "parameter_arns" {
  description = "Parameters of SSM that the caller role may read, by exact ARNs: the client's configuration and the external id, as the module `client-configuration` outputs them."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.parameter_arns : can(regex("^arn:${var.partition}:ssm:[a-z0-9-]+:${var.account_id}:parameter(/[A-Za-z0-9_.-]+)+$", arn))])
    error_message = "parameter_arns must be ARNs of parameters of the customer's own account and partition, without wildcards or policy variables."
  }
}

variable "alarms" {
  description = <<-EOT
    Alarms over the client's metrics. `errors`, `throttles` and `dropped_records` are how many within 5 minutes are too
    many, `tokens_per_hour` how many tokens in and out, `heartbeat_minutes` how long no client may be silent (0 where the
    application does not always run, as a function). A threshold of 0 makes no alarm. `action_arns` are SNS topics of the
    customer's own account.
  EOT
  type = object({
    enabled           = optional(bool, true)
    errors            = optional(number, 5)
    throttles         = optional(number, 10)
    tokens_per_hour   = optional(number, 1000000)
    dropped_records   = optional(number, 1)
    heartbeat_minutes = optional(number, 10)
    action_arns       = optional(set(string), [])
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for number in [var.alarms.errors, var.alarms.throttles, var.alarms.tokens_per_hour, var.alarms.dropped_records] : number >= 0 && floor(number) == number])
    error_message = "alarms: thresholds must be whole numbers; 0 makes no alarm."
  }

  validation {
    # CloudWatch looks back a day at most.
    condition     = var.alarms.heartbeat_minutes >= 0 && var.alarms.heartbeat_minutes <= 1440 && floor(var.alarms.heartbeat_minutes) == var.alarms.heartbeat_minutes
    error_message = "alarms.heartbeat_minutes must be a whole number from 1 to 1440, or 0 for no alarm."
  }

  validation {
    condition     = length(var.alarms.action_arns) <= 5 && alltrue([for arn in var.alarms.action_arns : can(regex("^arn:${var.partition}:sns:[a-z0-9-]+:${var.account_id}:[A-Za-z0-9_-]{1,256}$", arn))])
    error_message = "alarms.action_arns must be ARNs of SNS topics of the customer's own account and partition, at most 5."
  }
}

variable "dashboard_enabled" {
  description = "Whether to make the dashboard `bulkhead-CUSTOMER`, over metrics only."
  type        = bool
  default     = true
  nullable    = false
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
