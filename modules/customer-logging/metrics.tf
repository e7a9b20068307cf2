# Dashboard and alarms over the metrics that the client's records carry (CloudWatch embedded metric format). Their names
# are in metrics.json, for the client and for these alarms alike.

locals {
  emf       = jsondecode(file("${path.module}/metrics.json"))
  namespace = local.emf.namespace
  metrics   = { for key, metric in local.emf.metrics : key => metric.name }

  far_topics = [for arn in var.alarms.action_arns : arn if split(":", arn)[3] != local.region]

  # What is counted in a period, and how many are too many. A threshold of 0 makes no alarm.
  counted_alarms = {
    for key, alarm in {
      errors = {
        threshold = var.alarms.errors
        period    = 300
        says      = "model calls failed within 5 minutes"
      }
      throttles = {
        threshold = var.alarms.throttles
        period    = 300
        says      = "model calls were throttled within 5 minutes"
      }
      dropped_records = {
        threshold = var.alarms.dropped_records
        period    = 300
        says      = "records were dropped within 5 minutes: calls without a record"
      }
    } : key => alarm if var.alarms.enabled && alarm.threshold > 0
  }
}

resource "aws_cloudwatch_metric_alarm" "counted" {
  for_each = local.counted_alarms

  alarm_name          = "bulkhead-${var.customer}-${replace(each.key, "_", "-")}"
  alarm_description   = "At least ${each.value.threshold} ${each.value.says} (${var.customer})."
  namespace           = local.namespace
  metric_name         = local.metrics[each.key]
  statistic           = "Sum"
  period              = each.value.period
  evaluation_periods  = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = each.value.threshold
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarms.action_arns
  ok_actions          = var.alarms.action_arns
  tags                = local.tags

  lifecycle {
    precondition {
      condition     = length(local.far_topics) == 0
      error_message = "alarms.action_arns: an alarm tells topics of its own region, ${local.region}, and not ${join(", ", local.far_topics)}."
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "tokens" {
  for_each = toset([for alarm in ["tokens"] : alarm if var.alarms.enabled && var.alarms.tokens_per_hour > 0])

  alarm_name          = "bulkhead-${var.customer}-tokens"
  alarm_description   = "At least ${var.alarms.tokens_per_hour} tokens, in and out, within an hour (${var.customer})."
  evaluation_periods  = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = var.alarms.tokens_per_hour
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarms.action_arns
  ok_actions          = var.alarms.action_arns
  tags                = local.tags

  metric_query {
    id          = "tokens"
    expression  = "SUM(METRICS())"
    label       = "Tokens in and out"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = { input = local.metrics.input_tokens, output = local.metrics.output_tokens }

    content {
      id = metric_query.key

      metric {
        namespace   = local.namespace
        metric_name = metric_query.value
        period      = 3600
        stat        = "Sum"
      }
    }
  }

  lifecycle {
    precondition {
      condition     = length(local.far_topics) == 0
      error_message = "alarms.action_arns: an alarm tells topics of its own region, ${local.region}, and not ${join(", ", local.far_topics)}."
    }
  }
}

# A client that died, hangs or cannot write says nothing: silence is what this alarm hears.
resource "aws_cloudwatch_metric_alarm" "heartbeat" {
  for_each = toset([for alarm in ["heartbeat"] : alarm if var.alarms.enabled && var.alarms.heartbeat_minutes > 0])

  alarm_name          = "bulkhead-${var.customer}-heartbeat"
  alarm_description   = "No client has written a sign of life for ${var.alarms.heartbeat_minutes} minutes (${var.customer})."
  namespace           = local.namespace
  metric_name         = local.metrics.heartbeat
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = var.alarms.heartbeat_minutes
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "breaching"
  alarm_actions       = var.alarms.action_arns
  ok_actions          = var.alarms.action_arns
  tags                = local.tags

  lifecycle {
    precondition {
      condition     = length(local.far_topics) == 0
      error_message = "alarms.action_arns: an alarm tells topics of its own region, ${local.region}, and not ${join(", ", local.far_topics)}."
    }
  }
}

# Metrics only: a widget over logs would show what they say to whoever may open the dashboard.
resource "aws_cloudwatch_dashboard" "this" {
  for_each = toset([for dashboard in ["client"] : dashboard if var.dashboard_enabled])

  dashboard_name = "bulkhead-${var.customer}"
  dashboard_body = jsonencode({
    widgets = [
      for index, widget in [
        { title = "Calls, errors, throttles", metrics = ["calls", "errors", "throttles"], stat = "Sum" },
        { title = "Tokens", metrics = ["input_tokens", "output_tokens"], stat = "Sum" },
        { title = "Duration (p95)", metrics = ["duration"], stat = "p95" },
        { title = "Records dropped, signs of life", metrics = ["dropped_records", "heartbeat"], stat = "Sum" },
        ] : {
        type   = "metric"
        x      = index % 2 * 12
        y      = floor(index / 2) * 6
        width  = 12
        height = 6
        properties = {
          title   = widget.title
          region  = local.region
          view    = "timeSeries"
          stat    = widget.stat
          period  = 300
          metrics = [for metric in widget.metrics : [local.namespace, local.metrics[metric]]]
        }
      }
    ]
  })
}
