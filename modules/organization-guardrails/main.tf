# Guardrails of the organization around the operations account and the customers' accounts: service control
# policies (SCPs) and resource control policies (RCPs). What they deny is in policies.tf.

data "aws_organizations_organization" "this" {
  lifecycle {
    postcondition {
      condition     = length(self.roots) > 0
      error_message = "The module must be applied in the organization's management account."
    }
    postcondition {
      condition = alltrue([
        for type in ["SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"] :
        anytrue([for enabled in try(self.roots[0].policy_types, []) : enabled.type == type && enabled.status == "ENABLED"])
      ])
      error_message = "Service control policies and resource control policies must be enabled on the organization's root (aws organizations enable-policy-type)."
    }
    postcondition {
      condition     = !contains(local.guarded, self.master_account_id)
      error_message = "The operations account or a customer's account is the organization's management account, which no SCP or RCP binds. Use a member account."
    }
    postcondition {
      condition     = length(setsubtract(local.guarded, self.accounts[*].id)) == 0
      error_message = "Not in this organization, so that its policies cannot bind them: ${join(", ", setsubtract(local.guarded, self.accounts[*].id))}. List accounts of others under trusted_account_ids."
    }
    postcondition {
      condition     = var.allow_log_centralization || !contains(self.aws_service_access_principals, "observabilityadmin.amazonaws.com")
      error_message = "CloudWatch has trusted access to the organization: the management account, which no SCP binds, can copy every log group anywhere. Disable it (aws organizations disable-aws-service-access), or set allow_log_centralization."
    }
  }
}

locals {
  guarded = setunion([var.operations_account_id], var.customer_account_ids)

  policies = {
    operations-scp = { type = "SERVICE_CONTROL_POLICY", limit = 10240, content = local.operations_scp, description = "What nobody may do in the account that holds the Bedrock quotas." }
    operations-rcp = { type = "RESOURCE_CONTROL_POLICY", limit = 5120, content = local.operations_rcp, description = "Which accounts may assume roles of the account that holds the Bedrock quotas." }
    customers-scp  = { type = "SERVICE_CONTROL_POLICY", limit = 10240, content = local.customers_scp, description = "Ways for a customer's records to leave its account." }
    customers-rcp  = { type = "RESOURCE_CONTROL_POLICY", limit = 5120, content = local.customers_rcp, description = "A customer's records and their key are for its own account." }
  }

  attachments = merge(
    { for name in ["operations-scp", "operations-rcp"] : "${name}/${var.operations_account_id}" => { policy = name, account = var.operations_account_id } },
    { for pair in setproduct(["customers-scp", "customers-rcp"], var.customer_account_ids) : join("/", pair) => { policy = pair[0], account = pair[1] } },
  )
}

resource "aws_organizations_policy" "this" {
  for_each = local.policies

  name        = "${var.name_prefix}-${each.key}"
  description = each.value.description
  type        = each.value.type
  content     = each.value.content
  tags        = var.tags

  lifecycle {
    precondition {
      condition     = length(each.value.content) <= each.value.limit
      error_message = "${each.key} has ${length(each.value.content)} characters; AWS allows ${format("%d", each.value.limit)}. List fewer accounts or regions."
    }
  }
}

# On the accounts themselves, so that an account that is moved to another organizational unit keeps them.
resource "aws_organizations_policy_attachment" "this" {
  for_each = local.attachments

  policy_id = aws_organizations_policy.this[each.value.policy].id
  target_id = each.value.account
}
