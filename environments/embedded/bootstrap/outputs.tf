output "roles" {
  description = "The roles to deploy the account with, and the boundary of the roles that they make."
  value = {
    deploy_role_arn = module.bootstrap.deploy_role_arn
    plan_role_arn   = module.bootstrap.plan_role_arn
    boundary_arn    = module.bootstrap.boundary_arn
  }
}
