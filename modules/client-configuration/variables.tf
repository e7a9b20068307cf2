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
  description = "Key of the customer, as in the operations account; names the parameters."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", var.customer)) && length(var.customer) <= 32
    error_message = "customer must start with a letter, have only lower-case letters, digits and single hyphens between them, and at most 32 characters."
  }
}

variable "account_id" {
  description = "The customer's account, in which the parameters are made (12 digits, as a string)."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id must be a string of 12 digits. Quote it, or leading zeros are lost."
  }
}

variable "fleet_role_arn" {
  description = "The customer's role in the operations account."
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

variable "external_id_parameter" {
  description = "Name of the SecureString parameter of the account, in the Region of this module, that holds the external id."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^(/[A-Za-z0-9_.-]+)+$", var.external_id_parameter)) && length(var.external_id_parameter) <= 512
    error_message = "external_id_parameter must be the name of a parameter that starts with a slash, such as /bulkhead/acme/external-id; not an ARN, and never the external id itself."
  }
}

variable "inference_profiles" {
  description = "The customer's application inference profiles by Region and model id, as in the hand-over document. There is one parameter for each Region."
  type        = map(map(string))
  nullable    = false

  validation {
    condition     = length(var.inference_profiles) > 0 && alltrue([for region, profiles in var.inference_profiles : length(profiles) > 0 && can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", region))])
    error_message = "inference_profiles must have at least one Region, such as eu-central-1, and each at least one model."
  }

  validation {
    condition = alltrue(flatten([
      for profiles in values(var.inference_profiles) : [
        for model in keys(profiles) : can(regex("^[a-z0-9][a-z0-9-]*(\\.[a-z0-9][a-z0-9-]*)+(:[a-z0-9]+)*$", model))
      ]
    ]))
    error_message = "inference_profiles: a model must be a model id, such as amazon.nova-lite-v1:0, as the client names it: no ARN and no wildcard."
  }

  validation {
    condition = alltrue(flatten([
      for region, profiles in var.inference_profiles : [
        for arn in values(profiles) :
        can(regex("^arn:${var.partition}:bedrock:${region}:${try(split(":", var.fleet_role_arn)[4], "")}:application-inference-profile/[A-Za-z0-9-]{1,64}$", arn))
      ]
    ]))
    error_message = "inference_profiles must have the ARNs of application inference profiles of the operations account and the partition, each under its own Region."
  }
}

variable "log_group_arn" {
  description = "The log group that takes the records, without a trailing `:*`."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:${var.partition}:logs:[a-z0-9-]+:${var.account_id}:log-group:[A-Za-z0-9._/#-]{1,512}$", var.log_group_arn))
    error_message = "log_group_arn must be the ARN of a log group of the customer's own account and partition, without a trailing :*."
  }
}

variable "content_log_group_arn" {
  description = "The log group for prompts and answers, in the same Region; empty for none."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = var.content_log_group_arn == "" || can(regex("^arn:${var.partition}:logs:${try(split(":", var.log_group_arn)[3], "")}:${var.account_id}:log-group:[A-Za-z0-9._/#-]{1,512}$", var.content_log_group_arn))
    error_message = "content_log_group_arn must be the ARN of a log group of the customer's own account and partition, in the Region of log_group_arn, without a trailing :*."
  }

  validation {
    condition     = var.content_log_group_arn == "" || var.content_log_group_arn != var.log_group_arn
    error_message = "content_log_group_arn is the group of the records. Others read that one."
  }
}

variable "metrics_namespace" {
  description = "The namespace of CloudWatch that dashboard and alarms watch: the output `metrics` of `customer-logging` names it."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9._/#:-]{1,255}$", var.metrics_namespace)) && !startswith(var.metrics_namespace, "AWS/")
    error_message = "metrics_namespace must be a namespace of CloudWatch of the customer's own: letters, digits and . _ / # : - alone, and not starting with AWS/."
  }
}

variable "quotas" {
  description = "What the customer's applications allow themselves of a model, by model id: the client holds itself to it. `tokens_per_minute` and `requests_per_minute`, and what one output token counts (`output_burndown`), if not what AWS says of the model. A courtesy to other customers and no wall."
  type = map(object({
    tokens_per_minute   = number
    requests_per_minute = optional(number)
    output_burndown     = optional(number)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for model in keys(var.quotas) : contains(flatten([for profiles in values(var.inference_profiles) : keys(profiles)]), model)])
    error_message = "quotas name a model that inference_profiles has not. Models: ${join(", ", distinct(flatten([for profiles in values(var.inference_profiles) : keys(profiles)])))}."
  }

  validation {
    condition     = alltrue(flatten([for quota in values(var.quotas) : [for value in values(quota) : value == null ? true : value >= 1 && floor(value) == value]]))
    error_message = "quotas must be whole numbers above 0."
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
