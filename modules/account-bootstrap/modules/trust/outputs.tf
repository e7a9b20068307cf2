output "policies" {
  description = "The trust policy of each role, as JSON, by the keys of `roles`."
  value       = local.policies
}

output "issuers" {
  description = "Whose tokens are trusted, by `github` and `gitlab`: `url` and `audience`."
  value       = local.issuers
}
