# The policies that the module makes. The provider is mocked; the profiles are an input, so whole policies are known.

mock_provider "aws" {}

variables {
  operations_account_id = "111111111111"
  management_account_id = "999999999999"
  customers = {
    acme = {
      accounts = [
        { account_id = "222222222223", caller_roles = ["app", "batch/nightly"] },
        { account_id = "222222222222" },
      ]
      models  = ["amazon.nova-lite-v1:0", "amazon.nova-pro-v1:0"]
      regions = ["eu-central-1"]
    }
    globex = {
      accounts = [{ account_id = "333333333333" }]
      models   = ["eu.amazon.nova-lite-v1:0"]
      regions  = ["eu-central-1"]
    }
    initech = {
      accounts = [{ account_id = "444444444444" }]
      models   = ["amazon.nova-lite-v1:0"]
      regions  = ["eu-west-1", "eu-central-1"]
    }
  }
  external_ids = {
    acme    = "0d9c2f1e-7b43-4a5e-9f60-3c1d2e8b7a95"
    globex  = "HdM3-sV0qkX_ZtY7bRw2nLc8uFgJ5pQeA1iOo6yKdTm"
    initech = "b7Jw0cTq-N3mYhR5vUe8zKxP2sLgD9aFiO4tEr6BkVu"
  }
  inference_profiles = {
    eu-central-1 = {
      acme = {
        "amazon.nova-lite-v1:0" = "arn:aws:bedrock:eu-central-1:111111111111:application-inference-profile/aaaaaaaaaaaa"
        "amazon.nova-pro-v1:0"  = "arn:aws:bedrock:eu-central-1:111111111111:application-inference-profile/bbbbbbbbbbbb"
      }
      globex  = { "eu.amazon.nova-lite-v1:0" = "arn:aws:bedrock:eu-central-1:111111111111:application-inference-profile/cccccccccccc" }
      initech = { "amazon.nova-lite-v1:0" = "arn:aws:bedrock:eu-central-1:111111111111:application-inference-profile/dddddddddddd" }
    }
    eu-west-1 = {
      initech = { "amazon.nova-lite-v1:0" = "arn:aws:bedrock:eu-west-1:111111111111:application-inference-profile/eeeeeeeeeeee" }
    }
  }
  # Without the profile's own region, which AWS need not name.
  cross_region_destinations = { eu = ["eu-west-1"] }
}

run "an_id_that_is_being_replaced_ends_by_itself" {
  command = plan

  variables {
    previous_external_ids = {
      acme = { external_id = "Zk2-mQ8wXr5vTn1yLp7sHd4fJg9aBc3eUo6iEt0KqWz", accepted_until = "2026-01-31T12:00:00Z" }
    }
  }

  assert {
    condition = jsondecode(nonsensitive(aws_iam_role.fleet["acme"].assume_role_policy)).Statement[0].Condition.StringEquals == {
      "aws:PrincipalArn" = [
        "arn:aws:iam::222222222222:role/bulkhead/bulkhead-caller",
        "arn:aws:iam::222222222223:role/app",
        "arn:aws:iam::222222222223:role/batch/nightly",
      ]
      "sts:ExternalId" = ["0d9c2f1e-7b43-4a5e-9f60-3c1d2e8b7a95", "Zk2-mQ8wXr5vTn1yLp7sHd4fJg9aBc3eUo6iEt0KqWz"]
    }
    error_message = "The id before the current one must be accepted from the same callers, beside the current one."
  }

  assert {
    condition = jsondecode(nonsensitive(aws_iam_role.fleet["acme"].assume_role_policy)).Statement[1] == {
      Sid       = "ThePreviousIdEnds"
      Effect    = "Deny"
      Principal = "*"
      Action    = "sts:AssumeRole"
      Condition = {
        DateGreaterThanEqualsIfExists = { "aws:CurrentTime" = "2026-01-31T12:00:00Z" }
        StringEquals                  = { "sts:ExternalId" = "Zk2-mQ8wXr5vTn1yLp7sHd4fJg9aBc3eUo6iEt0KqWz" }
      }
    }
    error_message = "The id before the current one must end at its time, whoever comes with it."
  }

  assert {
    condition     = length(jsondecode(nonsensitive(aws_iam_role.fleet["acme"].assume_role_policy)).Statement) == 2
    error_message = "One statement lets in and one ends, no more."
  }

  assert {
    condition     = length(jsondecode(nonsensitive(aws_iam_role.fleet["globex"].assume_role_policy)).Statement) == 1
    error_message = "Nobody else's trust changes."
  }
}

