variable "profile" {
  description = "Profile of the shared credentials file that belongs to `account_id`; null takes the environment's credentials."
  type        = string
  default     = null
}

variable "customer" {
  description = "Key of the customer in customers.yaml."
  type        = string
  nullable    = false

  validation {
    condition     = contains(keys(local.environment.customers), var.customer)
    error_message = "customer is not a key of customers.yaml. Known: ${join(", ", keys(local.environment.customers))}."
  }
}

variable "account_id" {
  description = "The customer's account to apply to; one of those listed for it in customers.yaml."
  type        = string
  nullable    = false

  validation {
    condition     = contains(keys(local.accounts), var.account_id) || !contains(keys(local.environment.customers), var.customer)
    error_message = "account_id is not listed for this customer in customers.yaml. Listed: ${join(", ", keys(local.accounts))}."
  }
}

variable "handover" {
  description = "The customer's hand-over document, its entry of the operations root's output `handover`."
  type = object({
    format                = string
    environment           = string
    customer              = string
    fleet_role_arn        = string
    external_id_parameter = string
    inference_profiles    = map(map(string))
  })
  nullable = false

  validation {
    condition     = var.handover.format == "bulkhead-handover/1"
    error_message = "handover is not a document of this release: its format is not bulkhead-handover/1. Take it anew from the operations root's output `handover`."
  }

  validation {
    condition     = var.handover.environment == local.name
    error_message = "handover is of environment ${var.handover.environment}, not ${local.name}. Each environment has an operations account and external ids of its own."
  }

  validation {
    condition     = var.handover.customer == var.customer
    error_message = "handover is of customer ${var.handover.customer}. Hand each customer its own document only."
  }

  validation {
    condition     = var.handover.fleet_role_arn == "arn:${local.partition}:iam::${local.environment.operations.account_id}:role/bulkhead/fleet/bulkhead-${var.customer}"
    error_message = "handover names a fleet role that is not this customer's in the operations account of customers.yaml. Take it anew from the operations root's output `handover`."
  }
}
