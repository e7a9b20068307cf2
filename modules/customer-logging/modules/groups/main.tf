# What the log groups of a customer and their keys are called: the one place that says it, for whoever makes the groups
# (customer-logging), the keys (log-keys) and the readers (log-readers), which are applied at different times.

locals {
  names = {
    records = "${var.customer}/bedrock"
    content = "${var.customer}/content"
  }
}