run "fifteen_accounts_fit_while_an_id_is_being_replaced" {
  command = plan

  variables {
    customers = {
      acme = {
        accounts = [for n in range(15) : { account_id = format("%012d", 222222222222 + n) }]
        models   = ["amazon.nova-lite-v1:0"]
        regions  = ["eu-central-1"]
      }
    }
    external_ids          = { acme = "HdM3-sV0qkX_ZtY7bRw2nLc8uFgJ5pQeA1iOo6yKdTm" }
    previous_external_ids = { acme = { external_id = "Zk2-mQ8wXr5vTn1yLp7sHd4fJg9aBc3eUo6iEt0KqWz", accepted_until = "2026-01-31T12:00:00Z" } }
    inference_profiles = {
      eu-central-1 = { acme = { "amazon.nova-lite-v1:0" = "arn:aws:bedrock:eu-central-1:111111111111:application-inference-profile/aaaaaaaaaaaa" } }
    }
  }

  assert {
    condition     = length(nonsensitive(aws_iam_role.fleet["acme"].assume_role_policy)) > 1900
    error_message = "The README says how many fit; say how many do."
  }
}

run "the_current_id_is_no_previous_one" {
  command = plan

  variables {
    previous_external_ids = {
      acme = { external_id = "HdM3-sV0qkX_ZtY7bRw2nLc8uFgJ5pQeA1iOo6yKdTm", accepted_until = "2026-01-31T12:00:00Z" }
    }
  }

  expect_failures = [var.previous_external_ids]
}

run "a_grace_has_an_end" {
  command = plan

  variables {
    previous_external_ids = {
      acme = { external_id = "Zk2-mQ8wXr5vTn1yLp7sHd4fJg9aBc3eUo6iEt0KqWz", accepted_until = "forever" }
    }
  }

  expect_failures = [var.previous_external_ids]
}

run "trust_names_exact_callers" {
  command = plan

  assert {
    condition = jsondecode(nonsensitive(aws_iam_role.fleet["acme"].assume_role_policy)) == {
      Version = "2012-10-17"
      Statement = [{
        Sid       = "ApprovedCallers"
        Effect    = "Allow"
        Principal = { AWS = ["arn:aws:iam::222222222222:root", "arn:aws:iam::222222222223:root"] }
        Action    = "sts:AssumeRole"
        Condition = {
          StringEquals = {
            "aws:PrincipalArn" = ["arn:aws:iam::222222222222:role/bulkhead/bulkhead-caller", "arn:aws:iam::222222222223:role/app", "arn:aws:iam::222222222223:role/batch/nightly"]
            "sts:ExternalId"   = "0d9c2f1e-7b43-4a5e-9f60-3c1d2e8b7a95"
          }
          StringLike = { "sts:RoleSessionName" = "t-$${aws:PrincipalAccount}-*" }
        }
      }]
    }
    error_message = "The trust policy is not the one the design asks for."
  }
}

