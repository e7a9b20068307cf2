"""ARNs in parameters: each field is read, and what AWS would not take is decided under no name."""

from __future__ import annotations

from typing import Any

import pytest
from support.catalogue import REGION, A, Names, call
from support.mutations import mutations

from harness.cloud.call import ApiError, Unmapped
from harness.cloud.catalogue import needs
from harness.cloud.catalogue.arns import is_arn, log_group_of

GROUP = f"arn:aws:logs:{REGION}:{A}:log-group:/app"

# Parameters that take an ARN, with one that is right.
RIGHT: list[tuple[str, dict[str, Any], str, str]] = [
    ("sns.GetTopicAttributes", {}, "TopicArn", f"arn:aws:sns:{REGION}:{A}:t"),
    ("iam.GetPolicy", {}, "PolicyArn", f"arn:aws:iam::{A}:policy/p"),
    ("kinesis.PutRecord", {}, "StreamARN", f"arn:aws:kinesis:{REGION}:{A}:stream/s"),
    ("dynamodb.GetItem", {}, "TableName", f"arn:aws:dynamodb:{REGION}:{A}:table/t"),
    ("kms.Encrypt", {}, "KeyId", f"arn:aws:kms:{REGION}:{A}:key/other"),
    ("sts.AssumeRole", {}, "RoleArn", f"arn:aws:iam::{A}:role/r"),
    ("ssm.GetParameter", {}, "Name", f"arn:aws:ssm:{REGION}:{A}:parameter/p"),
    ("lambda.Invoke", {}, "FunctionName", f"arn:aws:lambda:{REGION}:{A}:function:f"),
    (
        "events.DescribeRule",
        {"Name": "r"},
        "EventBusName",
        f"arn:aws:events:{REGION}:{A}:event-bus/b",
    ),
    (
        "bedrock.GetGuardrail",
        {},
        "guardrailIdentifier",
        f"arn:aws:bedrock:{REGION}:{A}:guardrail/g",
    ),
    ("oam.ListAttachedLinks", {}, "SinkIdentifier", f"arn:aws:oam:{REGION}:{A}:sink/s"),
    (
        "stepfunctions.DescribeActivity",
        {},
        "activityArn",
        f"arn:aws:states:{REGION}:{A}:activity:a",
    ),
    ("sqs.ListMessageMoveTasks", {}, "SourceArn", f"arn:aws:sqs:{REGION}:{A}:q"),
    ("logs.StartQuery", {"queryString": "x"}, "logGroupIdentifiers", GROUP),
]


def _decided(name: str, params: dict[str, Any]) -> str | None:
    service, operation = name.split(".")
    try:
        return needs(call(service, operation, params), Names())[0].resource
    except (Unmapped, ApiError):
        return None


@pytest.mark.parametrize(("name", "others", "member", "arn"), RIGHT, ids=[r[0] for r in RIGHT])
@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        *((0, each) for each in ("ARN", "Arn", " arn")),
        *((1, each) for each in ("aws-cn", "AWS", "")),
        *((2, each) for each in ("s3", "x", "")),
        *((3, each) for each in ("us-east-1", "EU-CENTRAL-1", "eu-central-1 ")),
        *((4, each) for each in ("", "aws-x", "1", "1111111111111", "\uff11" * 12)),
    ],
)
def test_every_field_is_read(
    name: str, others: dict[str, Any], member: str, arn: str, field: int, wrong: str
) -> None:
    fields = arn.split(":")
    fields[field] = wrong
    assert _decided(name, {**others, member: arn}) is not None
    assert _decided(name, {**others, member: ":".join(fields)}) is None


