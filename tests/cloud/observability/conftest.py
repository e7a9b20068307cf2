"""Log groups with a stream, and streams of Kinesis that take their events."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from support.cloud import REGION, Clients, allow, trust_service


class Group:
    """A log group of an account, with one stream."""

    def __init__(self, clients: Clients, account: str, name: str) -> None:
        self.logs = clients(account, "logs")
        self.account, self.name = account, name
        self.arn = f"arn:aws:logs:{REGION}:{account}:log-group:{name}"
        self.logs.create_log_group(logGroupName=name)
        self.logs.create_log_stream(logGroupName=name, logStreamName="stream")

    def put(self, *messages: str) -> None:
        """Put events of now."""
        now = int(time.time() * 1000)
        self.logs.put_log_events(
            logGroupName=self.name,
            logStreamName="stream",
            logEvents=[{"timestamp": now, "message": message} for message in messages],
        )

    def read(self, logs: Any = None, **kwargs: Any) -> list[str]:
        """The messages as a reader gets them."""
        answer = (logs or self.logs).get_log_events(
            logGroupName=self.name, logStreamName="stream", startFromHead=True, **kwargs
        )
        return [event["message"] for event in answer["events"]]


class Stream:
    """A Kinesis stream of an account, and a role with which CloudWatch Logs may write into it."""

    def __init__(
        self, clients: Clients, account: str, name: str, make_role: Callable[..., str]
    ) -> None:
        self._kinesis = clients(account, "kinesis")
        self.arn = f"arn:aws:kinesis:{REGION}:{account}:stream/{name}"
        self._name = name
        self._kinesis.create_stream(StreamName=name, ShardCount=1)
        self.role = make_role(
            account,
            trust_service("logs.amazonaws.com"),
            allow("kinesis:PutRecord", self.arn),
        )

    def received(self, kind: str = "DATA_MESSAGE") -> list[dict[str, Any]]:
        """The messages of CloudWatch Logs that came in."""
        iterator = self._kinesis.get_shard_iterator(
            StreamName=self._name,
            ShardId="shardId-000000000000",
            ShardIteratorType="TRIM_HORIZON",
        )["ShardIterator"]
        records = self._kinesis.get_records(ShardIterator=iterator, StreamARN=self.arn)["Records"]
        messages = [json.loads(gzip.decompress(record["Data"])) for record in records]
        return [message for message in messages if message["messageType"] == kind]

    def texts(self) -> list[str]:
        """What was in the events."""
        return [e["message"] for message in self.received() for e in message["logEvents"]]


@pytest.fixture
def group(clients: Clients, unique: Callable[[str], str]) -> Callable[[str], Group]:
    return lambda account: Group(clients, account, unique("/outlets/group"))


@pytest.fixture
def stream(
    clients: Clients, unique: Callable[[str], str], make_role: Callable[..., str]
) -> Callable[[str], Stream]:
    return lambda account: Stream(clients, account, unique("stream"), make_role)