run "permissions_are_the_customers_own" {
  command = plan

  assert {
    condition = jsondecode(aws_iam_role_policy.invoke["acme"].policy).Statement == [
      {
        Sid    = "InvokeOwnProfiles"
        Effect = "Allow"
        Action = ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]
        Resource = [
          "arn:aws:bedrock:eu-central-1:111111111111:application-inference-profile/aaaaaaaaaaaa",
          "arn:aws:bedrock:eu-central-1:111111111111:application-inference-profile/bbbbbbbbbbbb",
        ]
      },
      {
        Sid    = "InvokeModelsThroughOwnProfiles"
        Effect = "Allow"
        Action = ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]
        Resource = [
          "arn:aws:bedrock:eu-central-1::foundation-model/amazon.nova-lite-v1:0",
          "arn:aws:bedrock:eu-central-1::foundation-model/amazon.nova-pro-v1:0",
        ]
        Condition = {
          StringEquals = {
            "bedrock:InferenceProfileArn" = [
              "arn:aws:bedrock:eu-central-1:111111111111:application-inference-profile/aaaaaaaaaaaa",
              "arn:aws:bedrock:eu-central-1:111111111111:application-inference-profile/bbbbbbbbbbbb",
            ]
          }
        }
      },
      {
        Sid       = "DenyEveryOtherAction"
        Effect    = "Deny"
        NotAction = ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]
        Resource  = "*"
      },
      {
        Sid    = "DenyInvokeOfAnythingElse"
        Effect = "Deny"
        Action = ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]
        NotResource = [
          "arn:aws:bedrock:eu-central-1:111111111111:application-inference-profile/aaaaaaaaaaaa",
          "arn:aws:bedrock:eu-central-1:111111111111:application-inference-profile/bbbbbbbbbbbb",
          "arn:aws:bedrock:eu-central-1::foundation-model/amazon.nova-lite-v1:0",
          "arn:aws:bedrock:eu-central-1::foundation-model/amazon.nova-pro-v1:0",
        ]
      },
      {
        Sid      = "DenyModelsPastOwnProfiles"
        Effect   = "Deny"
        Action   = ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]
        Resource = "arn:aws:bedrock:*::foundation-model/*"
        Condition = {
          StringNotEquals = {
            "bedrock:InferenceProfileArn" = [
              "arn:aws:bedrock:eu-central-1:111111111111:application-inference-profile/aaaaaaaaaaaa",
              "arn:aws:bedrock:eu-central-1:111111111111:application-inference-profile/bbbbbbbbbbbb",
            ]
          }
        }
      },
      {
        Sid       = "DenyServiceTiers"
        Effect    = "Deny"
        Action    = ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]
        Resource  = "*"
        Condition = { StringEquals = { "bedrock:ServiceTier" = ["priority", "reserved"] } }
      },
    ]
    error_message = "The permission policy is not the one the design asks for."
  }

  assert {
    condition = jsondecode(aws_iam_policy.boundary["acme"].policy).Statement == [
      for statement in jsondecode(aws_iam_role_policy.invoke["acme"].policy).Statement : statement if statement.Effect == "Allow"
    ]
    error_message = "The boundary must allow exactly what the permission policy allows."
  }

  assert {
    condition = jsonencode({
      for key, policy in aws_iam_role_policy.invoke : key => distinct(flatten(regexall("application-inference-profile/([a-z]+)", policy.policy)))
      }) == jsonencode({
      acme    = ["aaaaaaaaaaaa", "bbbbbbbbbbbb"]
      globex  = ["cccccccccccc"]
      initech = ["dddddddddddd", "eeeeeeeeeeee"]
    })
    error_message = "A customer's policy must name its own profiles and nobody else's."
  }

  assert {
    condition = jsonencode({
      for key, boundary in aws_iam_policy.boundary : key => distinct(flatten(regexall("application-inference-profile/([a-z]+)", boundary.policy)))
      }) == jsonencode({
      acme    = ["aaaaaaaaaaaa", "bbbbbbbbbbbb"]
      globex  = ["cccccccccccc"]
      initech = ["dddddddddddd", "eeeeeeeeeeee"]
    })
    error_message = "A customer's boundary must name its own profiles and nobody else's."
  }

  assert {
    condition = jsonencode(output.customers["acme"]) == jsonencode({
      fleet_role_arn  = "arn:aws:iam::111111111111:role/bulkhead/fleet/bulkhead-acme"
      fleet_role_name = "bulkhead-acme"
      inference_profiles = {
        eu-central-1 = {
          "amazon.nova-lite-v1:0" = "arn:aws:bedrock:eu-central-1:111111111111:application-inference-profile/aaaaaaaaaaaa"
          "amazon.nova-pro-v1:0"  = "arn:aws:bedrock:eu-central-1:111111111111:application-inference-profile/bbbbbbbbbbbb"
        }
      }
      regions             = ["eu-central-1"]
      session_name_prefix = { "222222222222" = "t-222222222222-", "222222222223" = "t-222222222223-" }
    })
    error_message = "The output must name the customer's own role, profiles and session names."
  }
}

