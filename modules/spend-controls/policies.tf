# What a stop denies, how it is carried out, and what the executor's roles may do. README.md says why.

locals {
  ################################################################################
  # Stop
  ################################################################################

  stop_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "Stopped"
        Effect   = "Deny"
        Action   = ["bedrock:*", "bedrock-mantle:*"]
        Resource = "*"
      },
    ]
  })

  stop_machine = jsonencode({
    Comment = "Attaches the stop policy to the fleet role that the name of an alarm tells."
    StartAt = "Stop"
    States = {
      Stop = {
        Type     = "Task"
        Resource = "arn:${var.partition}:states:::aws-sdk:iam:attachRolePolicy"
        Parameters = {
          PolicyArn    = local.stop_policy_arn
          "RoleName.$" = "States.ArrayGetItem(States.StringSplit($.alarmName, '.'), 1)"
        }
        ResultPath = null
        # IAM throttles and is eventually consistent: about six minutes before giving up.
        Retry = [{ ErrorEquals = ["States.ALL"], IntervalSeconds = 2, MaxAttempts = 8, BackoffRate = 2, MaxDelaySeconds = 120 }]
        End   = true
      }
    }
  })

  ################################################################################
  # Executor
  ################################################################################

  executor_duty = {
    start = "EventBridge starts the executor with it."
    stop  = "The executor stops customers with it."
  }

  callers = {
    start = { service = "events.amazonaws.com", arn = local.rule_arn }
    stop  = { service = "states.amazonaws.com", arn = local.machine_arn }
  }
  executor_trust = {
    for duty, caller in local.callers : duty => jsonencode({
      Version = "2012-10-17"
      Statement = [
        {
          Sid       = "OneResource"
          Effect    = "Allow"
          Principal = { Service = caller.service }
          Action    = "sts:AssumeRole"
          Condition = {
            ArnEquals    = { "aws:SourceArn" = caller.arn }
            StringEquals = { "aws:SourceAccount" = local.account }
          }
        },
      ]
    })
  }

  # The same thrice: a grant, and denials of everything past it, so that what somebody adds later opens nothing.
  fleet_roles = "arn:${var.partition}:iam::${local.account}:role${local.fleet_path}*"
  executor_policy = {
    start = jsonencode({
      Version = "2012-10-17"
      Statement = [
        { Sid = "StartTheExecutor", Effect = "Allow", Action = "states:StartExecution", Resource = local.machine_arn },
        { Sid = "DenyEveryOtherAction", Effect = "Deny", NotAction = "states:StartExecution", Resource = "*" },
        { Sid = "DenyEveryOtherMachine", Effect = "Deny", Action = "states:StartExecution", NotResource = local.machine_arn },
      ]
    })
    stop = jsonencode({
      Version = "2012-10-17"
      Statement = [
        {
          Sid       = "AttachTheStop"
          Effect    = "Allow"
          Action    = "iam:AttachRolePolicy"
          Resource  = local.fleet_roles
          Condition = { ArnEquals = { "iam:PolicyARN" = local.stop_policy_arn } }
        },
        { Sid = "DenyEveryOtherAction", Effect = "Deny", NotAction = "iam:AttachRolePolicy", Resource = "*" },
        { Sid = "DenyEveryOtherRole", Effect = "Deny", Action = "iam:AttachRolePolicy", NotResource = local.fleet_roles },
        {
          Sid       = "DenyEveryOtherPolicy"
          Effect    = "Deny"
          Action    = "iam:AttachRolePolicy"
          Resource  = "*"
          Condition = { ArnNotEquals = { "iam:PolicyARN" = local.stop_policy_arn } }
        },
      ]
    })
  }

  ################################################################################
  # Budgets
  ################################################################################

  budget_trust = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "OwnBudgets"
        Effect    = "Allow"
        Principal = { Service = "budgets.amazonaws.com" }
        Action    = "sts:AssumeRole"
        Condition = {
          ArnLike      = { "aws:SourceArn" = "arn:${var.partition}:budgets::${local.account}:budget/bulkhead-spend-*" }
          StringEquals = { "aws:SourceAccount" = local.account }
        }
      },
    ]
  })
}
