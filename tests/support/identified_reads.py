"""How to read each resource that a cloud keeps, by every parameter that names one.

For each read: the short names of the identifiers that it takes, and the call. A read that succeeds
has told something of the resource.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

BUCKET = "guarded-bucket-of-a"
OPEN_BUCKET = "open-bucket-of-a"


class Nothing(Exception):
    """An answer that tells nothing of the resource."""


def _some(found: Any) -> Any:
    if not found:
        raise Nothing
    return found


def _put(answer: Any) -> Any:
    if answer["FailedEntryCount"]:
        raise Nothing
    return answer


Reads = dict[str, tuple[tuple[str, ...], Callable[[Any, str], Any]]]


def _reads(service: str, reads: dict[str, Any], *names: str) -> Reads:
    return {f"{service}.{operation}": (names, read) for operation, read in reads.items()}


def _since() -> dict[str, int]:
    return {"startTime": 0, "endTime": int(time.time()) + 10}


READS: Reads = {
    **_reads(
        "kms",
        {
            "describe_key": lambda c, v: c.describe_key(KeyId=v),
            "encrypt": lambda c, v: c.encrypt(KeyId=v, Plaintext=b"x"),
            "generate_data_key": lambda c, v: c.generate_data_key(KeyId=v, KeySpec="AES_256"),
        },
        *("key", "key-id", "alias", "alias-arn"),
    ),
    **_reads(
        "kms",
        {
            "get_key_policy": lambda c, v: c.get_key_policy(KeyId=v, PolicyName="default"),
            "list_resource_tags": lambda c, v: c.list_resource_tags(KeyId=v),
        },
        *("key", "key-id"),
    ),
    **_reads(
        "iam",
        {
            "get_role": lambda c, v: c.get_role(RoleName=v),
            "list_role_policies": lambda c, v: c.list_role_policies(RoleName=v),
            "get_user": lambda c, v: c.get_user(UserName=v),
            "list_access_keys": lambda c, v: c.list_access_keys(UserName=v),
        },
        "name",
    ),
    **_reads(
        "iam",
        {
            "get_policy": lambda c, v: c.get_policy(PolicyArn=v),
            "get_policy_version": lambda c, v: c.get_policy_version(PolicyArn=v, VersionId="v1"),
            "list_policy_versions": lambda c, v: c.list_policy_versions(PolicyArn=v),
            "list_policy_tags": lambda c, v: _some(c.list_policy_tags(PolicyArn=v)["Tags"]),
            "list_entities_for_policy": lambda c, v: _some(
                # The inner app looks into so many roles, and tests fill the account.
                c.list_entities_for_policy(PolicyArn=v, MaxItems=1000)["PolicyRoles"]
            ),
        },
        "policy",
    ),
    **_reads(
        "sts",
        {"assume_role": lambda c, v: c.assume_role(RoleArn=v, RoleSessionName="test")},
        "role",
    ),
    **_reads(
        "logs",
        {
            "filter_log_events": lambda c, v: c.filter_log_events(logGroupIdentifier=v),
            "get_log_events": lambda c, v: c.get_log_events(
                logGroupIdentifier=v, logStreamName="s"
            ),
            "describe_log_streams": lambda c, v: c.describe_log_streams(logGroupIdentifier=v),
            "get_data_protection_policy": lambda c, v: c.get_data_protection_policy(
                logGroupIdentifier=v
            ),
            "start_query": lambda c, v: c.start_query(
                logGroupIdentifiers=[v], queryString="fields @message", **_since()
            ),
        },
        *("group", "group-arn", "group-star"),
    ),
    **_reads(
        "logs",
        {
            "describe_log_streams by name": lambda c, v: c.describe_log_streams(logGroupName=v),
            "filter_log_events by name": lambda c, v: c.filter_log_events(logGroupName=v),
            "describe_metric_filters": lambda c, v: c.describe_metric_filters(logGroupName=v),
            "list_tags_log_group": lambda c, v: c.list_tags_log_group(logGroupName=v),
        },
        "group",
    ),
    **_reads(
        "logs",
        {
            "list_tags_for_resource": lambda c, v: _some(
                c.list_tags_for_resource(resourceArn=v)["tags"]
            )
        },
        "group-arn",
    ),
    **_reads(
        "secretsmanager",
        {
            "describe_secret": lambda c, v: c.describe_secret(SecretId=v),
            "get_secret_value": lambda c, v: c.get_secret_value(SecretId=v),
            "list_secret_version_ids": lambda c, v: c.list_secret_version_ids(SecretId=v),
        },
        *("secret", "name"),
    ),
    **_reads(
        "ssm",
        {
            "get_parameter": lambda c, v: c.get_parameter(Name=v),
            "get_parameters": lambda c, v: _some(c.get_parameters(Names=[v])["Parameters"]),
        },
        *("parameter", "parameter-arn"),
    ),
    **_reads(
        "ssm",
        {
            "get_parameter_history": lambda c, v: c.get_parameter_history(Name=v),
        },
        "parameter",
    ),
    **_reads(
        "dynamodb",
        {
            "describe_table": lambda c, v: c.describe_table(TableName=v),
            "scan": lambda c, v: c.scan(TableName=v),
            "get_item": lambda c, v: c.get_item(TableName=v, Key={"k": {"S": "x"}}),
            "batch_get_item": lambda c, v: c.batch_get_item(
                RequestItems={v: {"Keys": [{"k": {"S": "x"}}]}}
            ),
            "transact_get_items": lambda c, v: c.transact_get_items(
                TransactItems=[{"Get": {"TableName": v, "Key": {"k": {"S": "x"}}}}]
            ),
        },
        *("table", "name"),
    ),
    **_reads(
        "dynamodb",
        {
            "list_tags_of_resource": lambda c, v: _some(
                c.list_tags_of_resource(ResourceArn=v)["Tags"]
            )
        },
        "table",
    ),
    **_reads(
        "kinesis",
        {
            "describe_stream": lambda c, v: c.describe_stream(StreamARN=v),
            "describe_stream_summary": lambda c, v: c.describe_stream_summary(StreamARN=v),
            "list_shards": lambda c, v: c.list_shards(StreamARN=v),
            "list_tags_for_stream": lambda c, v: c.list_tags_for_stream(StreamARN=v),
            "list_stream_consumers": lambda c, v: c.list_stream_consumers(StreamARN=v),
            "get_shard_iterator": lambda c, v: c.get_shard_iterator(
                StreamARN=v, ShardId="shardId-000000000000", ShardIteratorType="LATEST"
            ),
        },
        "stream",
    ),
    **_reads(
        "kinesis",
        {"describe_stream by name": lambda c, v: c.describe_stream(StreamName=v)},
        "name",
    ),
    **_reads(
        "sqs",
        {
            "get_queue_attributes": lambda c, v: c.get_queue_attributes(
                QueueUrl=v, AttributeNames=["All"]
            ),
            "receive_message": lambda c, v: c.receive_message(QueueUrl=v),
            "list_queue_tags": lambda c, v: c.list_queue_tags(QueueUrl=v),
        },
        "queue-url",
    ),
    **_reads("sqs", {"get_queue_url": lambda c, v: c.get_queue_url(QueueName=v)}, "name"),
    **_reads(
        "sns",
        {
            "get_topic_attributes": lambda c, v: c.get_topic_attributes(TopicArn=v),
            "list_subscriptions_by_topic": lambda c, v: c.list_subscriptions_by_topic(TopicArn=v),
            "publish": lambda c, v: c.publish(TopicArn=v, Message="m"),
            "publish to target": lambda c, v: c.publish(TargetArn=v, Message="m"),
            "list_tags_for_resource": lambda c, v: _some(
                c.list_tags_for_resource(ResourceArn=v)["Tags"]
            ),
        },
        "topic",
    ),
    **_reads(
        "sns",
        {
            "get_subscription_attributes": lambda c, v: c.get_subscription_attributes(
                SubscriptionArn=v
            )
        },
        "subscription",
    ),
    **_reads(
        "lambda",
        {
            "get_function": lambda c, v: c.get_function(FunctionName=v),
            "get_function_configuration": lambda c, v: c.get_function_configuration(FunctionName=v),
        },
        *("function", "name"),
    ),
    **_reads(
        "lambda",
        {
            "list_versions_by_function": lambda c, v: _some(
                c.list_versions_by_function(FunctionName=v)["Versions"]
            ),
        },
        "name",
    ),
    **_reads(
        "lambda", {"list_tags": lambda c, v: _some(c.list_tags(Resource=v)["Tags"])}, "function"
    ),
    **_reads(
        "s3",
        {
            "list_objects_v2": lambda c, v: c.list_objects_v2(Bucket=v),
            "get_bucket_location": lambda c, v: c.get_bucket_location(Bucket=v),
            "get_object of bucket": lambda c, v: c.get_object(Bucket=v, Key="dir/o"),
        },
        "bucket",
    ),
    **_reads(
        "s3",
        {
            "get_object": lambda c, v: c.get_object(Bucket=BUCKET, Key=v),
            "get_object_tagging": lambda c, v: c.get_object_tagging(Bucket=BUCKET, Key=v),
        },
        "object",
    ),
    **_reads(
        "s3",
        {"copy_object": lambda c, v: c.copy_object(Bucket=OPEN_BUCKET, Key="k", CopySource=v)},
        "source",
    ),
    **_reads(
        "events",
        {
            "describe_event_bus": lambda c, v: c.describe_event_bus(Name=v),
            "describe_rule on bus": lambda c, v: c.describe_rule(Name="guarded", EventBusName=v),
            "put_events": lambda c, v: _put(
                c.put_events(
                    Entries=[{"Source": "s", "DetailType": "d", "Detail": "{}", "EventBusName": v}]
                )
            ),
        },
        *("bus", "name"),
    ),
    **_reads(
        "events",
        {
            "list_tags_for_resource": lambda c, v: _some(
                c.list_tags_for_resource(ResourceARN=v)["Tags"]
            )
        },
        *("rule", "bus"),
    ),
    **_reads(
        "events",
        {"describe_rule": lambda c, v: c.describe_rule(Name=v, EventBusName="guarded")},
        "name",
    ),
    **_reads(
        "cloudtrail",
        {
            "get_trail": lambda c, v: c.get_trail(Name=v),
            "get_trail_status": lambda c, v: c.get_trail_status(Name=v),
            "get_event_selectors": lambda c, v: c.get_event_selectors(TrailName=v),
        },
        *("trail", "name"),
    ),
    **_reads(
        "cloudtrail",
        {
            "list_tags": lambda c, v: _some(
                c.list_tags(ResourceIdList=[v])["ResourceTagList"][0]["TagsList"]
            )
        },
        "trail",
    ),
    **_reads(
        "oam",
        {
            "get_sink": lambda c, v: c.get_sink(Identifier=v),
            "list_attached_links": lambda c, v: c.list_attached_links(SinkIdentifier=v),
            "list_tags_for_resource": lambda c, v: _some(
                c.list_tags_for_resource(ResourceArn=v)["Tags"]
            ),
        },
        "sink",
    ),
    **_reads(
        "bedrock",
        {"get_guardrail": lambda c, v: c.get_guardrail(guardrailIdentifier=v)},
        *("guardrail", "guardrail-id"),
    ),
    **_reads(
        "bedrock",
        {
            "get_inference_profile": lambda c, v: c.get_inference_profile(
                inferenceProfileIdentifier=v
            )
        },
        *("profile", "profile-id"),
    ),
    **_reads(
        "bedrock",
        {
            "list_tags_for_resource": lambda c, v: _some(
                c.list_tags_for_resource(resourceARN=v)["tags"]
            )
        },
        *("profile", "guardrail"),
    ),
    **_reads(
        "stepfunctions",
        {
            "describe_state_machine": lambda c, v: c.describe_state_machine(stateMachineArn=v),
            "list_executions": lambda c, v: c.list_executions(stateMachineArn=v),
            "list_tags_for_resource": lambda c, v: _some(
                c.list_tags_for_resource(resourceArn=v)["tags"]
            ),
        },
        "machine",
    ),
}
