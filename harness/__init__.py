"""Bulkhead's harness: deploys the Terraform, decides every request as AWS would, proves walls."""
