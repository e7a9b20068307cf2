"""Which calls CloudTrail records as management events, and whether they only read.

Event history holds management events alone; data events (objects, items, messages, log events,
metrics, traces) are recorded by trails that select them, which the embedded cloud does not deliver.
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-data-events-with-cloudtrail.html
"""

from __future__ import annotations

import functools
import re

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/cloudtrail-logging-s3-info.html
_S3_OBJECTS = re.compile(
    r"Object(?!LockConfiguration)|MultipartUpload|UploadPart|ListParts|HeadBucket|SelectObject"
)
_DATA_EVENTS: dict[str, frozenset[str]] = {
    # https://docs.aws.amazon.com/bedrock/latest/userguide/logging-using-cloudtrail.html
    "bedrock-runtime": frozenset(
        {
            "ApplyGuardrail",
            "GetAsyncInvoke",
            "InvokeModelWithBidirectionalStream",
            "ListAsyncInvokes",
            "StartAsyncInvoke",
        }
    ),
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/logging_cw_api_calls.html
    "cloudwatch": frozenset(
        {
            "GetMetricData",
            "GetMetricStatistics",
            "GetMetricWidgetImage",
            "ListMetrics",
            "PutMetricData",
        }
    ),
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/logging-using-cloudtrail.html
    "dynamodb": frozenset(
        {
            "BatchExecuteStatement",
            "BatchGetItem",
            "BatchWriteItem",
            "DeleteItem",
            "ExecuteStatement",
            "ExecuteTransaction",
            "GetItem",
            "PutItem",
            "Query",
            "Scan",
            "TransactGetItems",
            "TransactWriteItems",
            "UpdateItem",
        }
    ),
    "events": frozenset({"PutEvents", "PutPartnerEvents"}),
    "firehose": frozenset({"PutRecord", "PutRecordBatch"}),
    "kinesis": frozenset(
        {"GetRecords", "GetShardIterator", "PutRecord", "PutRecords", "SubscribeToShard"}
    ),
    "lambda": frozenset({"Invoke", "InvokeAsync", "InvokeWithResponseStream"}),
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/logging_cw_api_calls_cwl.html
    "logs": frozenset(
        {
            "FilterLogEvents",
            "GetLogEvents",
            "GetLogObject",
            "GetLogRecord",
            "GetQueryResults",
            "PutLogEvents",
            "StartLiveTail",
        }
    ),
    "sns": frozenset({"Publish", "PublishBatch"}),
    "sqs": frozenset(
        {
            "ChangeMessageVisibility",
            "ChangeMessageVisibilityBatch",
            "DeleteMessage",
            "DeleteMessageBatch",
            "ReceiveMessage",
            "SendMessage",
            "SendMessageBatch",
        }
    ),
    # https://docs.aws.amazon.com/xray/latest/devguide/xray-api-cloudtrail.html
    "xray": frozenset(
        {
            "BatchGetTraces",
            "GetSamplingStatisticSummaries",
            "GetSamplingTargets",
            "GetServiceGraph",
            "GetTimeSeriesServiceStatistics",
            "GetTraceGraph",
            "GetTraceSummaries",
            "PutTelemetryRecords",
            "PutTraceSegments",
        }
    ),
}
# Services of content alone.
_DATA_SERVICES = frozenset(
    {
        "bedrock-agent-runtime",
        "bedrock-agentcore",
        "bedrock-mantle",
        "cloudtrail-data",
        "dynamodbstreams",
        "sagemaker-runtime",
    }
)
_READING = (
    *("BatchGet", "Describe", "Filter", "Generate", "Get", "Head", "List", "Lookup"),
    *("Query", "Scan", "Search", "Select", "Simulate", "Test", "Validate", "Verify"),
)
_READ_ONLY: dict[str, frozenset[str]] = {
    "bedrock-runtime": frozenset(
        {
            "Converse",
            "ConverseStream",
            "CountTokens",
            "InvokeModel",
            "InvokeModelWithResponseStream",
        }
    ),
    # https://docs.aws.amazon.com/kms/latest/developerguide/logging-using-cloudtrail.html
    "kms": frozenset({"Decrypt", "Encrypt", "ReEncrypt", "Sign"}),
    "logs": frozenset({"StartQuery", "StopQuery"}),
    "sts": frozenset(
        {
            "AssumeRole",
            "AssumeRoleWithSAML",
            "AssumeRoleWithWebIdentity",
            "AssumeRoot",
            "DecodeAuthorizationMessage",
        }
    ),
    "xray": frozenset({"StartTraceRetrieval"}),
}
# Their endpoints have no Region: the events are in us-east-1.
# https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-concepts.html
_GLOBAL = frozenset({"account", "budgets", "ce", "cloudfront", "iam", "organizations"})
_SOURCES = {
    "bedrock-runtime": "bedrock",
    "ce": "ce",
    "cloudwatch": "monitoring",
    "resourcegroupstaggingapi": "tagging",
    "stepfunctions": "states",
}


@functools.cache
def is_management_event(service: str, operation: str) -> bool:
    """Whether event history shows a call."""
    if service in _DATA_SERVICES:
        return False
    if service == "s3":
        return _S3_OBJECTS.search(operation) is None
    return operation not in _DATA_EVENTS.get(service, frozenset())


@functools.cache
def is_read_only(service: str, operation: str) -> bool:
    """The event's `readOnly`."""
    return operation.startswith(_READING) or operation in _READ_ONLY.get(service, frozenset())


def event_source(service: str) -> str:
    """The event's `eventSource`, such as `bedrock.amazonaws.com`."""
    return f"{_SOURCES.get(service, service)}.amazonaws.com"


def event_region(service: str, region: str) -> str:
    """The Region whose event history has a call signed for `region`."""
    return "us-east-1" if service in _GLOBAL else region
