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

variable "fleet_role_arn" {
  description = "The customer's fleet role, as the operations root reports it."
  type        = string
  nullable    = false

  validation {
    condition     = var.fleet_role_arn == "arn:aws:iam::${local.environment.operations.account_id}:role/bulkhead/fleet/bulkhead-${var.customer}"
    error_message = "fleet_role_arn is not the fleet role of this customer in the operations account of customers.yaml. Take it from the operations root's output `customers`."
  }
}
