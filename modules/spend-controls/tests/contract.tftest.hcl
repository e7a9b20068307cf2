# What the module makes. The provider is mocked; ARNs of profiles are given, so that whole policies are known.

mock_provider "aws" {
  override_data {
    target = data.aws_region.current
    values = { id = "eu-west-1" }
  }

  override_resource {
    target          = aws_iam_role.executor["start"]
    override_during = plan
    values          = { arn = "arn:aws:iam::111111111111:role/bulkhead/spend/bulkhead-spend-eu-west-1-start" }
  }

  override_resource {
    target          = aws_iam_role.executor["stop"]
    override_during = plan
    values          = { arn = "arn:aws:iam::111111111111:role/bulkhead/spend/bulkhead-spend-eu-west-1-stop" }
  }

  override_resource {
    target          = aws_iam_role.budget
    override_during = plan
    values          = { arn = "arn:aws:iam::111111111111:role/bulkhead/spend/bulkhead-spend-eu-west-1-budget" }
  }

  override_resource {
    target          = aws_iam_policy.stop
    override_during = plan
    values          = { arn = "arn:aws:iam::111111111111:policy/bulkhead/fleet/bulkhead-spend-eu-west-1-stop" }
  }

  override_resource {
    target          = aws_sfn_state_machine.stop
    override_during = plan
    values          = { arn = "arn:aws:states:eu-west-1:111111111111:stateMachine:bulkhead-spend-stop" }
  }
}

variables {
  operations_account_id = "111111111111"
  alarm_topic_arns      = ["arn:aws:sns:eu-west-1:111111111111:platform"]
  budget_emails         = ["finance@example.com", "platform@example.com"]
  tags                  = { team = "platform" }
  customers = {
    acme = {
      fleet_role_name = "bulkhead-acme"
      inference_profile_arns = [
        "arn:aws:bedrock:eu-west-1:111111111111:application-inference-profile/aaaaaaaaaaaa",
        "arn:aws:bedrock:eu-west-1:111111111111:application-inference-profile/bbbbbbbbbbbb",
      ]
      limits = [
        { minutes = 5, input_tokens = 1000, output_tokens = 200, calls = 30 },
        { minutes = 1440, input_tokens = 50000, output_tokens = 10000, cache_write_tokens = 7, cache_read_tokens = 8 },
      ]
      monthly_budget_usd = 500
    }
    globex = {
      fleet_role_name        = "bulkhead-globex"
      inference_profile_arns = ["arn:aws:bedrock:eu-west-1:111111111111:application-inference-profile/cccccccccccc"]
      limits                 = [{ minutes = 60, input_tokens = 1000, output_tokens = 200 }]
      on_limit               = "notify"
    }
  }
}

