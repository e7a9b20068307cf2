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
    condition     = toset(keys(aws_iam_openid_connect_provider.this)) == toset(["github", "gitlab"])
    error_message = "Both identity providers are needed."
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
    condition     = alltrue([for word in ["{account}", "{region}", "{customer}", "{partition}", "{caller_role}"] : !strcontains(aws_iam_role_policy.this["deploy"].policy, word)])
    error_message = "A placeholder of grants.yaml was not filled in."
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
