variable "partition" {
  description = "AWS partition of the operations account: `aws` or `aws-us-gov`."
  type        = string
  default     = "aws"
  nullable    = false

  validation {
    condition     = contains(["aws", "aws-us-gov"], var.partition)
    error_message = "partition must be aws or aws-us-gov. China has no Amazon Bedrock."
  }
}

variable "operations_account_id" {
  description = "Account that holds the fleet roles and their inference profiles (12 digits, as a string)."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.operations_account_id))
    error_message = "operations_account_id must be a string of 12 digits. Quote it, or leading zeros are lost."
  }
}

variable "customers" {
  description = <<-EOT
    Customers whose spending is limited, by the key that their costs are tagged with (`bulkhead:customer`).
    Where the map is empty, nothing is made.

    - `fleet_role_name`: the role to stop, of the path `/bulkhead/fleet/`.
    - `inference_profile_arns`: the customer's application inference profiles in this region.
    - `limits`: how many tokens all its profiles together may take within `minutes`. `cache_write_tokens` is
      as many as `input_tokens` and `cache_read_tokens` ten times as many unless given, after what they cost.
      `calls`, if given, is how many calls may be answered: set it where a model is not paid by tokens.
    - `on_limit`: `stop`, or `notify` to suspend the stop: then a limit only tells `alarm_topic_arns`.
    - `monthly_budget_usd`: a budget that stops the customer too, hours later, by what AWS bills; 0 makes none.
      A budget is not of a region: set it in one instance of this module only.
  EOT
  type = map(object({
    fleet_role_name        = string
    inference_profile_arns = list(string)
    limits = list(object({
      minutes            = number
      input_tokens       = number
      output_tokens      = number
      cache_write_tokens = optional(number)
      cache_read_tokens  = optional(number)
      calls              = optional(number)
    }))
    on_limit           = optional(string, "stop")
    monthly_budget_usd = optional(number, 0)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for key in keys(var.customers) : can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", key)) && length(key) <= 32])
    error_message = "customers: a key must start with a letter, have only lower-case letters, digits and single hyphens between them, and at most 32 characters, because costs are allocated by it."
  }

  validation {
    condition     = alltrue([for customer in values(var.customers) : can(regex("^[A-Za-z0-9+=,@_-]{1,64}$", customer.fleet_role_name))])
    error_message = "customers: fleet_role_name must be a role's name without path and dots, because alarms carry it between dots."
  }

  validation {
    condition     = length(distinct([for customer in values(var.customers) : lower(customer.fleet_role_name)])) == length(var.customers)
    error_message = "customers: two customers have one fleet role. A stop of one would be a stop of the other."
  }

  validation {
    condition     = alltrue([for customer in values(var.customers) : length(customer.inference_profile_arns) > 0 && length(customer.inference_profile_arns) <= 10])
    error_message = "customers: list 1 to 10 inference_profile_arns; an alarm of CloudWatch adds up ten metrics at most."
  }

  validation {
    condition = alltrue(flatten([
      for customer in values(var.customers) : [
        for arn in customer.inference_profile_arns :
        can(regex("^arn:${var.partition}:bedrock:[a-z0-9-]+:${var.operations_account_id}:application-inference-profile/[a-z0-9]{1,64}$", arn))
      ]
    ]))
    error_message = "customers: inference_profile_arns must be ARNs of application inference profiles in the operations account and its partition. What calls through other handles take is not the customer's alone."
  }

  validation {
    condition     = length(distinct(flatten(values(var.customers)[*].inference_profile_arns))) == length(flatten(values(var.customers)[*].inference_profile_arns))
    error_message = "customers: an inference profile is listed twice. Its tokens would count against two limits."
  }

  validation {
    condition     = alltrue([for customer in values(var.customers) : length(customer.limits) > 0 && length(customer.limits) <= 5])
    error_message = "customers: each customer needs 1 to 5 limits; leave the customer out to limit nothing."
  }

  validation {
    condition = alltrue(flatten([
      for customer in values(var.customers) : [
        for limit in customer.limits : limit.minutes == floor(limit.minutes) && limit.minutes >= 1 && limit.minutes <= 1440
      ]
    ]))
    error_message = "customers: minutes of a limit must be a whole number from 1 to 1440, a day."
  }

  validation {
    condition     = alltrue([for customer in values(var.customers) : length(distinct(customer.limits[*].minutes)) == length(customer.limits)])
    error_message = "customers: two limits of a customer have the same minutes. Keep the stricter one."
  }

  validation {
    condition = alltrue(flatten([
      for customer in values(var.customers) : [
        for limit in customer.limits : [
          for tokens in [limit.input_tokens, limit.output_tokens, coalesce(limit.cache_write_tokens, 1), coalesce(limit.cache_read_tokens, 1), coalesce(limit.calls, 1)] :
          tokens == floor(tokens) && tokens >= 1
        ]
      ]
    ]))
    error_message = "customers: the tokens of a limit, and its calls, must be whole numbers from 1."
  }

  validation {
    condition     = alltrue([for customer in values(var.customers) : contains(["stop", "notify"], customer.on_limit)])
    error_message = "customers: on_limit must be stop or notify."
  }

  validation {
    condition     = length(var.alarm_topic_arns) > 0 || alltrue([for customer in values(var.customers) : customer.on_limit != "notify"])
    error_message = "customers: on_limit is notify, but alarm_topic_arns names nobody to tell."
  }

  validation {
    condition = alltrue([
      for customer in values(var.customers) : customer.monthly_budget_usd >= 0 && customer.monthly_budget_usd == floor(customer.monthly_budget_usd)
    ])
    error_message = "customers: monthly_budget_usd must be a whole number of US dollars; 0 makes no budget."
  }

  validation {
    condition     = var.partition == "aws" || alltrue([for customer in values(var.customers) : customer.monthly_budget_usd == 0])
    error_message = "customers: AWS Budgets is in the partition aws alone; leave monthly_budget_usd out in ${var.partition}."
  }

  validation {
    condition     = length(var.budget_emails) > 0 || alltrue([for customer in values(var.customers) : customer.monthly_budget_usd == 0])
    error_message = "customers: a monthly_budget_usd needs somebody in budget_emails; AWS asks for one where a budget acts."
  }
}

variable "alarm_topic_arns" {
  description = "SNS topics of this region that are told when a limit is passed, and when a stop could not be carried out."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.alarm_topic_arns : can(regex("^arn:${var.partition}:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}$", arn))])
    error_message = "alarm_topic_arns must be ARNs of SNS topics in the partition of the operations account."
  }
}

