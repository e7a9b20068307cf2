# Limits on what customers spend in one region: alarms on their inference profiles, and an executor that stops a
# customer by attaching a policy to its fleet role. Nothing here takes a stop away; README.md says who does, and how.

data "aws_region" "current" {}

locals {
  region     = data.aws_region.current.id
  far_topics = [for arn in var.alarm_topic_arns : arn if split(":", arn)[3] != local.region]
  account    = var.operations_account_id
  fleet_path = "/bulkhead/fleet/"
  path       = "/bulkhead/spend/"

  # Names of roles and policies are the account's, so that each region has its own.
  name               = "bulkhead-spend-${local.region}"
  stop_policy_arn    = "arn:${var.partition}:iam::${local.account}:policy${local.fleet_path}${local.name}-stop"
  machine_arn        = "arn:${var.partition}:states:${local.region}:${local.account}:stateMachine:bulkhead-spend-stop"
  rule_arn           = "arn:${var.partition}:events:${local.region}:${local.account}:rule/bulkhead-spend-stop"
  alarm_prefix       = "bulkhead-spend."
  boundary_arn       = var.permissions_boundary_arn == "" ? null : var.permissions_boundary_arn
  executor_role_name = { for duty in ["start", "stop"] : duty => "${local.name}-${duty}" if length(var.customers) > 0 }
  executor_role_arn  = { for duty, name in local.executor_role_name : duty => "arn:${var.partition}:iam::${local.account}:role${local.path}${name}" }

  # One of everything that all customers share, and none where there is no customer.
  shared = toset([for name in ["stop"] : name if length(var.customers) > 0])
  budgets = {
    for key, customer in var.customers : key => customer if customer.monthly_budget_usd > 0
  }
  shared_budget = toset([for name in ["budget"] : name if length(local.budgets) > 0])

  # One alarm for each kind of token, since kinds differ in price and an alarm adds up ten metrics at most. Calls are what
  # counts where models are paid by pictures, seconds or searches: of these the metrics above say nothing.
  kinds = {
    calls       = "Invocations"
    input       = "InputTokenCount"
    output      = "OutputTokenCount"
    cache-write = "CacheWriteInputTokenCount"
    cache-read  = "CacheReadInputTokenCount"
  }
  alarms = merge([
    for key, customer in var.customers : merge([
      for limit in customer.limits : {
        for kind, metric in local.kinds : "${key}/${limit.minutes}/${kind}" => {
          customer = key
          metric   = metric
          period   = limit.minutes * 60
          # Dots part the role from the rest: the executor reads it there. Another prefix stops nobody.
          name = "${customer.on_limit == "stop" ? local.alarm_prefix : "bulkhead-spend-notify."}${customer.fleet_role_name}.${limit.minutes}m.${kind}"
          tokens = {
            input       = limit.input_tokens
            output      = limit.output_tokens
            calls       = limit.calls
            cache-write = coalesce(limit.cache_write_tokens, limit.input_tokens)
            cache-read  = coalesce(limit.cache_read_tokens, limit.input_tokens * 10)
          }[kind]
          profiles = [for arn in customer.inference_profile_arns : element(split("/", arn), 1)]
        } if kind != "calls" || limit.calls != null
      }
    ]...)
  ]...)
}

################################################################################
# Alarms
################################################################################

resource "aws_cloudwatch_metric_alarm" "limit" {
  for_each = local.alarms

  alarm_name          = each.value.name
  alarm_description   = "${each.value.customer} took more than ${each.value.tokens} of ${each.value.metric} within ${each.value.period / 60} minutes."
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.tokens
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topic_arns
  tags                = merge(var.tags, { "bulkhead:customer" = each.value.customer })

  metric_query {
    id          = "tokens"
    expression  = "SUM(FILL(METRICS(), 0))"
    label       = each.value.metric
    return_data = true
  }

  dynamic "metric_query" {
    for_each = each.value.profiles

    content {
      id = "profile${metric_query.key}"

      metric {
        namespace   = "AWS/Bedrock"
        metric_name = each.value.metric
        dimensions  = { ModelId = metric_query.value }
        period      = each.value.period
        stat        = "Sum"
      }
    }
  }

  lifecycle {
    precondition {
      condition     = length(local.far_topics) == 0
      error_message = "alarm_topic_arns: an alarm tells topics of its own region, ${local.region}, and not ${join(", ", local.far_topics)}."
    }
  }
}

# A stop that fails must not fail in silence.
resource "aws_cloudwatch_metric_alarm" "executor" {
  for_each = local.shared

  alarm_name          = "bulkhead-spend-executor"
  alarm_description   = "A customer passed a limit and may not have been stopped: see the executions of bulkhead-spend-stop."
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topic_arns
  tags                = var.tags

  metric_query {
    id          = "failures"
    expression  = "SUM(FILL(METRICS(), 0))"
    label       = "Stops that failed"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = {
      failed    = { namespace = "AWS/States", name = "ExecutionsFailed", dimensions = { StateMachineArn = local.machine_arn } }
      throttled = { namespace = "AWS/States", name = "ExecutionThrottled", dimensions = { StateMachineArn = local.machine_arn } }
      timed_out = { namespace = "AWS/States", name = "ExecutionsTimedOut", dimensions = { StateMachineArn = local.machine_arn } }
      unsent    = { namespace = "AWS/Events", name = "FailedInvocations", dimensions = { RuleName = "bulkhead-spend-stop" } }
    }

    content {
      id = metric_query.key

      metric {
        namespace   = metric_query.value.namespace
        metric_name = metric_query.value.name
        dimensions  = metric_query.value.dimensions
        period      = 300
        stat        = "Sum"
      }
    }
  }

  lifecycle {
    precondition {
      condition     = length(local.far_topics) == 0
      error_message = "alarm_topic_arns: an alarm tells topics of its own region, ${local.region}, and not ${join(", ", local.far_topics)}."
    }
  }
}

