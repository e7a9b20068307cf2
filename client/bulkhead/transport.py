"""Sends one batch to CloudWatch Logs and says what a failure means. The writer retries."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Protocol

from botocore.exceptions import ClientError

from bulkhead.batch import Event
from bulkhead.errors import DestinationError, code_of


class Remedy(Enum):
    """What to do about a batch that was not accepted."""

    RETRY = "retry"
    SPLIT = "split"
    GIVE_UP = "give up"


class Transport(Protocol):
    """Where the writer hands batches to."""

    def send(self, events: Sequence[Event]) -> int:
        """Deliver a batch; return how many of its events were rejected. Raises on failure."""

    def remedy(self, error: Exception) -> Remedy:
        """Classify what `send` raised."""

    def reset(self) -> None:
        """Start afresh in the child of a fork, without making a call."""


class CloudWatchTransport:
    """Writes to one log stream of its own, created once.

    `new_client` makes a `logs` client. The group must exist: it is Terraform's, and one
    created here would lack key, retention and data protection.
    """

    def __init__(self, new_client: Callable[[], Any], log_group_name: str, app: str) -> None:
        self._new_client = new_client
        self._group = log_group_name
        self._app = app
        self.reset()

    def reset(self) -> None:
        """Forget client and stream; a forked child gets its own of both."""
        self._client: Any = None
        self._stream: str | None = None

    def send(self, events: Sequence[Event]) -> int:
        """Deliver a batch with PutLogEvents; return how many events CloudWatch rejected."""
        if self._client is None:
            self._client = self._new_client()
        if self._stream is None:
            self._stream = self._create_stream()
        try:
            response = self._client.put_log_events(
                logGroupName=self._group,
                logStreamName=self._stream,
                logEvents=[
                    {"timestamp": event.timestamp, "message": event.message} for event in events
                ],
            )
        except ClientError as error:
            if code_of(error) == "ResourceNotFoundException":
                self._stream = None  # the stream or its group was deleted: make one at the retry
            raise
        return _rejected(response.get("rejectedLogEventsInfo"), len(events))

    def remedy(self, error: Exception) -> Remedy:
        """Most failures pass: throttling, outages, expired keys, a late group or right."""
        if isinstance(error, DestinationError):
            return Remedy.GIVE_UP
        if isinstance(error, ClientError) and code_of(error) in (
            "InvalidParameterException",
            "ValidationException",
            "SerializationException",
        ):
            return Remedy.SPLIT
        return Remedy.RETRY

    def _create_stream(self) -> str:
        # Application name (checked by config), day and a random part: no `:` and no `*`.
        name = f"bulkhead/{self._app}/{datetime.now(UTC):%Y/%m/%d}/{uuid.uuid4().hex}"
        try:
            self._client.create_log_stream(logGroupName=self._group, logStreamName=name)
        except ClientError as error:
            # The answer to an earlier attempt was lost.
            if code_of(error) != "ResourceAlreadyExistsException":
                raise
        return name


def _rejected(info: dict[str, int] | None, count: int) -> int:
    """Count the events outside the accepted range (both index kinds are of the sorted batch)."""
    if not info:
        return 0
    first = max(info.get("tooOldLogEventEndIndex", 0), info.get("expiredLogEventEndIndex", 0))
    last = info.get("tooNewLogEventStartIndex", count)
    return count - max(0, last - first)
