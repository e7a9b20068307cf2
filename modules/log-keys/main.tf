# The keys of a customer's log groups. Applied by the account's owner, before customer-logging: whoever makes a key says
# who may use it. The policy is in policies.tf.

data "aws_region" "current" {}

# Made later, by customer-logging, under these very names.
module "groups" {
  source = "../customer-logging/modules/groups"

  partition  = var.partition
  region     = local.region
  account_id = var.account_id
  customer   = var.customer
}

locals {
  region = data.aws_region.current.id

  # What models were asked and answered has a key of its own: deleting it makes that unreadable at once. CloudWatch
  # cannot delete single events.
  groups = { for key, group in module.groups.groups : key => group if key == "records" || var.content }

  # Neither a hold nor keeping lets a destroy take the keys along.
  is_kept = var.keep_on_destroy || var.legal_hold

  tags = merge(var.tags, { "bulkhead:customer" = var.customer })
}

resource "aws_kms_key" "logs" {
  for_each = local.groups

  description             = "Encrypts the log group ${each.value.name} and nothing else."
  policy                  = local.key_policies[each.key]
  enable_key_rotation     = true
  deletion_window_in_days = var.key_deletion_window_in_days
  tags                    = local.tags
}

resource "aws_kms_alias" "logs" {
  for_each = local.groups

  name          = each.value.key_alias
  target_key_id = aws_kms_key.logs[each.key].key_id
}
