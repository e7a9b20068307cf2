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
      condition     = !contains(setunion(local.guarded, var.held_account_ids), self.master_account_id)
      error_message = "The operations account, a customer's or one that is held is the organization's management account, which no SCP or RCP binds. Use a member account."
    }
    postcondition {
      condition     = length(setsubtract(local.guarded, self.accounts[*].id)) == 0
      error_message = "Not in this organization, so that its policies cannot bind them: ${join(", ", setsubtract(local.guarded, self.accounts[*].id))}. Set own_organization for customers of other organizations."
    }
    postcondition {
      condition     = length(setsubtract(var.held_account_ids, self.accounts[*].id)) == 0
      error_message = "Not in this organization, so that a hold cannot bind them: ${join(", ", setsubtract(var.held_account_ids, self.accounts[*].id))}. Take them from held_account_ids: there the policies of another organization hold records, or none."
    }
    postcondition {
      condition     = var.allow_log_centralization || !contains(self.aws_service_access_principals, "observabilityadmin.amazonaws.com")
      error_message = "CloudWatch has trusted access to the organization: the management account, which no SCP binds, can copy every log group anywhere. Disable it (aws organizations disable-aws-service-access), or set allow_log_centralization."
    }
  }
}

data "aws_region" "this" {}

locals {
  region = data.aws_region.this.id

  members = { for key, customer in var.customers : key => sort(customer.accounts) if !customer.own_organization }
  guarded = setunion([var.operations_account_id], flatten(values(local.members)))
  held    = sort(concat(tolist(var.held_account_ids), flatten([for key, accounts in local.members : accounts if var.customers[key].legal_hold])))
  # A hold knows keys by the tag that customers-scp keeps on them.
  recording = sort(concat(tolist(var.held_account_ids), flatten(values(local.members))))
  fleet     = setunion(local.guarded, flatten([for customer in var.customers : sort(customer.accounts)]))
  strangers = [for key, customer in var.customers : key if customer.own_organization]

  scp = "SERVICE_CONTROL_POLICY"
  rcp = "RESOURCE_CONTROL_POLICY"

  handed_over_scps = { for key in local.strangers : key => local.scp_documents[var.customers[key].legal_hold ? "customers-held-scp" : "customers-scp"] }

  policies = merge(
    {
      operations-scp        = { type = local.scp, content = local.scp_documents["operations-scp"], description = "What a customer wrote does not rest in the account that holds the Bedrock quotas." }
      operations-change-scp = { type = local.scp, content = local.scp_documents["operations-change-scp"], description = "Who may change what keeps customers apart in the account that holds the Bedrock quotas." }
      operations-rcp        = { type = local.rcp, content = local.operations_rcp, description = "Which accounts may assume roles of the account that holds the Bedrock quotas." }
    },
    { for name in ["customers-scp"] : name => { type = local.scp, content = local.scp_documents[name], description = "Ways for a customer's records to leave its account." } if length(local.recording) > 0 },
    # There before anybody is held, so that a hold is one attachment.
    { for name in ["held-scp"] : name => { type = local.scp, content = local.scp_documents[name], description = "While a legal hold lasts, nobody ends a customer's records." } if length(local.recording) > 0 },
    { for key in keys(local.members) : "customer-${key}-rcp" => { type = local.rcp, content = local.customer_rcps["customer-${key}-rcp"], description = "The customer's records and their key are for its own accounts." } },
  )

  targets = merge(
    { for name in ["operations-scp", "operations-change-scp", "operations-rcp"] : name => [var.operations_account_id] },
    { for name in ["customers-scp"] : name => local.recording if length(local.recording) > 0 },
    { for name in ["held-scp"] : name => local.held if length(local.recording) > 0 },
    { for key, accounts in local.members : "customer-${key}-rcp" => accounts },
  )

  attachments = merge([for name, accounts in local.targets : { for account in accounts : "${name}/${account}" => { policy = name, account = account } }]...)

  # Pages of AWS say 5,120 characters or 10,240 for an SCP: what fits the lower figure fits.
  longest = 5120
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
      condition     = length(each.value.content) <= local.longest
      error_message = "${each.key} has ${length(each.value.content)} characters; AWS allows ${format("%d", local.longest)}. List fewer accounts, regions or roles."
    }
  }
}

# On the accounts themselves, so that an account that is moved to another organizational unit keeps them.
resource "aws_organizations_policy_attachment" "this" {
  for_each = local.attachments

  policy_id = aws_organizations_policy.this[each.value.policy].id
  target_id = each.value.account
}