run "alarms_add_up_a_customers_profiles" {
  command = plan

  assert {
    condition = { for key, alarm in aws_cloudwatch_metric_alarm.limit : alarm.alarm_name => alarm.threshold } == {
      "bulkhead-spend.bulkhead-acme.5m.input"                 = 1000
      "bulkhead-spend.bulkhead-acme.5m.output"                = 200
      "bulkhead-spend.bulkhead-acme.5m.cache-write"           = 1000
      "bulkhead-spend.bulkhead-acme.5m.cache-read"            = 10000
      "bulkhead-spend.bulkhead-acme.5m.calls"                 = 30
      "bulkhead-spend.bulkhead-acme.1440m.input"              = 50000
      "bulkhead-spend.bulkhead-acme.1440m.output"             = 10000
      "bulkhead-spend.bulkhead-acme.1440m.cache-write"        = 7
      "bulkhead-spend.bulkhead-acme.1440m.cache-read"         = 8
      "bulkhead-spend-notify.bulkhead-globex.60m.input"       = 1000
      "bulkhead-spend-notify.bulkhead-globex.60m.output"      = 200
      "bulkhead-spend-notify.bulkhead-globex.60m.cache-write" = 1000
      "bulkhead-spend-notify.bulkhead-globex.60m.cache-read"  = 10000
    }
    error_message = "There must be one alarm for each customer, limit and kind of token, and for calls where they are limited."
  }

  assert {
    condition = toset([
      for query in aws_cloudwatch_metric_alarm.limit["acme/5/cache-read"].metric_query : jsonencode([
        query.metric[0].namespace, query.metric[0].metric_name, query.metric[0].dimensions, query.metric[0].period, query.metric[0].stat
      ]) if query.expression == null
      ]) == toset([
      for id in ["aaaaaaaaaaaa", "bbbbbbbbbbbb"] : jsonencode(["AWS/Bedrock", "CacheReadInputTokenCount", { ModelId = id }, 300, "Sum"])
    ])
    error_message = "An alarm must add up the tokens of each of the customer's profiles."
  }

  assert {
    condition = toset([
      for query in aws_cloudwatch_metric_alarm.limit["acme/5/calls"].metric_query : jsonencode([
        query.metric[0].namespace, query.metric[0].metric_name, query.metric[0].dimensions, query.metric[0].period, query.metric[0].stat
      ]) if query.expression == null
      ]) == toset([
      for id in ["aaaaaaaaaaaa", "bbbbbbbbbbbb"] : jsonencode(["AWS/Bedrock", "Invocations", { ModelId = id }, 300, "Sum"])
    ])
    error_message = "Calls of each of the customer's profiles must be added up, whatever the model is paid by."
  }

  assert {
    condition = alltrue([
      for alarm in values(aws_cloudwatch_metric_alarm.limit) :
      alarm.treat_missing_data == "notBreaching" && alarm.comparison_operator == "GreaterThanThreshold" && alarm.evaluation_periods == 1 && alarm.alarm_actions == toset(["arn:aws:sns:eu-west-1:111111111111:platform"])
      && [for query in alarm.metric_query : query.expression if query.return_data == true] == ["SUM(FILL(METRICS(), 0))"]
    ])
    error_message = "An alarm must compare the sum, take silence for nothing, and tell the topics."
  }

  assert {
    condition = {
      for kind in ["calls", "input", "output", "cache-write", "cache-read"] :
      kind => distinct([for query in aws_cloudwatch_metric_alarm.limit["acme/5/${kind}"].metric_query : query.metric[0].metric_name if query.expression == null])
      } == {
      calls       = tolist(["Invocations"])
      input       = tolist(["InputTokenCount"])
      output      = tolist(["OutputTokenCount"])
      cache-write = tolist(["CacheWriteInputTokenCount"])
      cache-read  = tolist(["CacheReadInputTokenCount"])
    }
    error_message = "An alarm listens to a metric that Amazon Bedrock does not have: it would never ring."
  }

  assert {
    condition = alltrue([
      for tags in [aws_cloudwatch_metric_alarm.limit["acme/5/input"].tags, aws_budgets_budget.customer["acme"].tags, aws_budgets_budget_action.stop["acme"].tags] :
      tags == tomap({ team = "platform", "bulkhead:customer" = "acme" })
    ])
    error_message = "What belongs to one customer carries its tag."
  }

  assert {
    condition     = { for key, names in output.alarm_names : key => length(names) } == { acme = 9, globex = 4 } && alltrue([for name in output.alarm_names.acme : strcontains(name, ".bulkhead-acme.")])
    error_message = "Who resets a customer must be told its own alarms."
  }
}

run "a_stop_that_fails_is_told" {
  command = plan

  assert {
    condition = toset([
      for query in aws_cloudwatch_metric_alarm.executor["stop"].metric_query : jsonencode([
        query.metric[0].namespace, query.metric[0].metric_name, query.metric[0].dimensions, query.metric[0].period, query.metric[0].stat
      ]) if query.expression == null
      ]) == toset([
      jsonencode(["AWS/States", "ExecutionsFailed", { StateMachineArn = "arn:aws:states:eu-west-1:111111111111:stateMachine:bulkhead-spend-stop" }, 300, "Sum"]),
      jsonencode(["AWS/States", "ExecutionThrottled", { StateMachineArn = "arn:aws:states:eu-west-1:111111111111:stateMachine:bulkhead-spend-stop" }, 300, "Sum"]),
      jsonencode(["AWS/States", "ExecutionsTimedOut", { StateMachineArn = "arn:aws:states:eu-west-1:111111111111:stateMachine:bulkhead-spend-stop" }, 300, "Sum"]),
      jsonencode(["AWS/Events", "FailedInvocations", { RuleName = "bulkhead-spend-stop" }, 300, "Sum"]),
    ])
    error_message = "Whatever keeps a stop from coming must be heard."
  }

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.executor["stop"].alarm_name == "bulkhead-spend-executor"
      && [for query in aws_cloudwatch_metric_alarm.executor["stop"].metric_query : query.expression if query.return_data == true] == ["SUM(FILL(METRICS(), 0))"]
      && aws_cloudwatch_metric_alarm.executor["stop"].evaluation_periods == 1 && aws_cloudwatch_metric_alarm.executor["stop"].treat_missing_data == "notBreaching"
      && aws_cloudwatch_metric_alarm.executor["stop"].threshold == 0 && aws_cloudwatch_metric_alarm.executor["stop"].comparison_operator == "GreaterThanThreshold"
      && aws_cloudwatch_metric_alarm.executor["stop"].alarm_actions == toset(["arn:aws:sns:eu-west-1:111111111111:platform"])
    )
    error_message = "One failure is enough, and the topics are told."
  }
}

