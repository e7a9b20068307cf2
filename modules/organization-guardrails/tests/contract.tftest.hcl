# The policies that the module makes, and whom they are attached to.

mock_provider "aws" {
  override_data {
    target = data.aws_organizations_organization.this
    values = {
      master_account_id             = "999999999999"
      accounts                      = [{ id = "999999999999" }, { id = "111111111111" }, { id = "222222222222" }, { id = "222222222223" }, { id = "333333333333" }]
      aws_service_access_principals = []
      roots = [{
        policy_types = [
          { type = "SERVICE_CONTROL_POLICY", status = "ENABLED" },
          { type = "RESOURCE_CONTROL_POLICY", status = "ENABLED" },
        ]
      }]
    }
  }

  override_data {
    target = data.aws_region.this
    values = { id = "eu-central-1" }
  }
}

variables {
  operations_account_id = "111111111111"
  customers = {
    acme   = { accounts = ["222222222222", "222222222223"] }
    globex = { accounts = ["333333333333"] }
  }
  model_regions     = ["eu-central-1"]
  deployer_arns     = ["arn:aws:iam::111111111111:role/bulkhead/bulkhead-deploy"]
  bootstrapper_arns = ["arn:aws:iam::111111111111:role/OrganizationAccountAccessRole"]
}

run "roles_are_for_listed_accounts" {
  command = plan

  assert {
    condition = jsondecode(aws_organizations_policy.this["operations-rcp"].content).Statement[0].Condition == {
      StringNotEquals = { "aws:PrincipalAccount" = ["111111111111", "222222222222", "222222222223", "333333333333"] }
      BoolIfExists    = { "aws:PrincipalIsAWSService" = "false" }
    }
    error_message = "The RCP does not keep roles of operations for the listed accounts."
  }

  assert {
    condition = jsonencode(output.policy_accounts) == jsonencode({
      operations-scp        = ["111111111111"]
      operations-change-scp = ["111111111111"]
      operations-rcp        = ["111111111111"]
      customers-scp         = ["222222222222", "222222222223", "333333333333"]
      held-scp              = []
      customer-acme-rcp     = ["222222222222", "222222222223"]
      customer-globex-rcp   = ["333333333333"]
    })
    error_message = "A guardrail is not attached where it belongs."
  }

  assert {
    condition     = toset(keys(aws_organizations_policy_attachment.this)) == toset(flatten([for name, accounts in output.policy_accounts : [for account in accounts : "${name}/${account}"]]))
    error_message = "The attachments are not those that the output tells."
  }

  # AWS takes five of a type on one account; its own FullAWSAccess is the fifth.
  assert {
    condition = alltrue(flatten([
      for account in ["111111111111", "222222222222", "333333333333"] : [
        for type in ["SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"] :
        length([for name, accounts in output.policy_accounts : name if contains(accounts, account) && aws_organizations_policy.this[name].type == type]) <= 4
      ]
    ]))
    error_message = "An account has more policies of one type than AWS takes beside its own."
  }
}

run "a_hold_outlives_the_customer" {
  command = plan

  variables {
    customers        = { acme = { accounts = ["222222222222"] } }
    held_account_ids = ["333333333333"]
  }

  # With what keeps the tag on its keys, by which the hold knows them.
  assert {
    condition = jsonencode(output.policy_accounts) == jsonencode({
      operations-scp        = ["111111111111"]
      operations-change-scp = ["111111111111"]
      operations-rcp        = ["111111111111"]
      customers-scp         = ["222222222222", "333333333333"]
      held-scp              = ["333333333333"]
      customer-acme-rcp     = ["222222222222"]
    })
    error_message = "A customer that left took the hold off its records, or another is bound."
  }

  assert {
    condition     = !contains(jsondecode(aws_organizations_policy.this["operations-rcp"].content).Statement[0].Condition.StringNotEquals["aws:PrincipalAccount"], "333333333333")
    error_message = "An account of a customer that left may assume roles of operations."
  }
}

