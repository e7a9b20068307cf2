"""Sends one batch to CloudWatch Logs and says what a failure means. The writer retries."""

from __future__ import annotations

import json.encoder
import threading
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol

from botocore.exceptions import ClientError, ConnectionClosedError

from bulkhead import _fork
from bulkhead.batch import Event
from bulkhead.delivery import Remedy
from bulkhead.errors import (
    DestinationError,
    DestinationUnknownError,
    EndpointError,
    RequestRefusedError,
    code_of,
)

__all__ = ["CloudWatchTransport", "Rejections", "Remedy", "Transport"]

_quoted = json.encoder.encode_basestring_ascii

_THROTTLED = frozenset(
    {
        "LimitExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
_NOT_YET = frozenset({"AccessDeniedException", "OptInRequired", "ResourceNotFoundException"})
EXPIRED = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "RequestExpired",
        "UnrecognizedClientException",
    }
)
_UNACCEPTABLE = frozenset(
    {
        "413",
        "InvalidParameterException",
        "RequestEntityTooLarge",
        "SerializationException",
        "ValidationException",
    }
)


class Rejections(NamedTuple):
    """Which events of a sorted batch CloudWatch Logs would not keep, as bounds of their indices.

    Those before `expired_end` are older than the group's retention, those before `too_old_end`
    older than 14 days, those from `too_new_start` on more than two hours ahead.
    https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_RejectedLogEventsInfo.html
    """

    expired_end: int = 0
    too_old_end: int = 0
    too_new_start: int | None = None

    def reason(self, index: int) -> str | None:
        """Why the event of this index was rejected; None if it was kept."""
        if index < self.expired_end:
            return "rejected_expired"
        if index < self.too_old_end:
            return "rejected_too_old"
        if self.too_new_start is not None and index >= self.too_new_start:
            return "rejected_too_new"
        return None


class Transport(Protocol):
    """Where the writer hands batches to. One is used by one thread at a time."""

    def send(self, events: Sequence[Event]) -> Rejections | None:
        """Deliver a batch; say which of its events were rejected. Raises on failure."""

    def remedy(self, error: Exception) -> Remedy:
        """Classify what `send` raised."""

    def reset(self) -> None:
        """Start afresh in the child of a fork, without making a call."""

    def another(self) -> Transport:
        """A second way to the same place, which may be used at the same time."""


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
        self._body: bytes | None = None

    def another(self) -> CloudWatchTransport:
        """The same group through another client, to another stream."""
        return CloudWatchTransport(self._new_client, self._group, self._app)

    def send(self, events: Sequence[Event]) -> Rejections | None:
        """Deliver a batch with PutLogEvents; say which events CloudWatch rejected."""
        if self._client is None:
            self._client = self._make_client()
        if self._stream is None:
            self._stream = self._create_stream()
        try:
            response = self._put(self._stream, events)
        except ClientError as error:
            if code_of(error) == "ResourceNotFoundException":
                self._stream = None  # the stream or its group was deleted: make one at the retry
            raise
        return _rejections(response.get("rejectedLogEventsInfo"))

    def remedy(self, error: Exception) -> Remedy:
        """Most failures pass: throttling, outages, expired keys, a late group or right."""
        if isinstance(error, DestinationError | EndpointError | RequestRefusedError):
            return Remedy.GIVE_UP
        if isinstance(error, DestinationUnknownError | ConnectionClosedError):
            return Remedy.RENEW
        if not isinstance(error, ClientError):
            return Remedy.RETRY
        code = code_of(error)
        for codes, remedy in (
            (_THROTTLED, Remedy.SLOW_DOWN),
            (_NOT_YET, Remedy.WAIT),
            (EXPIRED, Remedy.RENEW),
            (_UNACCEPTABLE, Remedy.SPLIT),
        ):
            if code in codes:
                return remedy
        return Remedy.RETRY

    def _put(self, stream: str, events: Sequence[Event]) -> Any:
        if not _speaks_json(self._client):
            return self._client.put_log_events(
                logGroupName=self._group,
                logStreamName=stream,
                logEvents=[
                    {"timestamp": event.timestamp, "message": event.message} for event in events
                ],
            )
        # botocore validates and copies every event in Python, which takes longer than all the rest
        # of a batch; so it is given one stand-in, and `_fill` puts the events in its place.
        self._body = b"".join(
            (
                f'{{"logGroupName":{_quoted(self._group)},"logStreamName":{_quoted(stream)},'
                '"logEvents":['.encode("ascii"),
                ",".join(
                    [
                        f'{{"timestamp":{event.timestamp},"message":{_quoted(event.message)}}}'
                        for event in events
                    ]
                ).encode("ascii"),
                b"]}",
            )
        )
        try:
            return self._client.put_log_events(
                logGroupName=self._group,
                logStreamName=stream,
                logEvents=[{"timestamp": 0, "message": "-"}],
            )
        finally:
            self._body = None

    def _fill(self, params: dict[str, Any], **_: object) -> None:
        """A botocore `before-call` hook, before the request is signed: the true body."""
        if self._body is None:
            raise RuntimeError("a client of the writer was used by somebody else")
        params["body"] = self._body

    def _make_client(self) -> Any:
        with _making.lock:  # sessions of botocore make one client at a time
            client = self._new_client()
        if _speaks_json(client):
            client.meta.events.register("before-call.cloudwatch-logs.PutLogEvents", self._fill)
        return client

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


class _Making:
    """The lock under which clients are made, a new one in every forked child."""

    def __init__(self) -> None:
        self.reset_after_fork()
        _fork.watch(self)

    def reset_after_fork(self) -> None:
        self.lock = threading.Lock()


_making = _Making()


def _speaks_json(client: Any) -> bool:
    """Whether requests of a client are those of the JSON protocol, as all are at present."""
    model = getattr(getattr(client, "meta", None), "service_model", None)
    return getattr(model, "resolved_protocol", None) == "json"


def _rejections(info: dict[str, int] | None) -> Rejections | None:
    if not info:
        return None
    return Rejections(
        expired_end=info.get("expiredLogEventEndIndex", 0),
        too_old_end=info.get("tooOldLogEventEndIndex", 0),
        too_new_start=info.get("tooNewLogEventStartIndex"),
    )