run "only_alarms_that_stop_reach_the_executor" {
  command = plan

  assert {
    condition = jsondecode(aws_cloudwatch_event_rule.stop["stop"].event_pattern) == {
      source      = ["aws.cloudwatch"]
      detail-type = ["CloudWatch Alarm State Change"]
      resources   = [{ prefix = "arn:aws:cloudwatch:eu-west-1:111111111111:alarm:bulkhead-spend." }]
      detail      = { state = { value = ["ALARM"] } }
    }
    error_message = "The rule must hear the alarms that stop, and no other."
  }

  assert {
    condition = [for target in aws_cloudwatch_event_target.stop : [target.rule, target.arn, target.role_arn, target.input_path]] == [[
      "bulkhead-spend-stop",
      "arn:aws:states:eu-west-1:111111111111:stateMachine:bulkhead-spend-stop",
      "arn:aws:iam::111111111111:role/bulkhead/spend/bulkhead-spend-eu-west-1-start",
      "$.detail",
    ]]
    error_message = "The rule starts the executor, which reads the name of the alarm from the detail of the event."
  }

  assert {
    condition = [for machine in aws_sfn_state_machine.stop : [machine.name, machine.type, machine.role_arn, jsondecode(machine.definition).StartAt]] == [[
      "bulkhead-spend-stop", "STANDARD", "arn:aws:iam::111111111111:role/bulkhead/spend/bulkhead-spend-eu-west-1-stop", "Stop",
    ]]
    error_message = "The machine must be the one that roles and alarms name, with a history, by its own role."
  }

  assert {
    condition = jsondecode(aws_sfn_state_machine.stop["stop"].definition).States == {
      Stop = {
        Type     = "Task"
        Resource = "arn:aws:states:::aws-sdk:iam:attachRolePolicy"
        Parameters = {
          PolicyArn    = "arn:aws:iam::111111111111:policy/bulkhead/fleet/bulkhead-spend-eu-west-1-stop"
          "RoleName.$" = "States.ArrayGetItem(States.StringSplit($.alarmName, '.'), 1)"
        }
        ResultPath = null
        Retry      = [{ ErrorEquals = ["States.ALL"], IntervalSeconds = 2, MaxAttempts = 8, BackoffRate = 2, MaxDelaySeconds = 120 }]
        End        = true
      }
    }
    error_message = "The machine must attach the stop policy to the role that the alarm names, and do nothing else."
  }

  assert {
    condition = (
      aws_iam_policy.stop["stop"].path == "/bulkhead/fleet/" && aws_iam_policy.stop["stop"].name == "bulkhead-spend-eu-west-1-stop"
      && output.stop_policy_arn == "arn:aws:iam::111111111111:policy/bulkhead/fleet/bulkhead-spend-eu-west-1-stop"
    )
    error_message = "The stop policy is not where the executor looks for it."
  }

  assert {
    condition = jsondecode(aws_iam_policy.stop["stop"].policy).Statement == [
      { Sid = "Stopped", Effect = "Deny", Action = ["bedrock:*", "bedrock-mantle:*"], Resource = "*" },
    ]
    error_message = "A stop denies all of Bedrock without any condition."
  }
}