run "a_hold_binds_who_is_held" {
  command = plan

  variables {
    customers = {
      acme    = { accounts = ["222222222222", "222222222223"], legal_hold = true }
      globex  = { accounts = ["333333333333"] }
      initech = { accounts = ["444444444444"], own_organization = true, legal_hold = true }
      hooli   = { accounts = ["555555555555"], own_organization = true }
    }
  }

  assert {
    condition     = jsonencode(output.policy_accounts["held-scp"]) == jsonencode(["222222222222", "222222222223"])
    error_message = "A hold does not bind the accounts that are held, or it binds others."
  }

  assert {
    condition = [
      for s in jsondecode(aws_organizations_policy.this["held-scp"].content).Statement : [s.Sid, s.Effect, try(s.Condition, {})]
      ] == [
      ["HeldRecords", "Deny", {}],
      ["HeldKeys", "Deny", { StringLike = { "aws:ResourceTag/bulkhead:customer" = "*" } }],
      ["HeldAccount", "Deny", {}],
    ]
    error_message = "A hold spares somebody."
  }

  # Each of these by its own management account: what all are denied, and during a hold what is held.
  assert {
    condition = {
      for key, handed in output.handed_over_policies : key => [for s in jsondecode(handed.SERVICE_CONTROL_POLICY).Statement : s.Sid if startswith(s.Sid, "Held") || s.Sid == "Leaving"]
    } == { initech = ["Leaving", "HeldRecords", "HeldKeys", "HeldAccount"], hooli = ["Leaving"] }
    error_message = "What is handed over says nothing of a hold, or speaks of one where there is none."
  }
}

run "policies_are_minified" {
  command = plan

  assert {
    condition     = alltrue([for policy in aws_organizations_policy.this : policy.content == jsonencode(jsondecode(policy.content))])
    error_message = "A policy has white space, which counts."
  }

  assert {
    condition     = !anytrue([for policy in aws_organizations_policy.this : strcontains(policy.content, "{}")])
    error_message = "A policy has an empty condition, which counts too."
  }
}

run "a_customers_records_are_for_its_own_accounts" {
  command = plan

  assert {
    condition = [
      for statement in jsondecode(aws_organizations_policy.this["customer-acme-rcp"].content).Statement : statement.Condition.StringNotEquals
      if statement.Sid != "CallersForNoFederation"
      ] == [
      { "aws:PrincipalAccount" = ["222222222222", "222222222223"] },
      { "aws:PrincipalAccount" = ["222222222222", "222222222223"] },
      { "aws:PrincipalAccount" = ["222222222222", "222222222223"] },
    ]
    error_message = "The RCP does not keep a customer's records and callers for its accounts."
  }

  assert {
    condition = [
      for s in jsondecode(aws_organizations_policy.this["customer-acme-rcp"].content).Statement : s if startswith(s.Sid, "Callers")
      ] == [
      {
        Sid       = "CallersForOwnAccounts"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sts:AssumeRole"
        Resource  = ["arn:aws:iam::*:role/bulkhead/bulkhead-caller"]
        Condition = {
          StringNotEquals = { "aws:PrincipalAccount" = ["222222222222", "222222222223"] }
          BoolIfExists    = { "aws:PrincipalIsAWSService" = "false" }
        }
      },
      {
        Sid       = "CallersForNoFederation"
        Effect    = "Deny"
        Principal = "*"
        Action    = ["sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity"]
        Resource  = ["arn:aws:iam::*:role/bulkhead/bulkhead-caller"]
      },
    ]
    error_message = "A stranger whom a caller role's trust lets in becomes the caller."
  }
}

