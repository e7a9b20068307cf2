# Words that others know, for the rules of external ids.

locals {
  known_accounts = concat([var.operations_account_id, var.management_account_id], flatten([for customer in values(var.customers) : customer.accounts[*].account_id]))

  known_words = concat(
    local.known_accounts,
    keys(var.customers),
    [for key in keys(var.customers) : "bulkhead-${key}"],
    flatten([for key, customer in var.customers : [for account in customer.accounts : "${key}${account.account_id}"]]),
    flatten([for key, customer in var.customers : [for account in customer.accounts : "${key}-${account.account_id}"]]),
  )

  # What anybody can compute from them.
  known_hashes = toset(flatten([
    for word in local.known_words : [md5(word), sha1(word), sha256(word), sha512(word), uuidv5("dns", word), uuidv5("url", word), uuidv5("oid", word)]
  ]))
}