run "a_customer_of_two_regions" {
  command = plan

  assert {
    condition = jsondecode(aws_iam_role_policy.invoke["initech"].policy).Statement[1] == {
      Sid    = "InvokeModelsThroughOwnProfiles"
      Effect = "Allow"
      Action = ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]
      Resource = [
        "arn:aws:bedrock:eu-central-1::foundation-model/amazon.nova-lite-v1:0",
        "arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-lite-v1:0",
      ]
      Condition = {
        StringEquals = {
          "bedrock:InferenceProfileArn" = [
            "arn:aws:bedrock:eu-central-1:111111111111:application-inference-profile/dddddddddddd",
            "arn:aws:bedrock:eu-west-1:111111111111:application-inference-profile/eeeeeeeeeeee",
          ]
        }
      }
    }
    error_message = "The role must reach the model in both regions, through the customer's profiles there."
  }

  assert {
    condition     = !strcontains(aws_iam_role_policy.invoke["acme"].policy, "eu-west-1")
    error_message = "A customer of one region must not reach another."
  }

  assert {
    condition = output.customers["initech"].regions == tolist(["eu-west-1", "eu-central-1"]) && jsonencode(output.customers["initech"].inference_profiles) == jsonencode({
      eu-central-1 = { "amazon.nova-lite-v1:0" = "arn:aws:bedrock:eu-central-1:111111111111:application-inference-profile/dddddddddddd" }
      eu-west-1    = { "amazon.nova-lite-v1:0" = "arn:aws:bedrock:eu-west-1:111111111111:application-inference-profile/eeeeeeeeeeee" }
    })
    error_message = "The output must name the customer's profile in each region, and its main region first."
  }
}

run "models_of_a_cross_region_profile" {
  command = plan

  assert {
    condition = jsondecode(aws_iam_role_policy.invoke["globex"].policy).Statement[1].Resource == [
      "arn:aws:bedrock:eu-central-1::foundation-model/amazon.nova-lite-v1:0",
      "arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-lite-v1:0",
    ]
    error_message = "The model must be allowed in the profile's own region and every destination, and in no other."
  }

  assert {
    condition     = !strcontains(aws_iam_role_policy.invoke["globex"].policy, ":inference-profile/")
    error_message = "By default only the customer's own profile opens its models."
  }
}

run "the_key_may_name_the_cross_region_profile" {
  command = plan

  variables {
    inference_profile_key_value = "application-or-system"
    denied_service_tiers        = []
  }

  assert {
    condition     = !strcontains(aws_iam_role_policy.invoke["acme"].policy, "DenyServiceTiers")
    error_message = "AWS takes no statement about nothing."
  }

  assert {
    condition = (
      contains(jsondecode(aws_iam_role_policy.invoke["globex"].policy).Statement[1].Condition.StringEquals["bedrock:InferenceProfileArn"], "arn:aws:bedrock:eu-central-1:111111111111:inference-profile/eu.amazon.nova-lite-v1:0")
      && contains(one([for s in jsondecode(aws_iam_role_policy.invoke["globex"].policy).Statement : s if s.Sid == "DenyModelsPastOwnProfiles"]).Condition.StringNotEquals["bedrock:InferenceProfileArn"], "arn:aws:bedrock:eu-central-1:111111111111:inference-profile/eu.amazon.nova-lite-v1:0")
    )
    error_message = "Both the grant and the denial must accept the cross-region profile as the key's value."
  }

  assert {
    condition = [
      for s in jsondecode(aws_iam_role_policy.invoke["globex"].policy).Statement : s if strcontains(jsonencode(try(s.Resource, [])), ":inference-profile/")
      ] == [
      {
        Sid      = "InvokeSystemProfilesThroughOwnProfiles"
        Effect   = "Allow"
        Action   = ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]
        Resource = ["arn:aws:bedrock:eu-central-1:111111111111:inference-profile/eu.amazon.nova-lite-v1:0"]
        Condition = {
          StringEquals = { "bedrock:InferenceProfileArn" = ["arn:aws:bedrock:eu-central-1:111111111111:application-inference-profile/cccccccccccc"] }
        }
      },
      {
        Sid      = "DenySystemProfilesPastOwnProfiles"
        Effect   = "Deny"
        Action   = ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]
        Resource = ["arn:aws:bedrock:eu-central-1:111111111111:inference-profile/eu.amazon.nova-lite-v1:0"]
        Condition = {
          StringNotEquals = { "bedrock:InferenceProfileArn" = ["arn:aws:bedrock:eu-central-1:111111111111:application-inference-profile/cccccccccccc"] }
        }
      },
    ]
    error_message = "The cross-region profile itself must be callable through the customer's own profile only."
  }

  assert {
    condition = one([for s in jsondecode(aws_iam_role_policy.invoke["globex"].policy).Statement : s.NotResource if s.Sid == "DenyInvokeOfAnythingElse"]) == [
      "arn:aws:bedrock:eu-central-1:111111111111:application-inference-profile/cccccccccccc",
      "arn:aws:bedrock:eu-central-1::foundation-model/amazon.nova-lite-v1:0",
      "arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-lite-v1:0",
      "arn:aws:bedrock:eu-central-1:111111111111:inference-profile/eu.amazon.nova-lite-v1:0",
    ]
    error_message = "The denial of everything else must leave out what is granted."
  }

  assert {
    condition     = !strcontains(aws_iam_role_policy.invoke["acme"].policy, ":inference-profile/")
    error_message = "A customer without cross-region profiles gets none."
  }
}