run "one_accounts_pods_come_with_their_clusters_token" {
  command = plan

  variables {
    customers = {
      acme = {
        accounts     = ["222222222222", "222222222223"]
        caller_roles = ["team/app", "bulkhead/bulkhead-caller"]
        pods = {
          "222222222223" = { provider = "oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF", namespace = "apps", service_account = "summaries" }
        }
      }
      globex = {
        accounts = ["333333333333"]
        pods = {
          "333333333333" = { provider = "oidc.eks.eu-central-1.amazonaws.com/id/FEDCBA9876543210FEDCBA9876543210", namespace = "shop", service_account = "chat" }
        }
      }
    }
  }

  assert {
    condition = [
      for s in jsondecode(aws_organizations_policy.this["customer-acme-rcp"].content).Statement : [s.Action, s.Resource] if s.Sid == "CallersForNoFederation"
    ] == [[["sts:AssumeRoleWithSAML"], ["arn:aws:iam::*:role/bulkhead/bulkhead-caller", "arn:aws:iam::*:role/team/app"]]]
    error_message = "Assertions open a caller role."
  }

  assert {
    condition = [
      for s in jsondecode(aws_organizations_policy.this["customer-acme-rcp"].content).Statement : s if s.Sid == "CallersForNoTokens"
      ] == [{
        Sid       = "CallersForNoTokens"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sts:AssumeRoleWithWebIdentity"
        Resource  = ["arn:aws:iam::*:role/team/app", "arn:aws:iam::222222222222:role/bulkhead/bulkhead-caller"]
    }]
    error_message = "A token opens a caller role that is not the pods', or the pods' own is closed."
  }

  assert {
    condition = [
      for s in jsondecode(aws_organizations_policy.this["customer-acme-rcp"].content).Statement : s if startswith(s.Sid, "PodsOf")
      ] == [{
        Sid       = "PodsOf222222222223"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sts:AssumeRoleWithWebIdentity"
        Resource  = "arn:aws:iam::222222222223:role/bulkhead/bulkhead-caller"
        Condition = { StringNotEquals = { "oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF:sub" = "system:serviceaccount:apps:summaries" } }
    }]
    error_message = "Others than the pods of one service account become the caller."
  }

  # Its only role takes its pods' token: no other is left to deny.
  assert {
    condition = [
      for s in jsondecode(aws_organizations_policy.this["customer-globex-rcp"].content).Statement : s.Sid
    ] == ["RecordsForOwnAccounts", "KeysForOwnAccounts", "CallersForOwnAccounts", "CallersForNoFederation", "PodsOf333333333333"]
    error_message = "A statement without resources, or without its pods."
  }
}

