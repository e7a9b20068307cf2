# The state of this root lies where ../state.s3.tfbackend says, under a key of its own.

terraform {
  # 1.10: the lock lies beside the state.
  required_version = ">= 1.10"

  backend "s3" {}
}
