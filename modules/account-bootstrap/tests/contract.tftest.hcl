# Who may become the roles, and what they are given. That the grants suffice and none is too many, the tests of the
# embedded environment show.

mock_provider "aws" {
  mock_resource "aws_iam_policy" {
    override_during = plan
    defaults        = { arn = "arn:aws:iam::222222222222:policy/bulkhead/bulkhead-deploy-boundary" }
  }
}

variables {
  account_id = "222222222222"
  kind       = "customer"
  customer   = "acme"
  regions    = ["eu-central-1", "eu-west-1"]
}

run "named_principals_are_pinned" {
  command = plan

  variables {
    deploy_principal_arns = ["arn:aws:iam::222222222222:role/owner", "arn:aws:iam::888888888888:role/ci/deploy"]
    plan_principal_arns   = ["arn:aws:iam::888888888888:role/ci/plan"]
  }

  assert {
    condition = jsondecode(aws_iam_role.this["deploy"].assume_role_policy).Statement == [
      {
        Sid       = "NamedPrincipals"
        Effect    = "Allow"
        Principal = { AWS = ["arn:aws:iam::222222222222:root", "arn:aws:iam::888888888888:root"] }
        Action    = "sts:AssumeRole"
        Condition = { StringEquals = { "aws:PrincipalArn" = ["arn:aws:iam::222222222222:role/owner", "arn:aws:iam::888888888888:role/ci/deploy"] } }
      },
    ]
    error_message = "The deploy role is not for the named principals alone."
  }

  assert {
    condition     = jsondecode(aws_iam_role.this["plan"].assume_role_policy).Statement[0].Condition.StringEquals["aws:PrincipalArn"] == ["arn:aws:iam::888888888888:role/ci/plan"]
    error_message = "The plan role is not for its own principals alone."
  }

  assert {
    condition     = length(aws_iam_openid_connect_provider.this) == 0
    error_message = "An identity provider was made that nobody asked for."
  }

  assert {
    condition     = alltrue([for role in aws_iam_role.this : role.permissions_boundary == "arn:aws:iam::222222222222:policy/bulkhead/bulkhead-deploy-boundary" && role.max_session_duration == 3600])
    error_message = "The roles need the boundary, and sessions of an hour."
  }

  # Named as the guardrails, the boundaries themselves and the harness name them.
  assert {
    condition = (
      { for key, role in aws_iam_role.this : key => "${role.path}${role.name}" } == { deploy = "/bulkhead/bulkhead-deploy", plan = "/bulkhead/bulkhead-plan" }
      && "${aws_iam_policy.deploy_boundary.path}${aws_iam_policy.deploy_boundary.name}" == "/bulkhead/bulkhead-deploy-boundary"
      && "${aws_iam_policy.boundary.path}${aws_iam_policy.boundary.name}" == "/bulkhead/bulkhead-boundary"
    )
    error_message = "A role or a boundary has another name than others know it by."
  }

  assert {
    condition = alltrue([
      for key in ["deploy", "plan"] : (
        aws_iam_role_policies_exclusive.this[key].role_name == aws_iam_role.this[key].name
        && aws_iam_role_policies_exclusive.this[key].policy_names == toset([aws_iam_role_policy.this[key].name])
        && aws_iam_role_policy_attachments_exclusive.this[key].role_name == aws_iam_role.this[key].name
        && length(aws_iam_role_policy_attachments_exclusive.this[key].policy_arns) == 0
      )
    ])
    error_message = "What somebody adds to the roles by hand stays."
  }
}

run "a_boundary_that_aws_would_refuse_is_named" {
  command = plan

  variables {
    caller_role           = "${join("/", [for n in range(100) : "a-long-part-of-a-path"])}/app"
    deploy_principal_arns = ["arn:aws:iam::222222222222:role/owner"]
    plan_principal_arns   = ["arn:aws:iam::222222222222:role/owner"]
  }

  expect_failures = [aws_iam_policy.deploy_boundary]
}