run "the_executor_can_do_one_thing" {
  command = plan

  assert {
    condition = jsondecode(aws_iam_role_policy.executor["stop"].policy).Statement == [
      {
        Sid       = "AttachTheStop"
        Effect    = "Allow"
        Action    = "iam:AttachRolePolicy"
        Resource  = "arn:aws:iam::111111111111:role/bulkhead/fleet/*"
        Condition = { ArnEquals = { "iam:PolicyARN" = "arn:aws:iam::111111111111:policy/bulkhead/fleet/bulkhead-spend-eu-west-1-stop" } }
      },
      { Sid = "DenyEveryOtherAction", Effect = "Deny", NotAction = "iam:AttachRolePolicy", Resource = "*" },
      { Sid = "DenyEveryOtherRole", Effect = "Deny", Action = "iam:AttachRolePolicy", NotResource = "arn:aws:iam::111111111111:role/bulkhead/fleet/*" },
      {
        Sid       = "DenyEveryOtherPolicy"
        Effect    = "Deny"
        Action    = "iam:AttachRolePolicy"
        Resource  = "*"
        Condition = { ArnNotEquals = { "iam:PolicyARN" = "arn:aws:iam::111111111111:policy/bulkhead/fleet/bulkhead-spend-eu-west-1-stop" } }
      },
    ]
    error_message = "The executor may attach the stop policy to fleet roles, and nothing else."
  }

  assert {
    condition = jsondecode(aws_iam_role_policy.executor["start"].policy).Statement == [
      { Sid = "StartTheExecutor", Effect = "Allow", Action = "states:StartExecution", Resource = "arn:aws:states:eu-west-1:111111111111:stateMachine:bulkhead-spend-stop" },
      { Sid = "DenyEveryOtherAction", Effect = "Deny", NotAction = "states:StartExecution", Resource = "*" },
      { Sid = "DenyEveryOtherMachine", Effect = "Deny", Action = "states:StartExecution", NotResource = "arn:aws:states:eu-west-1:111111111111:stateMachine:bulkhead-spend-stop" },
    ]
    error_message = "EventBridge may start the executor, and nothing else."
  }

  assert {
    condition = alltrue([
      for duty, role in merge(aws_iam_role.executor, aws_iam_role.budget) :
      role.name == "bulkhead-spend-eu-west-1-${duty}" && role.path == "/bulkhead/spend/" && role.permissions_boundary == null
    ])
    error_message = "The roles are not where the guardrails know them, or have a boundary that nobody asked for."
  }

  assert {
    condition = (
      alltrue([for duty, policy in aws_iam_role_policy.executor : aws_iam_role_policies_exclusive.executor[duty].policy_names == toset([policy.name])])
      && aws_iam_role_policies_exclusive.budget["budget"].policy_names == toset([aws_iam_role_policy.budget["budget"].name])
    )
    error_message = "A policy that somebody adds to a role by hand must go with the next apply, and its own stay."
  }

  assert {
    condition     = aws_iam_role_policy.budget["budget"].policy == aws_iam_role_policy.executor["stop"].policy
    error_message = "Budgets may do what the executor may."
  }

  assert {
    condition = { for duty, role in aws_iam_role.executor : duty => jsondecode(role.assume_role_policy).Statement[0] } == {
      start = {
        Sid       = "OneResource"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sts:AssumeRole"
        Condition = {
          ArnEquals    = { "aws:SourceArn" = "arn:aws:events:eu-west-1:111111111111:rule/bulkhead-spend-stop" }
          StringEquals = { "aws:SourceAccount" = "111111111111" }
        }
      }
      stop = {
        Sid       = "OneResource"
        Effect    = "Allow"
        Principal = { Service = "states.amazonaws.com" }
        Action    = "sts:AssumeRole"
        Condition = {
          ArnEquals    = { "aws:SourceArn" = "arn:aws:states:eu-west-1:111111111111:stateMachine:bulkhead-spend-stop" }
          StringEquals = { "aws:SourceAccount" = "111111111111" }
        }
      }
    }
    error_message = "Each role trusts one service, for one resource of the account."
  }

  assert {
    condition = jsondecode(aws_iam_role.budget["budget"].assume_role_policy).Statement == [
      {
        Sid       = "OwnBudgets"
        Effect    = "Allow"
        Principal = { Service = "budgets.amazonaws.com" }
        Action    = "sts:AssumeRole"
        Condition = {
          ArnLike      = { "aws:SourceArn" = "arn:aws:budgets::111111111111:budget/bulkhead-spend-*" }
          StringEquals = { "aws:SourceAccount" = "111111111111" }
        }
      },
    ]
    error_message = "Budgets may use its role for the module's budgets only."
  }

  assert {
    condition     = output.executor_role_arns == ["arn:aws:iam::111111111111:role/bulkhead/spend/bulkhead-spend-eu-west-1-stop", "arn:aws:iam::111111111111:role/bulkhead/spend/bulkhead-spend-eu-west-1-budget"]
    error_message = "The output must name the roles that attach the stop."
  }
}