@pytest.mark.parametrize("name", ["logs.FilterLogEvents", "logs.DescribeLogStreams"])
@pytest.mark.parametrize(
    "wrong",
    [
        GROUP.replace(":logs:", ":s3:"),
        GROUP.replace(":logs:", ":lOgs:"),
        GROUP.replace("log-group", "LOG-GROUP"),
        *(GROUP.replace("log-group", each) for each in ("destination", "query-result", "x", "")),
        *(
            f"{GROUP}{end}"
            for end in (":log-stream:s", ":log-stream:*", ":x", ":*:*", ":", "*", " ")
        ),
        *(f"/app{end}" for end in (":log-stream:s", ":*", ":", "%2F", "?", " ")),
    ],
)
def test_only_a_group_is_a_group(name: str, wrong: str) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html"""
    service, operation = name.split(".")
    with pytest.raises(ApiError) as refused:
        needs(call(service, operation, {"logGroupIdentifier": wrong}), Names())
    assert refused.value.code == "InvalidParameterException"
    for right in ("/app", GROUP, f"{GROUP}:*"):
        assert _decided(name, {"logGroupIdentifier": right}) == f"{GROUP}:log-stream:"


def test_an_alias_of_another_region_is_not_the_key_here() -> None:
    there = f"arn:aws:kms:us-east-1:{A}:alias/logs"
    assert _decided("kms.Encrypt", {"KeyId": there}) is None
    assert _decided("kms.Encrypt", {"KeyId": there.replace("us-east-1", REGION)}) is not None


@pytest.mark.parametrize("wrong", ["f:1:2", "function:x:f", "x:function:f", f"{A}:f", "f/g", "f:v"])
def test_a_function_is_named_in_one_way(wrong: str) -> None:
    named = {"FunctionName": f"{A}:function:f"}
    assert _decided("lambda.ListVersionsByFunction", {"FunctionName": wrong}) is None
    assert _decided("lambda.ListVersionsByFunction", named) == (
        f"arn:aws:lambda:{REGION}:{A}:function:f"
    )


def test_a_version_in_the_name_and_beside_it_are_one() -> None:
    name = f"arn:aws:lambda:{REGION}:{A}:function:f"
    both = {"FunctionName": "f:1", "Qualifier": "1"}
    assert _decided("lambda.Invoke", both) == f"{name}:1"
    assert _decided("lambda.Invoke", {**both, "Qualifier": "2"}) is None


@pytest.mark.parametrize(
    "wrong", [f"https://h/x/{A}/q/", f"https://h/{A}/q?x", f"{A}/q", f"https://h/{A}/q%2F", "q"]
)
def test_a_queue_is_named_by_its_url(wrong: str) -> None:
    right = {"QueueUrl": f"https://sqs.{REGION}.amazonaws.com/{A}/q"}
    assert _decided("sqs.SendMessage", {"QueueUrl": wrong}) is None
    assert _decided("sqs.SendMessage", right) == f"arn:aws:sqs:{REGION}:{A}:q"


def test_a_rule_is_not_another_buss() -> None:
    assert _decided("events.DescribeRule", {"Name": "bus/rule"}) is None
    on_bus = _decided("events.DescribeRule", {"Name": "rule", "EventBusName": "bus"})
    assert on_bus == f"arn:aws:events:{REGION}:{A}:rule/bus/rule"


def test_no_mutation_of_a_groups_arn_is_a_group() -> None:
    other = {f"{GROUP}/", f"{GROUP}//", f"{GROUP}/x", f"{GROUP}/..", f"{GROUP}/../x", f"{GROUP}#"}
    found = {each for each in mutations(GROUP) if log_group_of(each, REGION) == (A, "/app")}
    assert found == {f"{GROUP}:*"}
    assert log_group_of(GROUP, REGION) == (A, "/app")
    assert all(log_group_of(each, REGION) for each in other)


def test_what_looks_like_an_arn_is_read_as_one() -> None:
    assert all(map(is_arn, ("arn:aws:x", "ARN:aws:x", " arn:x", "%20arn:x")))
    assert not any(map(is_arn, ("arn", "learn:x", "/app", "barn:")))