run "a_trust_that_aws_would_refuse_is_named" {
  command = plan

  variables {
    deploy_principal_arns = [for n in range(60) : "arn:aws:iam::222222222222:role/owner-${n}"]
    plan_principal_arns   = ["arn:aws:iam::222222222222:role/owner"]
  }

  expect_failures = [aws_iam_role.this]
}

run "rights_that_aws_would_refuse_are_named" {
  command = plan

  variables {
    regions               = [for n in range(60) : "eu-${join("", [for letter in range(n + 1) : "a"])}-1"]
    deploy_principal_arns = ["arn:aws:iam::222222222222:role/owner"]
    plan_principal_arns   = ["arn:aws:iam::222222222222:role/owner"]
  }

  expect_failures = [aws_iam_role_policy.this]
}

run "jobs_are_pinned_by_audience_and_subject" {
  command = plan

  variables {
    github = { repository = "acme/live", deploy_environment = "production", plan_environment = "plan" }
    gitlab = { project = "acme/live", deploy_branch = "main", plan_branch = "next" }
  }

  assert {
    condition = jsondecode(aws_iam_role.this["deploy"].assume_role_policy).Statement == [
      {
        Sid       = "JobsOfGithub"
        Effect    = "Allow"
        Principal = { Federated = "arn:aws:iam::222222222222:oidc-provider/token.actions.githubusercontent.com" }
        Action    = "sts:AssumeRoleWithWebIdentity"
        Condition = {
          StringEquals = {
            "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
            "token.actions.githubusercontent.com:sub" = "repo:acme/live:environment:production"
          }
        }
      },
      {
        Sid       = "JobsOfGitlab"
        Effect    = "Allow"
        Principal = { Federated = "arn:aws:iam::222222222222:oidc-provider/gitlab.com" }
        Action    = "sts:AssumeRoleWithWebIdentity"
        Condition = {
          StringEquals = {
            "gitlab.com:aud" = "sts.amazonaws.com"
            "gitlab.com:sub" = "project_path:acme/live:ref_type:branch:ref:main"
          }
        }
      },
    ]
    error_message = "The deploy role is not for jobs of one environment and one branch."
  }

  assert {
    condition = [for s in jsondecode(aws_iam_role.this["plan"].assume_role_policy).Statement : values(s.Condition.StringEquals)[1]] == [
      "repo:acme/live:environment:plan", "project_path:acme/live:ref_type:branch:ref:next",
    ]
    error_message = "The plan role is not for jobs of its own environment and branch."
  }

  assert {
    condition = { for key, provider in aws_iam_openid_connect_provider.this : key => [provider.url, one(provider.client_id_list)] } == {
      github = ["https://token.actions.githubusercontent.com", "sts.amazonaws.com"]
      gitlab = ["https://gitlab.com", "sts.amazonaws.com"]
    }
    error_message = "Both identity providers are needed."
  }
}

run "a_repository_is_named_with_its_ids" {
  command = plan

  variables {
    github = { repository = "acme@123456/live@456789", deploy_environment = "production", plan_environment = "plan" }
  }

  assert {
    condition = { for key, role in aws_iam_role.this : key => jsondecode(role.assume_role_policy).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:sub"] } == {
      deploy = "repo:acme@123456/live@456789:environment:production"
      plan   = "repo:acme@123456/live@456789:environment:plan"
    }
    error_message = "Tokens of repositories made since July 2026 name the owner's and the repository's id."
  }
}

run "providers_of_another_stack_are_left_alone" {
  command = plan

  variables {
    github                    = { repository = "acme/live", deploy_environment = "production", plan_environment = "plan" }
    create_identity_providers = false
  }

  assert {
    condition     = length(aws_iam_openid_connect_provider.this) == 0
    error_message = "A provider that another stack made would be made twice."
  }
}

run "somebody_must_get_in" {
  command = plan

  expect_failures = [aws_iam_role.this]
}

