variable "profile" {
  description = "Profile of the shared credentials file that belongs to the management account; null takes the environment's credentials."
  type        = string
  default     = null
}
