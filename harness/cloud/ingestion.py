"""Log events entering a group: the one door, and who is told when they have come in.

Everything that sends events on (subscriptions, metric filters, centralization, trails of content)
observes this door instead of looking into moto.
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.logs.models import logs_backends

from harness.cloud.call import Answer, ApiError, Call
from harness.cloud.log_masking import keep_visible, raw_text, visible_text


@dataclass(frozen=True, slots=True)
class LogGroupRef:
    """A log group; `arn` is without the trailing `:*`."""

    account: str
    region: str
    name: str
    arn: str


@dataclass(frozen=True, slots=True)
class LogEvent:
    """One event as it came in. `message` is raw; `visible` is what leaves the group masked.

    Where no data protection policy finds anything, both are the same text.
    """

    id: str
    timestamp: int
    ingestion_time: int
    message: str
    visible: str


Observer = Callable[[LogGroupRef, str, Sequence[LogEvent]], None]
"""Gets group, stream name and the accepted events; never an empty sequence."""


def group_ref(account: str, region: str, name: str) -> LogGroupRef:
    """The reference of a group by its place and name, whether or not there is such a group."""
    return LogGroupRef(account, region, name, f"arn:aws:logs:{region}:{account}:log-group:{name}")


class Ingestion:
    """Plays PutLogEvents: stores the events in moto, then calls each of `observers` in turn.

    `mask` turns a raw message of a group into what leaves it; it is asked at ingestion, since a
    data protection policy masks only what comes in after it. `check` gets the ARN of the group and
    raises `ApiError` where nothing can be written to it now.
    """

    def __init__(self) -> None:
        self.observers: list[Observer] = []
        self.mask: Callable[[LogGroupRef, str], str] = lambda _, message: message
        self.check: Callable[[str], None] = lambda _: None
        self._lock = threading.Lock()

    def handles(self, service: str, operation: str) -> bool:
        """PutLogEvents."""
        return service == "logs" and operation == "PutLogEvents"

    def answer(self, call: Call) -> Answer:
        """Store the call's events. Raises `ApiError` as the service does."""
        group = group_ref(call.account, call.region, str(call.params["logGroupName"]))
        stream = str(call.params["logStreamName"])
        return Answer(self.put(group, stream, call.params["logEvents"]))

    def put(
        self, group: LogGroupRef, stream: str, events: Sequence[Mapping[str, Any]]
    ) -> Mapping[str, Any]:
        """Store `timestamp`/`message` pairs in an existing stream and tell the observers.

        Returns the members of PutLogEvents' answer. Asks nobody for permission: for services that
        write on their own account, such as centralization. Raises `ApiError`.
        """
        self.check(group.arn)
        backend: Any = logs_backends[group.account][group.region]
        with self._lock:
            kept = self._stored(backend, group.name, stream)
            before = len(kept)
            try:
                token, rejected = backend.put_log_events(group.name, stream, list(events))
            except JsonRESTError as error:
                raise ApiError(error.error_type, str(error.message), 400) from None
            new = self._stored(backend, group.name, stream)[before:]
            for stored in new:
                raw = raw_text(stored)
                visible = self.mask(group, raw)
                if visible != raw:
                    keep_visible(stored, visible)
        accepted = [
            LogEvent(
                id=f"{stored.event_id:056d}",
                timestamp=int(stored.timestamp),
                ingestion_time=int(stored.ingestion_time),
                message=raw_text(stored),
                visible=visible_text(stored),
            )
            for stored in new
        ]
        if accepted:
            for observer in self.observers:
                observer(group, stream, accepted)
        answer: dict[str, Any] = {"nextSequenceToken": token}
        if rejected:
            answer["rejectedLogEventsInfo"] = rejected
        return answer

    @staticmethod
    def _stored(backend: Any, group: str, stream: str) -> list[Any]:
        found = backend.groups.get(group)
        held = None if found is None else found.streams.get(stream)
        events: list[Any] = [] if held is None else held.events
        return events