variable "budget_emails" {
  description = "Who is told when a budget stops a customer: 1 to 10 addresses where any customer has a budget."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(var.budget_emails) <= 10 && alltrue([for address in var.budget_emails : can(regex("^[^@[:space:]]+@[^@[:space:]]+\\.[^@[:space:]]+$", address))])
    error_message = "budget_emails must be at most 10 e-mail addresses."
  }
}

variable "permissions_boundary_arn" {
  description = "Permission boundary for the executor's roles; empty for none. It must let them attach the stop policy to fleet roles and start the state machine."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = var.permissions_boundary_arn == "" || can(regex("^arn:${var.partition}:iam::${var.operations_account_id}:policy/([A-Za-z0-9+=,.@_-]+/)*[A-Za-z0-9+=,.@_-]{1,128}$", var.permissions_boundary_arn))
    error_message = "permissions_boundary_arn must be the ARN of a policy in the operations account and its partition."
  }
}

variable "tags" {
  description = "Tags for every resource, beside `bulkhead:customer`, which the module sets on what belongs to one customer."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = !anytrue([for key in keys(var.tags) : startswith(lower(key), "bulkhead:") || startswith(lower(key), "aws:")])
    error_message = "tags: keys that start with bulkhead: or aws: are reserved; costs are allocated by them."
  }
}
