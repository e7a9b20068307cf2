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
    error_message = "account_id is neither the management account nor the operations account nor a customer's in customers.yaml. Known: ${join(", ", keys(local.kinds))}."
  }
}

variable "owner_arn" {
  description = "The role or user that owns the account: it may become the deploy roles and, in a customer's account, the reader."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws(-us-gov)?:iam::[0-9]{12}:(role|user)/([A-Za-z0-9+=,.@_-]+/)*[A-Za-z0-9+=,.@_-]{1,64}$", var.owner_arn))
    error_message = "owner_arn must be the ARN of one role or user: no account, no session, no wildcard and no policy variable."
  }
}
