output "stop_policy_arn" {
  description = "The policy that stops a fleet role while it is attached; empty where no customer is limited. Detach it to reset a stop."
  value       = length(local.shared) > 0 ? local.stop_policy_arn : ""
  depends_on  = [aws_iam_policy.stop]
}

output "executor_role_arns" {
  description = "The roles that attach the stop policy, for guardrails that let nobody else do so."
  value = concat(
    [for duty, arn in local.executor_role_arn : arn if duty == "stop"],
    [for name in local.shared_budget : "arn:${var.partition}:iam::${local.account}:role${local.path}${local.name}-budget"],
  )
  depends_on = [aws_iam_role.executor, aws_iam_role.budget]
}

output "alarm_names" {
  description = "The alarms of each customer, by its key."
  value = {
    for key in keys(var.customers) : key => sort([for alarm in values(local.alarms) : alarm.name if alarm.customer == key])
  }
  depends_on = [aws_cloudwatch_metric_alarm.limit]
}
