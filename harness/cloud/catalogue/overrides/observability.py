"""Logs, metrics, events, trails and traces."""

from __future__ import annotations

_GROUP_OR_ID = "@log-group:logGroupIdentifier|@log-group:logGroupName"

OVERRIDES: dict[str, dict[str, str]] = {
    "logs": {
        "AssociateKmsKey": "@log-group:logGroupName|@log-group:resourceIdentifier",
        "CreateDelivery": (
            "~delivery-source:{deliverySourceName} {deliveryDestinationArn}"
            " +logs:TagResource>~delivery:*"
        ),
        "CreateExportTask": "@log-group:logGroupName",
        "CreateLogAnomalyDetector": (
            "@log-group:logGroupArnList +logs:TagResource>~anomaly-detector:*"
        ),
        "CreateLogGroup": "=logs.create_log_group",
        "DeleteAccountPolicy": "=logs.delete_account_policy",
        "DeleteDelivery": "~delivery:{id}",
        "DeleteDeliveryDestination": "~delivery-destination:{name}",
        "DeleteDeliverySource": "~delivery-source:{name}",
        "DeleteIndexPolicy": "@log-group:logGroupIdentifier",
        "DescribeFieldIndexes": "@log-group:logGroupIdentifiers",
        "DescribeIndexPolicies": "@log-group:logGroupIdentifiers",
        # Decided on an empty name even with a prefix: terraform-provider-aws issue 8804.
        "DescribeLogGroups": "~log-group::log-stream:",
        "ListLogGroups": "~log-group::log-stream:",
        "DescribeMetricFilters": "?@log-group:logGroupName /~log-group::log-stream:",
        "DisassociateKmsKey": "@log-group:logGroupName|@log-group:resourceIdentifier",
        "PutDeliverySource": "~delivery-source:{name}",
        "FilterLogEvents": "=logs.filter_log_events",
        "DescribeLogStreams": _GROUP_OR_ID,
        "GetDelivery": "~delivery:{id}",
        "GetDeliveryDestination": "~delivery-destination:{name}",
        "GetDeliverySource": "~delivery-source:{name}",
        "GetLogEvents": "=logs.get_log_events",
        "GetLogGroupFields": _GROUP_OR_ID,
        "GetLogObject": "!the pointer does not tell the log group",
        "GetLogRecord": "=logs.get_log_record",
        "GetQueryResults": "~log-group::log-stream:",
        "GetLogFields": "!the data source does not tell the log group",
        "ListTagsForResource": "@logs-tagged:resourceArn",
        "TagResource": "@logs-tagged:resourceArn",
        "UntagResource": "@logs-tagged:resourceArn",
        "PutIndexPolicy": "@log-group:logGroupIdentifier",
        "PutResourcePolicy": "?@log-group:resourceArn /*",
        "DeleteResourcePolicy": "?@log-group:resourceArn /*",
        "DescribeResourcePolicies": "?@log-group:resourceArn /*",
        "PutSubscriptionFilter": (
            "@log-group:logGroupName ?@logs-destination:destinationArn ^roleArn>logs.amazonaws.com"
        ),
        "StartLiveTail": "@log-group:logGroupIdentifiers",
        "PutAccountPolicy": "=logs.put_account_policy",
        "StartQuery": "=logs.start_query",
        "TagLogGroup": "~log-group:{logGroupName}",
        "UntagLogGroup": "~log-group:{logGroupName} #-tags",
        "ListTagsLogGroup": "~log-group:{logGroupName}",
        "UpdateDeliveryConfiguration": "~delivery:{id}",
    },
    "cloudwatch": {
        "GetMetricData": "*",
        "PutMetricData": "*",
        "PutAlarmMuteRule": "~alarm-mute-rule:{Name}",
        "DescribeAlarmHistory": "?~alarm:{AlarmName} /~alarm:*",
        "DescribeAlarms": "?~alarm:{AlarmNames} /~alarm:*",
        "DescribeInsightRules": "*",
        "DeleteInsightRules": "~insight-rule/{RuleNames}",
        "DisableInsightRules": "~insight-rule/{RuleNames}",
        "EnableInsightRules": "~insight-rule/{RuleNames}",
        "GetInsightRuleReport": "~insight-rule/{RuleName}",
        "PutInsightRule": "~insight-rule/{RuleName}",
        "DeleteMetricStream": "~metric-stream/{Name}",
        "GetMetricStream": "~metric-stream/{Name}",
        "StartMetricStreams": "~metric-stream/{Names}",
        "StopMetricStreams": "~metric-stream/{Names}",
        "PutMetricStream": (
            "~metric-stream/{Name} ^RoleArn>streams.metrics.cloudwatch.amazonaws.com"
        ),
    },
    "events": {
        **dict.fromkeys(
            (
                "DeleteRule",
                "DescribeRule",
                "DisableRule",
                "EnableRule",
                "ListTargetsByRule",
                "PutRule",
                "PutTargets",
                "RemoveTargets",
            ),
            "=events.rule",
        ),
        "PutEvents": "=events.put_events",
        "CreateArchive": "~archive/{ArchiveName} {EventSourceArn}",
        "CreateEventBus": "@bus:Name",
        "StartReplay": "~replay/{ReplayName} {EventSourceArn} {Destination.Arn}",
        "CreateConnection": "~connection/{Name}",
        "CreateApiDestination": "~api-destination/{Name} {ConnectionArn}",
        "DeleteConnection": "~connection/{Name}",
        "DescribeApiDestination": "~api-destination/{Name}",
        "DescribeConnection": "~connection/{Name}",
        "CreateEndpoint": "~endpoint/{Name}",
        "DeleteEventBus": "@bus:Name",
        "DescribeEventBus": "?@bus:Name /~event-bus/default",
        "PutPermission": "?@bus:EventBusName /~event-bus/default",
        "RemovePermission": "?@bus:EventBusName /~event-bus/default",
        "ListRules": "*",
        "UpdateEventBus": "?@bus:Name /~event-bus/default",
    },
    "oam": {
        "CreateLink": "=oam.create_link",
        "UpdateLink": "=oam.update_link",
        "CreateSink": "* +oam:TagResource>~sink/*",
    },
    "cloudtrail": {
        "AddTags": "{ResourceId} #TagsList",
        "CreateChannel": "~channel/* {Destinations.Location} +cloudtrail:AddTags>~channel/*",
        "DescribeTrails": "*",
        "ListTags": "{ResourceIdList}",
        "LookupEvents": "*",
        "RemoveTags": "{ResourceId}",
    },
    "xray": {
        "CreateGroup": "~group/{GroupName}/*",
        "CreateSamplingRule": "~sampling-rule/{SamplingRule.RuleName}",
        "UpdateSamplingRule": (
            "~sampling-rule/{SamplingRuleUpdate.RuleName}|{SamplingRuleUpdate.RuleARN}"
        ),
    },
}
