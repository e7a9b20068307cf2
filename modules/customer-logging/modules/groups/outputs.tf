output "groups" {
  description = "The groups `records` and `content`, whether they are there or not: `name`, `arn` (without a trailing `:*`) and `key_alias`."
  value = {
    for key, name in local.names : key => {
      name      = "/bulkhead/${name}"
      arn       = "arn:${var.partition}:logs:${var.region}:${var.account_id}:log-group:/bulkhead/${name}"
      key_alias = "alias/bulkhead/${name}"
    }
  }
}
