"""What the catalogue cannot name it refuses; each refusal stands beside a call that is mapped."""

from __future__ import annotations

from typing import Any

import pytest
from support.catalogue import KEY_ARN, REGION, SESSION, A, B, Names, call

from harness.cloud.call import ApiError, Unmapped
from harness.cloud.catalogue import needs

GROUP = f"arn:aws:logs:{REGION}:{A}:log-group:/app"
SECRET = f"arn:aws:secretsmanager:{REGION}:{A}:secret:s"

# operation, parameters that cannot be decided on, parameters that can
PAIRS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    # The account, region or partition is not one that AWS would accept.
    (
        "logs.FilterLogEvents",
        {"logGroupIdentifier": f"arn:aws:logs:{REGION}::log-group:/app"},
        {"logGroupIdentifier": GROUP},
    ),
    (
        "logs.FilterLogEvents",
        {"logGroupIdentifier": f"arn:aws:logs:us-east-1:{A}:log-group:/app"},
        {"logGroupIdentifier": GROUP},
    ),
    (
        "logs.FilterLogEvents",
        {"logGroupIdentifier": f"arn:aws-cn:logs:{REGION}:{A}:log-group:/app"},
        {"logGroupIdentifier": GROUP},
    ),
    (
        "sns.GetTopicAttributes",
        {"TopicArn": "arn:aws:sns"},
        {"TopicArn": f"arn:aws:sns:{REGION}:{A}:t"},
    ),
    ("sns.GetTopicAttributes", {"TopicArn": "t"}, {"TopicArn": f"arn:aws:sns:{REGION}:{A}:t"}),
    (
        "iam.GetPolicy",
        {"PolicyArn": "arn:aws:iam::1:policy/p"},
        {"PolicyArn": f"arn:aws:iam::{A}:policy/p"},
    ),
    # Two names for one thing.
    (
        "logs.FilterLogEvents",
        {"logGroupIdentifier": GROUP, "logGroupName": "/other"},
        {"logGroupName": "/other"},
    ),
    (
        "kinesis.PutRecord",
        {"StreamName": "s", "StreamARN": f"arn:aws:kinesis:{REGION}:{A}:stream/t"},
        {"StreamName": "s", "StreamARN": f"arn:aws:kinesis:{REGION}:{A}:stream/s"},
    ),
    # The resource is not named, or not wholly.
    ("logs.PutLogEvents", {"logGroupName": "/app"}, {"logGroupName": "/app", "logStreamName": "s"}),
    (
        "logs.PutLogEvents",
        {"logGroupName": "", "logStreamName": "s"},
        {"logGroupName": "/app", "logStreamName": "s"},
    ),
    (
        "logs.StartQuery",
        {"queryString": "SOURCE logGroups()"},
        {"logGroupName": "/app", "queryString": "x"},
    ),
    (
        "logs.StartQuery",
        {"logGroupName": "/app", "queryString": "source  LOGGROUPS(namePrefix: ['/'])"},
        {"logGroupName": "/app", "queryString": "fields @message"},
    ),
    ("iam.GetRole", {}, {"RoleName": "app"}),
    ("secretsmanager.GetSecretValue", {"SecretId": SECRET}, {"SecretId": f"{SECRET}-AbCdEf"}),
    ("sqs.SendMessage", {"QueueUrl": "https://host/q"}, {"QueueUrl": f"https://host/{A}/q"}),
    ("s3.GetObject", {"Bucket": "ours"}, {"Bucket": "ours", "Key": "k"}),
    (
        "s3.GetObject",
        {"Bucket": f"arn:aws:s3:{REGION}:{A}:accesspoint/ap", "Key": "k"},
        {"Bucket": "ours", "Key": "k"},
    ),
    (
        "s3.DeleteObjects",
        {"Bucket": "ours"},
        {"Bucket": "ours", "Delete": {"Objects": [{"Key": "k"}]}},
    ),
    (
        "s3.CopyObject",
        {"Bucket": "ours", "Key": "k"},
        {"Bucket": "ours", "Key": "k", "CopySource": "a/b"},
    ),
    (
        "kms.Decrypt",
        {"CiphertextBlob": b"\x01\x02opaque"},
        {"CiphertextBlob": b"x", "KeyId": KEY_ARN},
    ),
    ("sts.AssumeRole", {"RoleArn": "app"}, {"RoleArn": f"arn:aws:iam::{B}:role/app"}),
    ("sts.AssumeRole", {}, {"RoleArn": f"arn:aws:iam::{B}:role/app"}),
    ("events.PutEvents", {"Entries": []}, {"Entries": [{"Source": "x"}]}),
    (
        "ssm.AddTagsToResource",
        {"ResourceType": "New", "ResourceId": "x"},
        {"ResourceType": "Parameter", "ResourceId": "x"},
    ),
    (
        "dynamodb.TransactWriteItems",
        {"TransactItems": [{"Drop": {"TableName": "t"}}]},
        {"TransactItems": [{"Put": {"TableName": "t"}}]},
    ),
    (
        "logs.PutAccountPolicy",
        {"policyType": "SOMETHING_NEW", "policyDocument": "{}"},
        {"policyType": "RETENTION_POLICY", "policyDocument": "{}"},
    ),
    (
        "account.GetRegionOptStatus",
        {"AccountId": B, "RegionName": REGION},
        {"RegionName": REGION},
    ),
]


def _ask(name: str, params: dict[str, Any]) -> Any:
    service, operation = name.split(".")
    return needs(call(service, operation, params), Names())


@pytest.mark.parametrize(
    ("name", "bad", "good"), PAIRS, ids=[f"{n}-{i}" for i, (n, _, _) in enumerate(PAIRS)]
)
def test_refused_unless_named(name: str, bad: dict[str, Any], good: dict[str, Any]) -> None:
    with pytest.raises((Unmapped, ApiError)):
        _ask(name, bad)
    assert _ask(name, good)


@pytest.mark.parametrize(
    "name",
    [
        "dynamodb.ExecuteStatement",
        "ec2.RunInstances",
        "logs.GetLogObject",
        "resourcegroupstaggingapi.TagResources",
        "bedrock.CreateModelCustomizationJob",
        "bedrock-runtime.InvokeModelWithBidirectionalStream",
        "sagemaker.CreateTrainingJob",
        "iam.NoSuchOperation",
        "nosuchservice.GetThing",
    ],
)
def test_operations_outside_the_map_are_refused(name: str) -> None:
    with pytest.raises(Unmapped) as caught:
        _ask(name, {})
    assert f"{caught.value.service}.{caught.value.operation}" == name


def test_a_session_is_no_user() -> None:
    """GetUser without a name means the caller, and a role session has no user behind it."""
    with pytest.raises(Unmapped):
        needs(call("iam", "GetUser", caller=SESSION), Names())
    assert needs(call("iam", "GetUser", {"UserName": "ann"}, caller=SESSION), Names())


def test_an_organization_nobody_knows_is_not_guessed() -> None:
    with pytest.raises(Unmapped):
        _ask("organizations.DescribePolicy", {"PolicyId": "p-1"})
