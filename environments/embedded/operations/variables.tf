variable "profile" {
  description = "Profile of the shared credentials file that belongs to the operations account; null takes the environment's credentials."
  type        = string
  default     = null
}

variable "external_ids" {
  description = "External id of each customer, by its key in customers.yaml: random and never shared."
  type        = map(string)
  sensitive   = true
  nullable    = false

  validation {
    condition     = toset(keys(var.external_ids)) == toset(keys(local.environment.customers))
    error_message = "external_ids must have exactly one entry for each customer in customers.yaml and none besides."
  }
}

variable "previous_external_ids" {
  description = "While an external id is being replaced, by customer: the one before (`external_id`) and until when it is still taken (`accepted_until`)."
  type = map(object({
    external_id    = string
    accepted_until = string
  }))
  default   = {}
  sensitive = true
  nullable  = false
}
