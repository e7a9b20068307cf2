"""Counts what became of every record. No locks here: the writer holds its own."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

_SAMPLES = 20


class Loss(NamedTuple):
    """One record that will not be delivered; `record_id` where it is known."""

    reason: str
    record_id: str | None
    timestamp_ms: int


@dataclass(frozen=True, slots=True)
class WriterStats:
    """What became of the records so far: `offered == pending + delivered + spooled + lost`.

    offered            records handed over, and records found in the spool
    pending            neither delivered nor lost yet
    delivered          accepted by CloudWatch Logs
    spooled            left in the spool, for this writer's successor
    rejected_…         accepted in a batch, then rejected by their time: more than two hours ahead,
                       older than 14 days, older than the group's retention
    dropped_full       refused because too many waited (the newest)
    dropped_oldest     gave way to a newer one
    dropped_closed     came after the writer closed
    dropped_failed     could not be delivered in time, or not accepted on their own
    dropped_refused    the credentials are another account's, or the address is not the right one
    dropped_invalid    could not be made or are not JSON
    dropped_too_large  larger than CloudWatch Logs takes
    dropped_corrupt    were damaged in the spool
    retries            attempts that were repeated
    replayed           of the delivered, those that may have been delivered before
    unspooled          had no room in the spool, and waited in memory only
    failures           exceptions in the writer's own threads that nobody foresaw; they went on
    reports            the writer's own records that were delivered; counted nowhere else
    """

    offered: int = 0
    pending: int = 0
    delivered: int = 0
    spooled: int = 0
    rejected_too_new: int = 0
    rejected_too_old: int = 0
    rejected_expired: int = 0
    dropped_full: int = 0
    dropped_oldest: int = 0
    dropped_closed: int = 0
    dropped_failed: int = 0
    dropped_refused: int = 0
    dropped_invalid: int = 0
    dropped_too_large: int = 0
    dropped_corrupt: int = 0
    retries: int = 0
    replayed: int = 0
    unspooled: int = 0
    failures: int = 0
    reports: int = 0

    @property
    def rejected(self) -> int:
        """Records rejected by their time."""
        return self.rejected_too_new + self.rejected_too_old + self.rejected_expired

    @property
    def dropped(self) -> int:
        """Records given up by the writer."""
        return sum(getattr(self, name) for name in LOSSES if name.startswith("dropped_"))

    @property
    def lost(self) -> int:
        """All that will not be delivered."""
        return self.rejected + self.dropped


_COUNTERS = tuple(field.name for field in fields(WriterStats))
LOSSES = tuple(name for name in _COUNTERS if name.startswith(("rejected_", "dropped_")))


class Ledger:
    """The counters, and what of them was not reported yet."""

    def __init__(self) -> None:
        self.counts = dict.fromkeys(_COUNTERS, 0)
        self._unreported: dict[str, int] = {}
        self._samples: deque[Loss] = deque(maxlen=_SAMPLES)

    def stats(self, waiting: int) -> WriterStats:
        """A snapshot; `waiting` more records were handed over and not looked at yet."""
        counts = dict(self.counts)
        counts["offered"] += waiting
        counts["pending"] += waiting
        return WriterStats(**counts)

    def count(self, name: str, number: int = 1) -> None:
        """Add to a counter."""
        self.counts[name] += number

    def offer(self, number: int) -> None:
        """Records were taken over, or (negative) turned out to be fewer."""
        self.counts["offered"] += number
        self.counts["pending"] += number

    def settle(self, outcome: str, number: int) -> None:
        """Pending records are no longer."""
        self.counts["pending"] -= number
        self.counts[outcome] += number

    def lose(self, reason: str, timestamp_ms: int = 0, source: object = None) -> None:
        """One pending record is lost. `source` is the record or its text, to find its id."""
        self.settle(reason, 1)
        self._unreported[reason] = self._unreported.get(reason, 0) + 1
        # Text is parsed for the few that are kept only.
        if isinstance(source, str) and len(self._samples) == _SAMPLES:
            return
        self._samples.append(Loss(reason, record_id(source), timestamp_ms))

    @property
    def unreported(self) -> int:
        """Losses that no report has told of."""
        return sum(self._unreported.values())

    def take_unreported(self) -> tuple[dict[str, int], list[Loss]]:
        """The losses since the last report, by reason, and some of them."""
        counts, samples = self._unreported, list(self._samples)
        self._unreported = {}
        self._samples.clear()
        return counts, samples

    def report_lost(self, counts: Mapping[str, int]) -> None:
        """A report did not arrive: its losses are to be told again."""
        for reason, number in counts.items():
            self._unreported[reason] = self._unreported.get(reason, 0) + number


def record_id(source: object) -> str | None:
    """The id of a record or of its JSON text, if it has one."""
    if isinstance(source, str):
        try:
            source = json.loads(source)
        except (ValueError, RecursionError):
            return None
    found: Any = source.get("bulkhead.record.id") if isinstance(source, Mapping) else None
    return found if isinstance(found, str) else None
