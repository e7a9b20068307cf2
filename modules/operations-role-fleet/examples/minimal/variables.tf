variable "external_ids" {
  description = "External id of each customer, by its key: random and never shared."
  type        = map(string)
  sensitive   = true
  nullable    = false
}
