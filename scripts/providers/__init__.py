"""What each major of the AWS provider offers, and what our Terraform asks of it."""
