# The policies that the module makes, and whom they are attached to.

mock_provider "aws" {
  override_data {
    target = data.aws_organizations_organization.this
    values = {
      master_account_id             = "999999999999"
      accounts                      = [{ id = "999999999999" }, { id = "111111111111" }, { id = "222222222222" }]
      aws_service_access_principals = []
      roots = [{
        policy_types = [
          { type = "SERVICE_CONTROL_POLICY", status = "ENABLED" },
          { type = "RESOURCE_CONTROL_POLICY", status = "ENABLED" },
        ]
      }]
    }
  }
}

variables {
  operations_account_id = "111111111111"
  customer_account_ids  = ["222222222222"]
  model_regions         = ["eu-central-1"]
}

run "roles_are_for_listed_accounts" {
  command = plan

  assert {
    condition = jsondecode(aws_organizations_policy.this["operations-rcp"].content).Statement[0].Condition == {
      StringNotEquals = { "aws:PrincipalAccount" = ["111111111111", "222222222222"] }
      BoolIfExists    = { "aws:PrincipalIsAWSService" = "false" }
    }
    error_message = "The RCP does not keep roles of operations for the listed accounts."
  }

  assert {
    condition = toset(keys(aws_organizations_policy_attachment.this)) == toset([
      "operations-scp/111111111111", "operations-rcp/111111111111", "customers-scp/222222222222", "customers-rcp/222222222222",
    ])
    error_message = "A guardrail is not attached where it belongs."
  }
}

run "an_account_of_another_organization_cannot_be_guarded" {
  command = plan

  variables {
    customer_account_ids = ["333333333333"]
  }

  expect_failures = [data.aws_organizations_organization.this]
}
