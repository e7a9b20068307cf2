variable "external_ids" {
  description = "External id of each customer, by its key: random and never shared."
  type        = map(string)
  sensitive   = true
  nullable    = false
}

variable "previous_external_ids" {
  description = "While an external id is being replaced, by customer: the one before, and until when it is still accepted."
  type        = map(object({ external_id = string, accepted_until = string }))
  default     = {}
  sensitive   = true
  nullable    = false
}
