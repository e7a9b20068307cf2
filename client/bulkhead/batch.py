"""Packs log events into batches that PutLogEvents accepts. Pure.

Limits: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

MAX_BATCH_BYTES = 1_048_576
MAX_BATCH_EVENTS = 10_000
EVENT_OVERHEAD = 26
# One event may fill a batch on its own.
MAX_EVENT_BYTES = MAX_BATCH_BYTES - EVENT_OVERHEAD
# All events of one batch lie within 24 hours; one millisecond less is safe on either reading.
MAX_SPAN_MS = 24 * 60 * 60 * 1000 - 1


class Ticket(NamedTuple):
    """A record's place in the spool: which segment, and its number there.

    replay  it may have been delivered already
    """

    segment: object
    number: int
    replay: bool = False


class Event(NamedTuple):
    """One log event; `size` counts its UTF-8 bytes plus what CloudWatch adds.

    ticket  where it lies in the spool, if it does
    report  what it says of losses, if it is the writer's own record
    """

    timestamp: int
    message: str
    size: int
    ticket: Ticket | None = None
    report: Mapping[str, int] | None = None

    @classmethod
    def of(cls, timestamp: int, message: str) -> Event:
        """Measure a message."""
        # What the encoder writes is ASCII: measuring it then costs nothing.
        size = len(message) if message.isascii() else len(message.encode("utf-8"))
        return cls(timestamp, message, size + EVENT_OVERHEAD)


def pack(events: Iterable[Event]) -> Iterator[list[Event]]:
    """Yield batches, sorted by time, that keep all limits; each event must fit one alone."""
    batch: list[Event] = []
    size = 0
    for event in sorted(events, key=lambda each: each.timestamp):
        full = (
            len(batch) >= MAX_BATCH_EVENTS
            or size + event.size > MAX_BATCH_BYTES
            or (batch and event.timestamp - batch[0].timestamp > MAX_SPAN_MS)
        )
        if full and batch:
            yield batch
            batch, size = [], 0
        batch.append(event)
        size += event.size
    if batch:
        yield batch
