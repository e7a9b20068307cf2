# What runs the application on EKS, and roles that the customer made itself.

mock_provider "aws" {
  override_data {
    target = data.aws_region.current
    values = { id = "eu-central-1" }
  }
}

variables {
  customer       = "acme"
  account_id     = "222222222222"
  fleet_role_arn = "arn:aws:iam::111111111111:role/bulkhead/fleet/bulkhead-acme"
  kms_key_arns   = { records = "arn:aws:kms:eu-central-1:222222222222:key/0d9c2f1e-7b43-4a5e-9f60-3c1d2e8b7a95" }
}

run "one_service_account_becomes_the_caller" {
  command = plan

  variables {
    caller = {
      type            = "eks-irsa"
      oidc_provider   = "oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"
      namespace       = "shop"
      service_account = "chat"
    }
  }

  assert {
    condition = jsondecode(aws_iam_role.caller["caller"].assume_role_policy).Statement == [{
      Sid       = "ApplicationRuntime"
      Effect    = "Allow"
      Principal = { Federated = "arn:aws:iam::222222222222:oidc-provider/oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF" }
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = {
        StringEquals = {
          "oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF:aud" = "sts.amazonaws.com"
          "oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF:sub" = "system:serviceaccount:shop:chat"
        }
      }
    }]
    error_message = "A token must be for STS, and of this one service account."
  }
}

run "the_longest_trust_policy_fits" {
  command = plan

  variables {
    caller = {
      type            = "eks-irsa"
      oidc_provider   = "oidc.eks.ap-southeast-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"
      namespace       = join("", [for n in range(63) : "n"])
      service_account = join("", [for n in range(253) : "s"])
    }
  }

  assert {
    condition     = length(aws_iam_role.caller["caller"].assume_role_policy) <= 2048
    error_message = "IAM would refuse the trust policy of long names."
  }
}