################################################################################
# Stop
################################################################################

# Attached from outside Terraform, so that no apply takes it off. While it is attached AWS refuses to delete it.
resource "aws_iam_policy" "stop" {
  for_each = local.shared

  name        = "${local.name}-stop"
  path        = local.fleet_path
  description = "Stops the fleet role that it is attached to, live sessions included."
  policy      = local.stop_policy
  tags        = var.tags
}

resource "aws_cloudwatch_event_rule" "stop" {
  for_each = local.shared

  name        = "bulkhead-spend-stop"
  description = "A customer passed a limit."
  # Unsaid, a rule that somebody switched off would stay so, and no plan would show it.
  state = "ENABLED"
  event_pattern = jsonencode({
    source      = ["aws.cloudwatch"]
    detail-type = ["CloudWatch Alarm State Change"]
    resources   = [{ prefix = "arn:${var.partition}:cloudwatch:${local.region}:${local.account}:alarm:${local.alarm_prefix}" }]
    detail      = { state = { value = ["ALARM"] } }
  })
  tags = var.tags
}

resource "aws_cloudwatch_event_target" "stop" {
  for_each = local.shared

  rule       = aws_cloudwatch_event_rule.stop[each.key].name
  target_id  = "stop"
  arn        = aws_sfn_state_machine.stop[each.key].arn
  role_arn   = aws_iam_role.executor["start"].arn
  input_path = "$.detail"
}

resource "aws_sfn_state_machine" "stop" {
  # checkov:skip=CKV_AWS_284: One call of IAM in one step; there is nothing to trace.
  # checkov:skip=CKV_AWS_285: A standard machine keeps its history for 90 days; a log group would be one more place to guard.
  for_each = local.shared

  name       = "bulkhead-spend-stop"
  type       = "STANDARD"
  role_arn   = aws_iam_role.executor["stop"].arn
  definition = local.stop_machine
  tags       = var.tags

  # Without their rights its role could stop nobody, and that of the rule, which comes after it, start nothing.
  depends_on = [aws_iam_role_policy.executor]
}

resource "aws_iam_role" "executor" {
  for_each = local.executor_role_name

  name                 = each.value
  path                 = local.path
  description          = local.executor_duty[each.key]
  assume_role_policy   = local.executor_trust[each.key]
  permissions_boundary = local.boundary_arn
  tags                 = var.tags
}

resource "aws_iam_role_policy" "executor" {
  for_each = local.executor_role_name

  name   = "executor"
  role   = aws_iam_role.executor[each.key].name
  policy = local.executor_policy[each.key]
}

resource "aws_iam_role_policies_exclusive" "executor" {
  for_each = local.executor_role_name

  role_name    = aws_iam_role.executor[each.key].name
  policy_names = [aws_iam_role_policy.executor[each.key].name]
}

################################################################################
# Budgets
################################################################################

resource "aws_budgets_budget" "customer" {
  for_each = local.budgets

  name         = "bulkhead-spend-${each.key}"
  budget_type  = "COST"
  limit_amount = tostring(each.value.monthly_budget_usd)
  limit_unit   = "USD"
  time_unit    = "MONTHLY"

  # By tag and never by service: some models are billed by AWS Marketplace, and not as Amazon Bedrock.
  cost_filter {
    name   = "TagKeyValue"
    values = [format("user:bulkhead:customer$%s", each.key)]
  }

  # What is spent counts, and not what is paid after credits.
  cost_types {
    include_credit = false
    include_refund = false
  }

  tags = merge(var.tags, { "bulkhead:customer" = each.key })
}

resource "aws_budgets_budget_action" "stop" {
  for_each = local.budgets

  budget_name        = aws_budgets_budget.customer[each.key].name
  action_type        = "APPLY_IAM_POLICY"
  approval_model     = "AUTOMATIC"
  notification_type  = "ACTUAL"
  execution_role_arn = aws_iam_role.budget["budget"].arn
  tags               = merge(var.tags, { "bulkhead:customer" = each.key })

  action_threshold {
    action_threshold_type  = "PERCENTAGE"
    action_threshold_value = 100
  }

  definition {
    iam_action_definition {
      policy_arn = aws_iam_policy.stop["stop"].arn
      roles      = [each.value.fleet_role_name]
    }
  }

  dynamic "subscriber" {
    for_each = var.budget_emails

    content {
      subscription_type = "EMAIL"
      address           = subscriber.value
    }
  }

  depends_on = [aws_iam_role_policy.budget]
}

resource "aws_iam_role" "budget" {
  for_each = local.shared_budget

  name                 = "${local.name}-budget"
  path                 = local.path
  description          = "AWS Budgets stops customers with it."
  assume_role_policy   = local.budget_trust
  permissions_boundary = local.boundary_arn
  tags                 = var.tags
}

resource "aws_iam_role_policy" "budget" {
  for_each = local.shared_budget

  name   = "executor"
  role   = aws_iam_role.budget[each.key].name
  policy = local.executor_policy.stop
}

resource "aws_iam_role_policies_exclusive" "budget" {
  for_each = local.shared_budget

  role_name    = aws_iam_role.budget[each.key].name
  policy_names = [aws_iam_role_policy.budget[each.key].name]
}
