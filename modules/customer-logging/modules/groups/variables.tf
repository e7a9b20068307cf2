# Validated by the modules that call this one.

variable "partition" {
  description = "AWS partition of the customer's account."
  type        = string
  nullable    = false
}

variable "region" {
  description = "Region of the log groups and their keys."
  type        = string
  nullable    = false
}

variable "account_id" {
  description = "The customer's account."
  type        = string
  nullable    = false
}

variable "customer" {
  description = "Key of the customer."
  type        = string
  nullable    = false
}