run "the_plan_role_gets_the_reads_alone" {
  command = plan

  variables {
    deploy_principal_arns = ["arn:aws:iam::222222222222:role/owner"]
    plan_principal_arns   = ["arn:aws:iam::222222222222:role/owner"]
  }

  assert {
    condition     = alltrue([for s in jsondecode(aws_iam_role_policy.this["plan"].policy).Statement : startswith(s.Sid, "Read") && s.Effect == "Allow"])
    error_message = "The plan role was given more than what a refresh reads."
  }

  assert {
    condition     = length(jsondecode(aws_iam_role_policy.this["deploy"].policy).Statement) > length(jsondecode(aws_iam_role_policy.this["plan"].policy).Statement)
    error_message = "The deploy role was given no more than the plan role."
  }

  assert {
    condition = [for s in jsondecode(aws_iam_role_policy.this["deploy"].policy).Statement : s.Resource if s.Sid == "LogGroup"] == [
      ["arn:aws:logs:eu-central-1:222222222222:log-group:/bulkhead/acme/*", "arn:aws:logs:eu-west-1:222222222222:log-group:/bulkhead/acme/*"],
    ]
    error_message = "Grants name the customer's own log groups in every region of the module."
  }

  assert {
    condition     = [for s in jsondecode(aws_iam_role_policy.this["deploy"].policy).Statement : s.Action if s.Sid == "Retention"] == [["logs:PutRetentionPolicy"]]
    error_message = "The deploy role cannot set how long records are kept."
  }

  assert {
    condition     = alltrue([for word in ["{account}", "{region}", "{customer}", "{partition}", "{caller_role}", "{caller_name}"] : !strcontains(aws_iam_role_policy.this["deploy"].policy, word)])
    error_message = "A placeholder of grants.yaml was not filled in."
  }
}

run "only_the_owner_sets_a_retention_while_a_hold_lasts" {
  command = plan

  variables {
    legal_hold            = true
    deploy_principal_arns = ["arn:aws:iam::222222222222:role/owner"]
    plan_principal_arns   = ["arn:aws:iam::222222222222:role/owner"]
  }

  assert {
    condition = !strcontains(aws_iam_role_policy.this["deploy"].policy, "RetentionPolicy") && alltrue([
      for action in ["logs:CreateLogGroup", "logs:PutDataProtectionPolicy"] : strcontains(aws_iam_role_policy.this["deploy"].policy, action)
    ])
    error_message = "The deploy role could make records expire that must be kept, or deploys no more."
  }
}

run "of_a_role_that_the_customer_made_nothing_but_rights_are_given" {
  command = plan

  variables {
    caller_role           = "apps/summaries"
    caller_is_made        = false
    deploy_principal_arns = ["arn:aws:iam::222222222222:role/owner"]
    plan_principal_arns   = ["arn:aws:iam::222222222222:role/owner"]
  }

  assert {
    condition = toset(flatten([
      for s in jsondecode(aws_iam_role_policy.this["deploy"].policy).Statement :
      s.Action if length([for arn in s.Resource : arn if strcontains(arn, ":iam:")]) > 0 && !startswith(s.Sid, "Read")
      ])) == toset([
      "iam:AttachRolePolicy", "iam:CreatePolicy", "iam:DeletePolicy", "iam:DetachRolePolicy", "iam:ListPolicyVersions",
      "iam:TagPolicy", "iam:UntagPolicy",
    ])
    error_message = "The deploy role may do more with the customer's role than give it its rights."
  }

  assert {
    condition = [for s in jsondecode(aws_iam_role_policy.this["deploy"].policy).Statement : [s.Resource, s.Condition] if contains(s.Action, "iam:AttachRolePolicy")] == [[
      ["arn:aws:iam::222222222222:role/apps/summaries"],
      {
        ArnEquals = { "iam:PermissionsBoundary" = "arn:aws:iam::222222222222:policy/bulkhead/bulkhead-boundary" }
        ArnLike   = { "iam:PolicyARN" = "arn:aws:iam::222222222222:policy/bulkhead/caller/summaries/*" }
      },
    ]]
    error_message = "Another policy is attached, to another role, or to one without the boundary."
  }

  assert {
    condition     = [for s in jsondecode(aws_iam_role_policy.this["deploy"].policy).Statement : s.Resource if contains(s.Action, "iam:CreatePolicy")] == [["arn:aws:iam::222222222222:policy/bulkhead/caller/summaries/*"]]
    error_message = "The deploy role writes another policy than that of the caller."
  }

  assert {
    condition = {
      for s in jsondecode(aws_iam_policy.deploy_boundary.policy).Statement : s.Sid => [s.Action, try(s.Condition, {})] if contains(["NoInlinePolicies", "NoNewVersions", "OnePolicyOnly"], s.Sid)
      } == {
      NoInlinePolicies = [["iam:DeleteRolePolicy", "iam:PutRolePolicy"], {}]
      NoNewVersions    = [["iam:CreatePolicyVersion", "iam:SetDefaultPolicyVersion"], {}]
      OnePolicyOnly    = [["iam:AttachRolePolicy", "iam:DetachRolePolicy"], { ArnNotLike = { "iam:PolicyARN" = "arn:aws:iam::222222222222:policy/bulkhead/caller/summaries/*" } }]
    }
    error_message = "What the deploy role is given could reach the customer's own policies."
  }

  assert {
    condition     = !strcontains(aws_iam_policy.deploy_boundary.policy, "{}")
    error_message = "A statement has an empty condition."
  }

  assert {
    condition     = [for s in jsondecode(aws_iam_policy.deploy_boundary.policy).Statement : s.NotResource if s.Sid == "OwnRolesOnly"] == [["arn:aws:iam::222222222222:role/bulkhead/bulkhead-caller"]]
    error_message = "The deploy role could say who becomes the customer's role."
  }
}

