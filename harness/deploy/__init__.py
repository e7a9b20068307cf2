"""Deploys an environment: reads its customers, runs Terraform on its roots, keeps what came out."""
