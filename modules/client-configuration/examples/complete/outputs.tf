output "sources" {
  description = "By Region: what to give to `Bulkhead.from_config`."
  value       = module.configuration.sources
}
