output "deploy_role_arn" {
  description = "The role to apply with."
  value       = module.bootstrap.deploy_role_arn
}

output "boundary_arn" {
  description = "The boundary of every role that is made with it."
  value       = module.bootstrap.boundary_arn
}