run "a_budget_counts_by_tag_alone" {
  command = plan

  assert {
    condition = { for key, budget in aws_budgets_budget.customer : key => [budget.name, budget.budget_type, budget.limit_amount] } == {
      acme = ["bulkhead-spend-acme", "COST", "500"]
    }
    error_message = "There must be a budget for each customer with a monthly_budget_usd, and for no other."
  }

  assert {
    condition = {
      for filter in aws_budgets_budget.customer["acme"].cost_filter : filter.name => filter.values
    } == { TagKeyValue = tolist(["user:bulkhead:customer$acme"]) }
    error_message = "A budget must filter by the customer's tag, and never by service."
  }

  assert {
    condition = [
      for action in aws_budgets_budget_action.stop : [
        action.budget_name, action.approval_model, action.execution_role_arn,
        action.definition[0].iam_action_definition[0].policy_arn, action.definition[0].iam_action_definition[0].roles,
      ]
      ] == [[
        "bulkhead-spend-acme", "AUTOMATIC", "arn:aws:iam::111111111111:role/bulkhead/spend/bulkhead-spend-eu-west-1-budget",
        "arn:aws:iam::111111111111:policy/bulkhead/fleet/bulkhead-spend-eu-west-1-stop", toset(["bulkhead-acme"]),
    ]]
    error_message = "The budget must stop its customer by itself, as the executor does."
  }

  assert {
    condition     = { for subscriber in aws_budgets_budget_action.stop["acme"].subscriber : subscriber.address => subscriber.subscription_type } == { "finance@example.com" = "EMAIL", "platform@example.com" = "EMAIL" }
    error_message = "All that are named must hear of it."
  }

  assert {
    condition = (
      aws_budgets_budget_action.stop["acme"].notification_type == "ACTUAL" && aws_budgets_budget_action.stop["acme"].action_type == "APPLY_IAM_POLICY"
      && aws_budgets_budget_action.stop["acme"].action_threshold[0].action_threshold_type == "PERCENTAGE"
      && aws_budgets_budget_action.stop["acme"].action_threshold[0].action_threshold_value == 100
      && aws_budgets_budget.customer["acme"].time_unit == "MONTHLY" && aws_budgets_budget.customer["acme"].limit_unit == "USD"
    )
    error_message = "The budget must act once what was spent is all that a month may cost."
  }

  assert {
    condition     = !aws_budgets_budget.customer["acme"].cost_types[0].include_credit && !aws_budgets_budget.customer["acme"].cost_types[0].include_refund
    error_message = "What is spent counts, whatever credits pay for."
  }
}

run "one_customer_with_one_limit_is_guarded" {
  command = plan

  variables {
    customers = {
      acme = {
        fleet_role_name        = "bulkhead-acme"
        inference_profile_arns = ["arn:aws:bedrock:eu-west-1:111111111111:application-inference-profile/aaaaaaaaaaaa"]
        limits                 = [{ minutes = 5, input_tokens = 1000, output_tokens = 200 }]
        monthly_budget_usd     = 1
      }
    }
  }

  assert {
    condition     = length(aws_sfn_state_machine.stop) == 1 && length(aws_iam_role.executor) == 2 && length(aws_iam_role.budget) == 1 && length(aws_budgets_budget_action.stop) == 1
    error_message = "What stops customers must be there for a single one."
  }
}

run "the_roles_take_a_boundary" {
  command = plan

  variables {
    permissions_boundary_arn = "arn:aws:iam::111111111111:policy/bulkhead/bulkhead-boundary"
  }

  assert {
    condition     = toset(concat(values(aws_iam_role.executor)[*].permissions_boundary, values(aws_iam_role.budget)[*].permissions_boundary)) == toset(["arn:aws:iam::111111111111:policy/bulkhead/bulkhead-boundary"])
    error_message = "Every role of the module must have the boundary."
  }
}

run "without_customers_nothing_is_made" {
  command = plan

  variables {
    customers = {}
  }

  assert {
    condition = length(concat(
      keys(aws_cloudwatch_metric_alarm.limit), keys(aws_cloudwatch_metric_alarm.executor), keys(aws_iam_policy.stop), keys(aws_iam_role.executor),
      keys(aws_sfn_state_machine.stop), keys(aws_cloudwatch_event_rule.stop), keys(aws_iam_role.budget), keys(aws_budgets_budget.customer),
    )) == 0 && output.stop_policy_arn == ""
    error_message = "Where nobody is limited there is nothing to guard."
  }
}

run "a_topic_of_another_region_is_refused" {
  command = plan

  variables {
    alarm_topic_arns = ["arn:aws:sns:eu-west-1:111111111111:platform", "arn:aws:sns:eu-central-1:111111111111:platform"]
  }

  expect_failures = [aws_cloudwatch_metric_alarm.limit, aws_cloudwatch_metric_alarm.executor]
}
