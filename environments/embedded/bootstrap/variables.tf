variable "profile" {
  description = "Profile of the shared credentials file that belongs to the owner of `account_id`; null takes the environment's credentials."
  type        = string
  default     = null
}

variable "account_id" {
  description = "The account to bootstrap; one of those in customers.yaml."
  type        = string
  nullable    = false

  validation {
    condition     = contains(keys(local.kinds), var.account_id)
    error_message = "account_id is neither the management account nor the operations account nor a customer's nor that of the states in customers.yaml. Known: ${join(", ", keys(local.kinds))}."
  }
}