run "a_policy_that_is_too_long_is_named" {
  command = plan

  variables {
    trusted_account_ids = [for n in range(400) : format("%012d", n + 500000000000)]
  }

  expect_failures = [aws_organizations_policy.this]
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

  assert {
    condition     = jsondecode(aws_organizations_policy.this["operations-rcp"].content).Statement[*].Sid == ["RolesForListedAccounts", "RolesForNoFederation"]
    error_message = "A statement is about no role."
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

run "only_who_deploys_changes_fleet_roles" {
  command = plan

  assert {
    condition = {
      for s in jsondecode(aws_organizations_policy.this["operations-change-scp"].content).Statement : s.Sid => try(s.Condition.StringNotEquals["aws:PrincipalArn"], [])
      } == {
      ApiKeys           = []
      OtherIdentities   = ["arn:aws:iam::111111111111:role/OrganizationAccountAccessRole"]
      FleetRoles        = ["arn:aws:iam::111111111111:role/bulkhead/bulkhead-deploy"]
      Attachments       = ["arn:aws:iam::111111111111:role/bulkhead/bulkhead-deploy"]
      Stops             = ["arn:aws:iam::111111111111:role/bulkhead/bulkhead-deploy"]
      FleetPolicies     = ["arn:aws:iam::111111111111:role/bulkhead/bulkhead-deploy"]
      Profiles          = ["arn:aws:iam::111111111111:role/bulkhead/bulkhead-deploy"]
      Deployers         = ["arn:aws:iam::111111111111:role/OrganizationAccountAccessRole"]
      Watching          = ["arn:aws:iam::111111111111:role/OrganizationAccountAccessRole", "arn:aws:iam::111111111111:role/bulkhead/bulkhead-deploy"]
      Receiving         = []
      Leaving           = []
      LogCentralization = []
    }
    error_message = "A statement spares somebody it should not, or not who must work."
  }

  assert {
    condition     = [for s in jsondecode(aws_organizations_policy.this["operations-change-scp"].content).Statement : keys(s.Condition) if s.Sid == "Attachments"] == [["StringNotEquals"]]
    error_message = "Where there are no stops, nothing is attached as one."
  }

  assert {
    condition = [
      for s in jsondecode(aws_organizations_policy.this["operations-change-scp"].content).Statement : s.Resource if s.Sid == "Deployers"
      ] == [[
        "arn:aws:iam::111111111111:policy/bulkhead/bulkhead-*",
        "arn:aws:iam::111111111111:role/OrganizationAccountAccessRole",
        "arn:aws:iam::111111111111:role/bulkhead/bulkhead-audit",
        "arn:aws:iam::111111111111:role/bulkhead/bulkhead-deploy",
        "arn:aws:iam::111111111111:role/bulkhead/bulkhead-plan",
    ]]
    error_message = "Somebody else can make itself who bootstraps, deploys or plans."
  }

  assert {
    condition     = length(aws_cloudwatch_event_rule.break_glass) == 0
    error_message = "There is an alarm for no role."
  }
}

run "stops_go_on_by_anybody_and_off_by_their_executor" {
  command = plan

  variables {
    stop_policy_arns   = ["arn:aws:iam::111111111111:policy/bulkhead/fleet/bulkhead-*-stop"]
    stop_executor_arns = ["arn:aws:iam::111111111111:role/bulkhead/stop"]
  }

  assert {
    condition = {
      for s in jsondecode(aws_organizations_policy.this["operations-change-scp"].content).Statement : s.Sid => s.Condition if contains(["Attachments", "Stops"], s.Sid)
      } == {
      Attachments = {
        ArnNotLike      = { "iam:PolicyARN" = ["arn:aws:iam::111111111111:policy/bulkhead/fleet/bulkhead-*-stop"] }
        StringNotEquals = { "aws:PrincipalArn" = ["arn:aws:iam::111111111111:role/bulkhead/bulkhead-deploy"] }
      }
      Stops = { StringNotEquals = { "aws:PrincipalArn" = ["arn:aws:iam::111111111111:role/bulkhead/bulkhead-deploy", "arn:aws:iam::111111111111:role/bulkhead/stop"] } }
    }
    error_message = "A stop cannot be attached, or somebody else takes it off."
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

run "administrators_are_those_of_organizations_and_control_tower" {
  command = plan

  assert {
    condition = {
      for s in jsondecode(aws_organizations_policy.this["customers-scp"].content).Statement : s.Sid => s.Condition if contains(["ReadingByAdministrators", "AdministratorsAsOthers"], s.Sid)
      } == {
      for sid in ["ReadingByAdministrators", "AdministratorsAsOthers"] : sid => {
        ArnLike = { "aws:PrincipalArn" = ["arn:aws:iam::*:role/AWSControlTowerExecution", "arn:aws:iam::*:role/OrganizationAccountAccessRole"] }
      }
    }
    error_message = "An administrator from outside the account may read in it, or become somebody else."
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

run "roles_that_are_made_do_their_duty_alone" {
  command = plan

  assert {
    condition = [
      for s in jsondecode(aws_organizations_policy.this["operations-scp"].content).Statement : s if contains(["FleetRolesOnlyCall", "SpendRolesOnlyStop"], s.Sid)
      ] == [
      {
        Sid       = "FleetRolesOnlyCall"
        Effect    = "Deny"
        NotAction = ["bedrock:CountTokens", "bedrock:GetInferenceProfile", "bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]
        Resource  = "*"
        Condition = { ArnLike = { "aws:PrincipalArn" = "arn:aws:iam::111111111111:role/bulkhead/fleet/*" } }
      },
      {
        Sid       = "SpendRolesOnlyStop"
        Effect    = "Deny"
        NotAction = ["iam:AttachRolePolicy", "states:StartExecution"]
        Resource  = "*"
        Condition = { ArnLike = { "aws:PrincipalArn" = "arn:aws:iam::111111111111:role/bulkhead/spend/*" } }
      },
    ]
    error_message = "A role that the deploy role makes may do more than its duty."
  }
}
