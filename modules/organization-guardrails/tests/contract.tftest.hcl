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

run "identity_providers_open_no_role_of_operations" {
  command = plan

  assert {
    condition = [
      for s in jsondecode(aws_organizations_policy.this["operations-rcp"].content).Statement : s if s.Sid == "RolesForNoFederation"
      ] == [{
        Sid       = "RolesForNoFederation"
        Effect    = "Deny"
        Principal = "*"
        Action    = ["sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity"]
        Resource  = "*"
    }]
    error_message = "The RCP lets somebody with a token into a role of operations."
  }
}

run "listed_roles_take_identity_providers" {
  command = plan

  variables {
    federated_role_arns = ["arn:aws:iam::111111111111:role/ci"]
  }

  assert {
    condition = [
      for s in jsondecode(aws_organizations_policy.this["operations-rcp"].content).Statement : [s.NotResource, can(s.Resource)] if s.Sid == "RolesForNoFederation"
    ] == [[["arn:aws:iam::111111111111:role/ci"], false]]
    error_message = "The RCP does not spare the listed roles, or it spares others."
  }
}

run "break_glass_keeps_the_other_conditions" {
  command = plan

  variables {
    break_glass_role_arns = ["arn:aws:iam::111111111111:role/glass"]
  }

  assert {
    condition = [
      for s in jsondecode(aws_organizations_policy.this["operations-scp"].content).Statement : s.Condition if s.Sid == "MantleWithoutResource"
      ] == [{
        Null            = { "bedrock-mantle:DataRetentionMode" = "true" }
        StringNotEquals = { "aws:PrincipalArn" = ["arn:aws:iam::111111111111:role/glass"] }
    }]
    error_message = "A break-glass role takes the place of a statement's own condition."
  }
}

run "the_records_tag_stays" {
  command = plan

  assert {
    condition = [
      for s in jsondecode(aws_organizations_policy.this["customers-scp"].content).Statement : s.Condition if s.Sid == "Tags"
      ] == [{
        "ForAnyValue:StringEquals" = { "aws:TagKeys" = ["bulkhead:customer"] }
        Null                       = { "aws:ResourceTag/bulkhead:customer" = "false" }
    }]
    error_message = "The tag that keys are known by can be taken away, or cannot be given."
  }
}

run "no_administrator_roles_no_statements" {
  command = plan

  variables {
    administrator_role_names = []
  }

  assert {
    condition = length(setintersection(
      jsondecode(aws_organizations_policy.this["customers-scp"].content).Statement[*].Sid, ["ReadingByAdministrators", "AdministratorsAsOthers"],
    )) == 0
    error_message = "A statement about no role would deny nobody, or everybody."
  }
}

run "an_account_of_another_organization_cannot_be_guarded" {
  command = plan

  variables {
    customer_account_ids = ["333333333333"]
  }

  expect_failures = [data.aws_organizations_organization.this]
}