run "operations_make_fleet_roles_within_their_boundaries" {
  command = plan

  variables {
    account_id            = "111111111111"
    kind                  = "operations"
    customer              = ""
    deploy_principal_arns = ["arn:aws:iam::111111111111:role/owner"]
    plan_principal_arns   = ["arn:aws:iam::111111111111:role/owner"]
  }

  assert {
    condition = [for s in jsondecode(aws_iam_policy.deploy_boundary.policy).Statement : s.Condition.ArnNotLike["iam:PermissionsBoundary"] if s.Sid == "NoRoleWithoutBoundary"] == [
      ["arn:aws:iam::111111111111:policy/bulkhead/bulkhead-boundary", "arn:aws:iam::111111111111:policy/bulkhead/fleet/*-boundary"],
    ]
    error_message = "Roles of operations need a boundary: the account's or a fleet role's."
  }
}

run "what_the_spend_rule_hears_goes_to_the_executor_alone" {
  command = plan

  variables {
    account_id            = "111111111111"
    kind                  = "operations"
    customer              = ""
    deploy_principal_arns = ["arn:aws:iam::111111111111:role/owner"]
    plan_principal_arns   = ["arn:aws:iam::111111111111:role/owner"]
  }

  assert {
    condition = [for s in jsondecode(aws_iam_role_policy.this["deploy"].policy).Statement : [s.Sid, s.Condition] if contains(s.Action, "events:PutTargets")] == [
      ["SpendRuleTarget", {
        "ForAllValues:ArnLike" = { "events:TargetArn" = "arn:aws:states:*:111111111111:stateMachine:bulkhead-spend-stop" }
        Null                   = { "events:TargetArn" = "false" }
      }],
    ]
    error_message = "The deploy role may send what the rule hears somewhere else."
  }
}