run "pod_identity_sends_no_tags" {
  command = plan

  variables {
    caller                   = { type = "eks-pod-identity" }
    permissions_boundary_arn = "arn:aws:iam::222222222222:policy/bulkhead/boundary"
  }

  assert {
    condition = jsondecode(aws_iam_role.caller["caller"].assume_role_policy).Statement == [{
      Sid       = "ApplicationRuntime"
      Effect    = "Allow"
      Principal = { Service = "pods.eks.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
    error_message = "With sts:TagSession the pods' tags would follow into the operations account."
  }

  assert {
    condition     = aws_iam_role.caller["caller"].permissions_boundary == "arn:aws:iam::222222222222:policy/bulkhead/boundary"
    error_message = "Where an account asks for a boundary, the caller role must have it."
  }
}

run "an_existing_role_gets_the_policy_and_nothing_else" {
  command = plan

  variables {
    caller           = { type = "existing" }
    caller_role_path = "/team/"
    caller_role_name = "app"
  }

  override_data {
    target = data.aws_iam_role.existing
    values = {
      arn                = "arn:aws:iam::222222222222:role/team/app"
      name               = "app"
      assume_role_policy = "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"Service\":\"lambda.amazonaws.com\",\"AWS\":[\"arn:aws:iam::222222222222:role/runner\"]},\"Action\":\"sts:AssumeRole\"},{\"Effect\":\"Deny\",\"Principal\":\"*\",\"Action\":\"sts:TagSession\"}]}"
    }
  }

  assert {
    condition     = length(aws_iam_role.caller) == 0 && length(aws_iam_role_policies_exclusive.caller) == 0 && length(aws_iam_role_policy.caller) == 0 && aws_iam_role_policy_attachment.caller["caller"].role == "app"
    error_message = "Of a role that the customer made, only our own policy is ours."
  }

  assert {
    condition     = aws_iam_policy.caller["caller"].path == "/bulkhead/caller/app/" && length(aws_iam_policy.caller["caller"].policy) <= 6144
    error_message = "The deploy role may attach a policy of that path alone."
  }

  assert {
    condition     = aws_iam_policy.caller["caller"].name == "app-${substr(sha256(aws_iam_policy.caller["caller"].policy), 0, 12)}"
    error_message = "The deploy role may write no version of a policy: another content needs another name."
  }

  assert {
    condition     = output.caller_role_arn == "arn:aws:iam::222222222222:role/team/app"
    error_message = "The operations account pins the existing role."
  }
}

run "more_parameters_than_a_policy_holds_are_refused" {
  command = plan

  variables {
    caller         = { type = "existing" }
    parameter_arns = [for n in range(80) : "arn:aws:ssm:eu-central-1:222222222222:parameter/bulkhead/acme/${n}"]
  }

  override_data {
    target = data.aws_iam_role.existing
    values = {
      arn                = "arn:aws:iam::222222222222:role/bulkhead/bulkhead-caller"
      name               = "bulkhead-caller"
      assume_role_policy = "{\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"Service\":\"lambda.amazonaws.com\"},\"Action\":\"sts:AssumeRole\"}]}"
    }
  }

  expect_failures = [aws_iam_policy.caller]
}

run "an_existing_role_at_another_path_is_refused" {
  command = plan

  variables {
    caller = { type = "existing" }
  }

  override_data {
    target = data.aws_iam_role.existing
    values = {
      arn                = "arn:aws:iam::222222222222:role/team/bulkhead-caller"
      assume_role_policy = "{\"Statement\":{\"Effect\":\"Allow\",\"Principal\":{\"Service\":\"lambda.amazonaws.com\"},\"Action\":\"sts:AssumeRole\"}}"
    }
  }

  expect_failures = [data.aws_iam_role.existing]
}

run "an_existing_role_that_trusts_its_whole_account_is_refused" {
  command = plan

  variables {
    caller = { type = "existing" }
  }

  override_data {
    target = data.aws_iam_role.existing
    values = {
      arn                = "arn:aws:iam::222222222222:role/bulkhead/bulkhead-caller"
      assume_role_policy = "{\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"arn:aws:iam::222222222222:root\"},\"Action\":\"sts:AssumeRole\"}]}"
    }
  }

  expect_failures = [data.aws_iam_role.existing]
}

run "an_existing_role_that_trusts_everybody_is_refused" {
  command = plan

  variables {
    caller = { type = "existing" }
  }

  override_data {
    target = data.aws_iam_role.existing
    values = {
      arn                = "arn:aws:iam::222222222222:role/bulkhead/bulkhead-caller"
      assume_role_policy = "{\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"sts:AssumeRole\"}]}"
    }
  }

  expect_failures = [data.aws_iam_role.existing]
}

run "an_existing_role_without_the_boundary_is_refused" {
  command = plan

  variables {
    caller                   = { type = "existing" }
    permissions_boundary_arn = "arn:aws:iam::222222222222:policy/bulkhead/bulkhead-boundary"
  }

  override_data {
    target = data.aws_iam_role.existing
    values = {
      arn                  = "arn:aws:iam::222222222222:role/bulkhead/bulkhead-caller"
      permissions_boundary = "arn:aws:iam::222222222222:policy/other"
      assume_role_policy   = "{\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"Service\":\"lambda.amazonaws.com\"},\"Action\":\"sts:AssumeRole\"}]}"
    }
  }

  expect_failures = [data.aws_iam_role.existing]
}

run "an_existing_role_with_the_boundary_is_taken" {
  command = plan

  variables {
    caller                   = { type = "existing" }
    permissions_boundary_arn = "arn:aws:iam::222222222222:policy/bulkhead/bulkhead-boundary"
  }

  override_data {
    target = data.aws_iam_role.existing
    values = {
      arn                  = "arn:aws:iam::222222222222:role/bulkhead/bulkhead-caller"
      name                 = "bulkhead-caller"
      permissions_boundary = "arn:aws:iam::222222222222:policy/bulkhead/bulkhead-boundary"
      assume_role_policy   = "{\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"Service\":\"lambda.amazonaws.com\"},\"Action\":\"sts:AssumeRole\"}]}"
    }
  }

  assert {
    condition     = aws_iam_role_policy_attachment.caller["caller"].role == "bulkhead-caller"
    error_message = "A role that has the boundary is refused."
  }
}

run "an_existing_role_for_tokens_is_refused_however_exact" {
  command = plan

  variables {
    caller = { type = "existing" }
  }

  override_data {
    target = data.aws_iam_role.existing
    values = {
      arn                = "arn:aws:iam::222222222222:role/bulkhead/bulkhead-caller"
      name               = "bulkhead-caller"
      assume_role_policy = "{\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"Service\":\"ecs-tasks.amazonaws.com\"},\"Action\":\"sts:AssumeRole\"},{\"Effect\":\"Allow\",\"Principal\":{\"Federated\":\"arn:aws:iam::222222222222:oidc-provider/token.actions.githubusercontent.com\"},\"Action\":\"sts:AssumeRoleWithWebIdentity\",\"Condition\":{\"StringEquals\":{\"token.actions.githubusercontent.com:aud\":\"sts.amazonaws.com\",\"token.actions.githubusercontent.com:sub\":\"repo:acme/app:environment:production\"}}}]}"
    }
  }

  expect_failures = [data.aws_iam_role.existing]
}

run "an_existing_role_for_assertions_is_refused" {
  command = plan

  variables {
    caller = { type = "existing" }
  }

  override_data {
    target = data.aws_iam_role.existing
    values = {
      arn                = "arn:aws:iam::222222222222:role/bulkhead/bulkhead-caller"
      name               = "bulkhead-caller"
      assume_role_policy = "{\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"Service\":\"ecs-tasks.amazonaws.com\"},\"Action\":\"sts:AssumeRole\"},{\"Effect\":\"Allow\",\"Principal\":{\"Federated\":\"arn:aws:iam::222222222222:saml-provider/corporate\"},\"Action\":\"sts:AssumeRoleWithSAML\",\"Condition\":{\"StringEquals\":{\"SAML:aud\":\"https://signin.aws.amazon.com/saml\"}}}]}"
    }
  }

  expect_failures = [data.aws_iam_role.existing]
}
