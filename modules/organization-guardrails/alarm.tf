# Tells people when somebody assumes a break-glass role.
#
# CloudTrail records an assumption in the role's account, whoever the caller is. From there the operations account
# forwards it to the bus here (operations-baseline), where no administrator of operations reaches the rule. The RCP allows
# the assumption in this Region only.

locals {
  # A set of one or none: everything here is there together.
  alarms = length(var.break_glass_role_arns) > 0 ? toset(["break-glass"]) : toset([])

  management_account_id = data.aws_organizations_organization.this.master_account_id
  alarm_name            = "${var.name_prefix}-break-glass"
  alarm_topic_arn       = "arn:${var.partition}:sns:${local.region}:${local.management_account_id}:${local.alarm_name}"
  alarm_rule_arn        = "arn:${var.partition}:events:${local.region}:${local.management_account_id}:rule/${local.alarm_name}/${local.alarm_name}"

  alarm_key_policy = {
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "Administration"
        Effect    = "Allow"
        Principal = { AWS = "arn:${var.partition}:iam::${local.management_account_id}:root" }
        Action    = "kms:*"
        Resource  = "*"
      },
      {
        # The key that AWS manages for topics lets no event in. Of EventBridge, KMS is not told whose rule it is: with
        # aws:SourceAccount or aws:SourceArn here no event would arrive.
        # https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
        Sid       = "Events"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = ["kms:Decrypt", "kms:GenerateDataKey*"]
        Resource  = "*"
        Condition = { StringEquals = { "kms:EncryptionContext:aws:sns:topicArn" = local.alarm_topic_arn } }
      },
    ]
  }

  alarm_topic_policy = {
    Version = "2012-10-17"
    Statement = [
      {
        # Without a condition: of EventBridge a topic's policy is told no source, AWS says, so that with one no alarm
        # would ring. https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-sns-permissions
        Sid       = "Events"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sns:Publish"
        Resource  = local.alarm_topic_arn
      },
      {
        # Where it is told one, it must be the rule.
        Sid       = "OfNoOtherRule"
        Effect    = "Deny"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sns:Publish"
        Resource  = local.alarm_topic_arn
        Condition = {
          ArnNotEquals = { "aws:SourceArn" = local.alarm_rule_arn }
          Null         = { "aws:SourceArn" = "false" }
        }
      },
    ]
  }

  alarm_bus_policy = {
    Version = "2012-10-17"
    Statement = [{
      Sid       = "EventsOfOperations"
      Effect    = "Allow"
      Principal = { AWS = "arn:${var.partition}:iam::${var.operations_account_id}:root" }
      Action    = "events:PutEvents"
      Resource  = "arn:${var.partition}:events:${local.region}:${local.management_account_id}:event-bus/${local.alarm_name}"
    }]
  }
}

resource "aws_kms_key" "alarm" {
  for_each = local.alarms

  description             = "Encrypts what ${local.alarm_name} tells."
  enable_key_rotation     = true
  deletion_window_in_days = 7
  policy                  = jsonencode(local.alarm_key_policy)
  tags                    = var.tags
}

resource "aws_sns_topic" "break_glass" {
  for_each = local.alarms

  name              = local.alarm_name
  kms_master_key_id = aws_kms_key.alarm[each.key].arn
  tags              = var.tags
}

resource "aws_sns_topic_policy" "break_glass" {
  for_each = local.alarms

  arn    = aws_sns_topic.break_glass[each.key].arn
  policy = jsonencode(local.alarm_topic_policy)
}

resource "aws_sns_topic_subscription" "break_glass" {
  for_each = length(local.alarms) > 0 ? var.break_glass_emails : toset([])

  topic_arn = one(values(aws_sns_topic.break_glass)[*].arn)
  protocol  = "email"
  endpoint  = each.value
}

# A bus of its own: a policy of the default bus would take the place of others'.
resource "aws_cloudwatch_event_bus" "break_glass" {
  for_each = local.alarms

  name = local.alarm_name
  tags = var.tags
}

resource "aws_cloudwatch_event_bus_policy" "break_glass" {
  for_each = local.alarms

  event_bus_name = aws_cloudwatch_event_bus.break_glass[each.key].name
  policy         = jsonencode(local.alarm_bus_policy)
}

resource "aws_cloudwatch_event_rule" "break_glass" {
  for_each = local.alarms

  name           = local.alarm_name
  description    = "Somebody assumed a break-glass role of the operations account, or tried to."
  event_bus_name = aws_cloudwatch_event_bus.break_glass[each.key].name
  tags           = var.tags

  # CloudTrail marks assumptions as reading. Of reading, a rule hears some by default and all when told so, on an event
  # bus of one's own too. https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail-management.html
  state = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"

  event_pattern = jsonencode({
    account     = [var.operations_account_id]
    source      = ["aws.sts"]
    detail-type = ["AWS API Call via CloudTrail"]
    detail = {
      eventSource       = ["sts.amazonaws.com"]
      eventName         = ["AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"]
      requestParameters = { roleArn = sort(var.break_glass_role_arns) }
    }
  })
}

resource "aws_cloudwatch_event_target" "break_glass" {
  for_each = local.alarms

  rule           = aws_cloudwatch_event_rule.break_glass[each.key].name
  event_bus_name = aws_cloudwatch_event_bus.break_glass[each.key].name
  arn            = aws_sns_topic.break_glass[each.key].arn
}
