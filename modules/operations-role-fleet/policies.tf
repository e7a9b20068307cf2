# Who may assume a fleet role, and what it may do. README.md says why, statement by statement.

locals {
  invoke_actions = ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]
  granted_actions = concat(
    local.invoke_actions,
    var.allow_get_inference_profile ? ["bedrock:GetInferenceProfile"] : [],
    var.allow_count_tokens ? ["bedrock:CountTokens"] : [],
  )

  # Every profile that a customer is to have, one for each of its regions and models, with what is behind it. An id
  # with the prefix of a cross-region profile is that profile's; the model's own id follows the prefix.
  profiles = {
    for key, customer in var.customers : key => [
      for pair in setproduct(sort(customer.regions), sort(customer.models)) : (
        contains(keys(var.cross_region_destinations), split(".", pair[1])[0])
        ? {
          region       = pair[0]
          model        = pair[1]
          cross_region = true
          runs_as      = join(".", slice(split(".", pair[1]), 1, length(split(".", pair[1]))))
          runs_in      = sort(distinct(concat([pair[0]], var.cross_region_destinations[split(".", pair[1])[0]])))
        }
        : {
          region       = pair[0]
          model        = pair[1]
          cross_region = false
          runs_as      = pair[1]
          runs_in      = [pair[0]]
        }
      )
    ]
  }

  model_arns = {
    for key, profiles in local.profiles : key => distinct(flatten([
      for profile in profiles : [for region in profile.runs_in : "arn:${var.partition}:bedrock:${region}::foundation-model/${profile.runs_as}"]
    ]))
  }
  system_profile_arns = {
    for key, profiles in local.profiles : key => [
      for profile in profiles : "arn:${var.partition}:bedrock:${profile.region}:${var.operations_account_id}:inference-profile/${profile.model}"
      if profile.cross_region && var.inference_profile_key_value == "application-or-system"
    ]
  }

  # Every policy is made twice: with the profiles' real ARNs, unknown until they exist, and with
  # stand-ins of the same length, so that a policy that is too long fails in the plan.
  profile_arns = {
    real = {
      for key, profiles in local.profiles : key => [for profile in profiles : var.inference_profiles[profile.region][key][profile.model]]
    }
    sized = {
      for key, profiles in local.profiles : key => [
        for profile in profiles : "arn:${var.partition}:bedrock:${profile.region}:${var.operations_account_id}:application-inference-profile/000000000000"
      ]
    }
  }

  ################################################################################
  # Trust
  ################################################################################

  caller_arns = {
    for key, customer in var.customers : key => sort(distinct(flatten([
      for account in customer.accounts : [for role in account.caller_roles : "arn:${var.partition}:iam::${account.account_id}:role/${role}"]
    ])))
  }

  # An id that is being replaced is let in beside the current one, until a denial ends it. A denial names no callers:
  # one statement for all of them instead of two leaves twice the room.
  replaced_ids = {
    for key in keys(var.customers) : key => [for customer, previous in var.previous_external_ids : previous if customer == key]
  }
  accepted_ids = {
    for key, replaced in local.replaced_ids : key => merge(
      { "sts:ExternalId" = var.external_ids[key] },
      { for previous in replaced : "sts:ExternalId" => [var.external_ids[key], previous.external_id] },
    )
  }

  trust_policy = {
    for key, customer in var.customers : key => jsonencode({
      Version = "2012-10-17"
      Statement = concat(
        [
          {
            Sid       = "ApprovedCallers"
            Effect    = "Allow"
            Principal = { AWS = [for id in sort(customer.accounts[*].account_id) : "arn:${var.partition}:iam::${id}:root"] }
            Action    = "sts:AssumeRole"
            Condition = {
              # StringEquals, because ArnEquals expands wildcards.
              StringEquals = merge(
                local.accepted_ids[key],
                { "aws:PrincipalArn" = local.caller_arns[key] },
              )
              StringLike = { "sts:RoleSessionName" = "t-$${aws:PrincipalAccount}-*" }
            }
          },
        ],
        [
          for previous in local.replaced_ids[key] : {
            Sid       = "ThePreviousIdEnds"
            Effect    = "Deny"
            Principal = "*"
            Action    = "sts:AssumeRole"
            Condition = {
              StringEquals = { "sts:ExternalId" = previous.external_id }
              # A request that says no time comes too late.
              DateGreaterThanEqualsIfExists = { "aws:CurrentTime" = previous.accepted_until }
            }
          }
        ],
      )
    })
  }

  ################################################################################
  # Permissions
  ################################################################################

  grants = {
    for variant, arns in local.profile_arns : variant => {
      for key in keys(var.customers) : key => concat(
        [
          {
            Sid      = "InvokeOwnProfiles"
            Effect   = "Allow"
            Action   = local.invoke_actions
            Resource = arns[key]
          },
          {
            Sid       = "InvokeModelsThroughOwnProfiles"
            Effect    = "Allow"
            Action    = local.invoke_actions
            Resource  = local.model_arns[key]
            Condition = { StringEquals = { "bedrock:InferenceProfileArn" = concat(arns[key], local.system_profile_arns[key]) } }
          },
        ],
        [
          for systems in [local.system_profile_arns[key]] : {
            Sid       = "InvokeSystemProfilesThroughOwnProfiles"
            Effect    = "Allow"
            Action    = local.invoke_actions
            Resource  = systems
            Condition = { StringEquals = { "bedrock:InferenceProfileArn" = arns[key] } }
          } if length(systems) > 0
        ],
        [
          for action in setintersection(local.granted_actions, ["bedrock:GetInferenceProfile"]) : {
            Sid      = "ReadOwnProfiles"
            Effect   = "Allow"
            Action   = action
            Resource = arns[key]
          }
        ],
        [
          for action in setintersection(local.granted_actions, ["bedrock:CountTokens"]) : {
            Sid      = "CountTokensOfOwnModels"
            Effect   = "Allow"
            Action   = action
            Resource = local.model_arns[key]
          }
        ],
      )
    }
  }

  denials = {
    for variant, arns in local.profile_arns : variant => {
      for key in keys(var.customers) : key => concat([
        {
          Sid       = "DenyEveryOtherAction"
          Effect    = "Deny"
          NotAction = local.granted_actions
          Resource  = "*"
        },
        {
          Sid         = "DenyInvokeOfAnythingElse"
          Effect      = "Deny"
          Action      = local.invoke_actions
          NotResource = concat(arns[key], local.model_arns[key], local.system_profile_arns[key])
        },
        {
          # An absent key differs from every value: a direct call is denied too.
          Sid       = "DenyModelsPastOwnProfiles"
          Effect    = "Deny"
          Action    = local.invoke_actions
          Resource  = "arn:${var.partition}:bedrock:*::foundation-model/*"
          Condition = { StringNotEquals = { "bedrock:InferenceProfileArn" = concat(arns[key], local.system_profile_arns[key]) } }
        },
        ],
        [
          for systems in [local.system_profile_arns[key]] : {
            Sid       = "DenySystemProfilesPastOwnProfiles"
            Effect    = "Deny"
            Action    = local.invoke_actions
            Resource  = systems
            Condition = { StringNotEquals = { "bedrock:InferenceProfileArn" = arns[key] } }
          } if length(systems) > 0
        ],
        [
          # Where no tier is asked for, AWS takes the default one, and the key may be absent.
          for tiers in [sort(var.denied_service_tiers)] : {
            Sid       = "DenyServiceTiers"
            Effect    = "Deny"
            Action    = local.invoke_actions
            Resource  = "*"
            Condition = { StringEquals = { "bedrock:ServiceTier" = tiers } }
          } if length(tiers) > 0
        ],
      )
    }
  }

  boundary_policy = {
    for variant, grants in local.grants : variant => {
      for key, statements in grants : key => jsonencode({ Version = "2012-10-17", Statement = statements })
    }
  }

  # For a customer that is stopped, or leaves: on the role, and as all that its boundary says.
  stopped_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Sid = "Stopped", Effect = "Deny", Action = "*", Resource = "*" }]
  })

  invoke_policy = {
    for variant, grants in local.grants : variant => {
      for key, statements in grants : key => jsonencode({ Version = "2012-10-17", Statement = concat(statements, local.denials[variant][key]) })
    }
  }
}