run "executors_attach_stops_to_fleet_roles_and_nothing_else" {
  command = plan

  variables {
    account_id            = "111111111111"
    kind                  = "operations"
    customer              = ""
    deploy_principal_arns = ["arn:aws:iam::111111111111:role/owner"]
    plan_principal_arns   = ["arn:aws:iam::111111111111:role/owner"]
  }

  assert {
    condition = [for s in jsondecode(aws_iam_policy.boundary.policy).Statement : s.Condition if s.Sid == "NoIdentities"] == [
      { ArnNotLike = { "iam:PolicyARN" = "arn:aws:iam::111111111111:policy/bulkhead/fleet/bulkhead-spend-*-stop" } },
    ]
    error_message = "An executor may attach another policy than a stop."
  }

  assert {
    condition = {
      for s in jsondecode(aws_iam_policy.boundary.policy).Statement : s.Sid => [try(s.Action, ""), try(s.NotAction, []), try(s.Resource, ""), try(s.NotResource, "")] if contains(["NoOtherMachine", "NoStopOfOthers", "OnlyStops"], s.Sid)
      } == {
      NoOtherMachine = ["states:*", [], "", "arn:aws:states:*:111111111111:stateMachine:bulkhead-spend-stop"]
      NoStopOfOthers = ["iam:Attach*", [], "", "arn:aws:iam::111111111111:role/bulkhead/fleet/*"]
      OnlyStops      = ["", ["iam:AttachRolePolicy", "states:StartExecution"], "*", ""]
    }
    error_message = "An executor may take a stop off, give others rights by one, or do what it has no duty to."
  }

  assert {
    condition = [for s in jsondecode(aws_iam_policy.deploy_boundary.policy).Statement : contains(s.Action, "states:UpdateStateMachine") if s.Sid == "NoCodeOfOthers"] == [false] && [
      for s in jsondecode(aws_iam_policy.deploy_boundary.policy).Statement : s.NotResource if s.Sid == "OwnRolesOnly"
    ] == [["arn:aws:iam::111111111111:role/bulkhead/fleet/*", "arn:aws:iam::111111111111:role/bulkhead/spend/*"]]
    error_message = "The deploy role cannot change the executor, or reaches roles that are none of its own."
  }
}

run "customers_boundaries_know_every_way_to_the_records" {
  command = plan

  variables {
    deploy_principal_arns = ["arn:aws:iam::222222222222:role/owner"]
    plan_principal_arns   = ["arn:aws:iam::222222222222:role/owner"]
  }

  assert {
    condition = alltrue([
      for document in [aws_iam_policy.deploy_boundary.policy, aws_iam_policy.boundary.policy] : alltrue([
        for action in ["aiops:*", "cloudwatch:GetInsightRuleReport", "cloudwatch:PutInsightRule", "cloudwatch:PutManagedInsightRules", "lambda:UpdateFunction*", "logs:AssociateKmsKey", "logs:DeleteLog*", "logs:PutLogGroupDeletionProtection"] :
        anytrue([for s in jsondecode(document).Statement : s.Effect == "Deny" && contains(flatten([try(s.Action, [])]), action)])
      ])
    ])
    error_message = "A boundary leaves a way to the records open."
  }

  assert {
    condition = [for s in jsondecode(aws_iam_policy.boundary.policy).Statement : [can(s.Condition), contains(s.Action, "iam:Attach*"), contains(s.Action, "iam:Deactivate*")] if s.Sid == "NoIdentities"] == [
      [false, true, true],
    ]
    error_message = "A role that is made may write to IAM."
  }

  assert {
    condition     = [for s in jsondecode(aws_iam_policy.deploy_boundary.policy).Statement : s.NotResource if s.Sid == "OwnRolesOnly"] == [["arn:aws:iam::222222222222:role/bulkhead/bulkhead-caller"]]
    error_message = "The deploy role writes the trust of other roles than the caller's."
  }

  assert {
    condition     = !strcontains(aws_iam_role_policy.this["deploy"].policy, "logs:AssociateKmsKey")
    error_message = "The deploy role may give a log group another key."
  }
}

run "organization_makes_no_role" {
  command = plan

  variables {
    account_id            = "999999999999"
    kind                  = "organization"
    customer              = ""
    deploy_principal_arns = ["arn:aws:iam::999999999999:role/owner"]
    plan_principal_arns   = ["arn:aws:iam::999999999999:role/owner"]
  }

  assert {
    condition     = [for s in jsondecode(aws_iam_policy.deploy_boundary.policy).Statement : [s.Resource, can(s.NotResource)] if s.Sid == "OwnRolesOnly"] == [["*", false]]
    error_message = "The deploy role of the management account writes some role's trust."
  }

  # Five kilobytes and a bit of six, so that a customer with a long key still fits.
  assert {
    condition     = length(aws_iam_policy.deploy_boundary.policy) <= 5600 && length(aws_iam_policy.boundary.policy) <= 5600
    error_message = "The boundaries have ${length(aws_iam_policy.deploy_boundary.policy)} and ${length(aws_iam_policy.boundary.policy)} characters."
  }
}