run "exceptions_are_granted_only_when_asked_for" {
  command = plan

  variables {
    allow_get_inference_profile = true
    allow_count_tokens          = true
    denied_service_tiers        = ["priority"]
  }

  assert {
    condition     = one([for s in jsondecode(aws_iam_role_policy.invoke["acme"].policy).Statement : s.Condition.StringEquals if s.Sid == "DenyServiceTiers"]) == { "bedrock:ServiceTier" = ["priority"] }
    error_message = "A single tier must be denied, too."
  }

  assert {
    condition = [
      for s in jsondecode(aws_iam_role_policy.invoke["acme"].policy).Statement : s if contains(["ReadOwnProfiles", "CountTokensOfOwnModels"], s.Sid)
      ] == [
      {
        Sid      = "ReadOwnProfiles"
        Effect   = "Allow"
        Action   = "bedrock:GetInferenceProfile"
        Resource = jsondecode(aws_iam_role_policy.invoke["acme"].policy).Statement[0].Resource
      },
      {
        Sid      = "CountTokensOfOwnModels"
        Effect   = "Allow"
        Action   = "bedrock:CountTokens"
        Resource = jsondecode(aws_iam_role_policy.invoke["acme"].policy).Statement[1].Resource
      },
    ]
    error_message = "The exceptions must be one action each, on the customer's own profiles and models only."
  }

  assert {
    condition = toset(one([
      for s in jsondecode(aws_iam_role_policy.invoke["acme"].policy).Statement : s.NotAction if s.Sid == "DenyEveryOtherAction"
    ])) == toset(["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream", "bedrock:GetInferenceProfile", "bedrock:CountTokens"])
    error_message = "The denial of every other action must leave the exceptions out."
  }
}

run "a_customer_that_is_stopped_is_denied_twice_and_no_other_is" {
  command = plan

  variables {
    customers = {
      acme = {
        accounts = [{ account_id = "222222222222" }]
        models   = ["amazon.nova-lite-v1:0", "amazon.nova-pro-v1:0"]
        regions  = ["eu-central-1"]
        stopped  = true
      }
      globex = {
        accounts = [{ account_id = "333333333333" }]
        models   = ["eu.amazon.nova-lite-v1:0"]
        regions  = ["eu-central-1"]
      }
      initech = {
        accounts = [{ account_id = "444444444444" }]
        models   = ["amazon.nova-lite-v1:0"]
        regions  = ["eu-west-1", "eu-central-1"]
      }
    }
  }

  assert {
    condition = [for policy in [aws_iam_role_policy.stopped["acme"].policy, aws_iam_policy.boundary["acme"].policy] : jsondecode(policy)] == [
      { Version = "2012-10-17", Statement = [{ Sid = "Stopped", Effect = "Deny", Action = "*", Resource = "*" }] },
      { Version = "2012-10-17", Statement = [{ Sid = "Stopped", Effect = "Deny", Action = "*", Resource = "*" }] },
    ]
    error_message = "A customer that is stopped must be denied everything, by its role and by its boundary."
  }

  assert {
    condition     = keys(aws_iam_role_policy.stopped) == ["acme"] && jsondecode(aws_iam_policy.boundary["globex"].policy).Statement[0].Sid == "InvokeOwnProfiles"
    error_message = "Only customers that are to be stopped are."
  }

  assert {
    condition = { for key, exclusive in aws_iam_role_policies_exclusive.fleet : key => exclusive.policy_names } == {
      acme    = toset(["invoke-own-profiles", "bulkhead-stopped"])
      globex  = toset(["invoke-own-profiles"])
      initech = toset(["invoke-own-profiles"])
    }
    error_message = "An apply must keep the stop, and what keeps its rights once it is taken back."
  }
}
