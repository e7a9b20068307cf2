"""Export tasks need the bucket's leave; filter patterns are read as documented."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support.cloud import A, B, Clients, document

REGION = "eu-central-1"


def letting(bucket: str, account: str) -> str:
    service = {"Service": f"logs.{REGION}.amazonaws.com"}
    source = {"StringEquals": {"aws:SourceAccount": account}}
    common = {"Effect": "Allow", "Principal": service, "Condition": source}
    return document(
        {**common, "Action": "s3:GetBucketAcl", "Resource": f"arn:aws:s3:::{bucket}"},
        {**common, "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/*"},
    )


@pytest.fixture
def group(clients: Clients, unique: Callable[[str], str]) -> str:
    name, logs = unique("/exported"), clients(A, "logs")
    logs.create_log_group(logGroupName=name)
    logs.create_log_stream(logGroupName=name, logStreamName="s")
    messages = ['{"event": "call", "tokens": 7}', "ERROR in line 3", "all is well"]
    now = int(time.time() * 1000)
    events = [{"timestamp": now + n, "message": m} for n, m in enumerate(messages)]
    logs.put_log_events(logGroupName=name, logStreamName="s", logEvents=events)
    return name


@pytest.mark.parametrize(
    ("owner", "source", "allowed"),
    [(A, A, True), (B, A, True), (A, B, False), (A, None, False)],
    ids=["own", "another account", "for others", "closed"],
)
def test_the_bucket_decides(
    clients: Clients,
    unique: Callable[[str], str],
    group: str,
    owner: str,
    source: str | None,
    allowed: bool,
) -> None:
    bucket, s3 = unique("exports"), clients(owner, "s3")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    if source is not None:
        s3.put_bucket_policy(Bucket=bucket, Policy=letting(bucket, source))
    task: dict[str, Any] = {"logGroupName": group, "from": 0, "to": int(time.time() * 1000) + 9}
    if allowed:
        assert clients(A, "logs").create_export_task(**task, destination=bucket)["taskId"]
    else:
        with pytest.raises(ClientError, match="PutObject call on the given bucket failed"):
            clients(A, "logs").create_export_task(**task, destination=bucket)
        assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("", 3),
        ("ERROR", 1),
        ("-ERROR", 2),
        ('{ $.event = "call" && $.tokens > 5 }', 1),
        ("{ $.tokens > 9 }", 0),
    ],
)
def test_patterns_filter(clients: Clients, group: str, pattern: str, found: int) -> None:
    answer = clients(A, "logs").filter_log_events(logGroupName=group, filterPattern=pattern)
    assert len(answer["events"]) == found, json.dumps(answer["events"])


def test_what_is_no_pattern_is_refused(clients: Clients, group: str) -> None:
    with pytest.raises(ClientError) as refused:
        clients(A, "logs").filter_log_events(logGroupName=group, filterPattern="{ $.x = ")
    assert refused.value.response["Error"]["Code"] == "InvalidParameterException"
