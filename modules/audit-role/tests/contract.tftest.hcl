# Who becomes the role, and what it is given. That this suffices and none is too many, the tests of the embedded
# environment show.

mock_provider "aws" {}

variables {
  account_id = "222222222222"
  kind       = "customer"
}

run "named_principals_are_pinned" {
  command = plan

  variables {
    principal_arns = ["arn:aws:iam::888888888888:role/ci/audit"]
  }

  assert {
    condition = jsondecode(aws_iam_role.this.assume_role_policy).Statement == [
      {
        Sid       = "NamedPrincipals"
        Effect    = "Allow"
        Principal = { AWS = ["arn:aws:iam::888888888888:root"] }
        Action    = "sts:AssumeRole"
        Condition = { StringEquals = { "aws:PrincipalArn" = ["arn:aws:iam::888888888888:role/ci/audit"] } }
      },
    ]
    error_message = "The role is not for the named principals alone."
  }

  assert {
    condition     = aws_iam_role.this.path == "/bulkhead/" && aws_iam_role.this.name == "bulkhead-audit" && aws_iam_role.this.max_session_duration == 3600
    error_message = "The role needs its name, which guardrails and audits know, and sessions of an hour."
  }
}

run "jobs_are_pinned_by_audience_and_subject" {
  command = plan

  variables {
    github = { repository = "acme/live", deploy_environment = "production", plan_environment = "plan", audit_environment = "audit" }
    gitlab = { project = "acme/live", deploy_branch = "main", plan_branch = "next", audit_branch = "night" }
  }

  assert {
    condition = [for s in jsondecode(aws_iam_role.this.assume_role_policy).Statement : [s.Sid, s.Principal.Federated, s.Action, s.Condition]] == [
      [
        "JobsOfGithub", "arn:aws:iam::222222222222:oidc-provider/token.actions.githubusercontent.com", "sts:AssumeRoleWithWebIdentity",
        { StringEquals = { "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com", "token.actions.githubusercontent.com:sub" = "repo:acme/live:environment:audit" } },
      ],
      [
        "JobsOfGitlab", "arn:aws:iam::222222222222:oidc-provider/gitlab.com", "sts:AssumeRoleWithWebIdentity",
        { StringEquals = { "gitlab.com:aud" = "sts.amazonaws.com", "gitlab.com:sub" = "project_path:acme/live:ref_type:branch:ref:night" } },
      ],
    ]
    error_message = "Jobs are let in that do not audit."
  }
}

run "jobs_that_only_deploy_and_plan_are_not_let_in" {
  command = plan

  variables {
    principal_arns = ["arn:aws:iam::888888888888:role/ci/audit"]
    github         = { repository = "acme/live", deploy_environment = "production", plan_environment = "plan" }
    gitlab         = { project = "acme/live", deploy_branch = "main", plan_branch = "next" }
  }

  assert {
    condition     = [for s in jsondecode(aws_iam_role.this.assume_role_policy).Statement : s.Sid] == ["NamedPrincipals"]
    error_message = "Jobs are let in although no environment and no branch is named that audits."
  }
}

run "a_role_that_nobody_becomes_is_refused" {
  command = plan

  expect_failures = [aws_iam_role.this]
}

run "too_many_principals_for_the_trust_policy" {
  command = plan

  variables {
    principal_arns = [for n in range(50) : "arn:aws:iam::888888888888:role/ci/audit-${n}"]
  }

  expect_failures = [aws_iam_role.this]
}

run "it_reads_and_does_nothing_else" {
  command = plan

  variables {
    kind           = "organization"
    principal_arns = ["arn:aws:iam::888888888888:role/ci/audit"]
  }

  assert {
    condition = alltrue(flatten([
      for s in jsondecode(aws_iam_role_policy.this.policy).Statement : [
        for action in s.Action : s.Effect == "Allow" && can(regex("^[a-z0-9-]+:(Get|List|Describe)[A-Za-z0-9]+$", action))
      ]
    ]))
    error_message = "The role may do something that is not named as reading, or by a wildcard."
  }

  assert {
    condition     = [for s in jsondecode(aws_iam_role_policy.this.policy).Statement : s.Resource if s.Resource != "*"] == []
    error_message = "What decides access is read of every resource."
  }

  assert {
    condition     = aws_iam_role_policies_exclusive.this.policy_names == toset([aws_iam_role_policy.this.name]) && length(aws_iam_role_policy_attachments_exclusive.this.policy_arns) == 0
    error_message = "A policy that somebody adds to the role by hand must go with the next apply, and its own stay."
  }

  assert {
    condition     = [for s in jsondecode(aws_iam_role_policy.this.policy).Statement : s.Sid] == ["Principals", "Keys", "LogGroupsAndWaysOut", "SettingsOfBedrock", "PoliciesOfResources", "Organization", "CostTags"]
    error_message = "In the management account the organization is read, too."
  }
}

run "in_operations_models_are_read_and_no_organization" {
  command = plan

  variables {
    kind           = "operations"
    principal_arns = ["arn:aws:iam::888888888888:role/ci/audit"]
  }

  assert {
    condition     = [for s in jsondecode(aws_iam_role_policy.this.policy).Statement : s.Sid] == ["Principals", "Keys", "LogGroupsAndWaysOut", "SettingsOfBedrock", "PoliciesOfResources", "ModelAccess"]
    error_message = "In operations the access to models is read, too."
  }
}
