"""Makes events of what was put, and of what the writer has to tell of itself.

Runs on the gathering thread. What cannot be made is counted, and never quoted.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping

from bulkhead._json import encode
from bulkhead._say import say
from bulkhead.backlog import Backlog
from bulkhead.batch import MAX_EVENT_BYTES, Event
from bulkhead.ledger import Ledger
from bulkhead.selfreport import SelfReport

Record = Mapping[str, object]
Item = Record | Callable[[], Iterable[Record]]

_REPORT_SECONDS = 60.0


class Finisher:
    """`heartbeat` is how many seconds lie between signs of life; 0: there are none."""

    def __init__(
        self,
        lock: threading.RLock,
        ledger: Ledger,
        backlog: Backlog,
        report: SelfReport | None,
        heartbeat: float,
    ) -> None:
        self._lock = lock
        self._ledger = ledger
        self._backlog = backlog
        self._report = report
        self._heartbeat = heartbeat
        self._next = time.monotonic() + (heartbeat or _REPORT_SECONDS)

    @property
    def due(self) -> float:
        """When there will be something to tell; never, without a report."""
        return self._next if self._report is not None else float("inf")

    def events(self, timestamp: int, item: Item) -> Iterator[Event]:
        """The finished records of one item. What cannot be finished is counted, without a word."""
        try:
            at = int(timestamp)
        except (TypeError, ValueError, OverflowError):
            self._lose("dropped_invalid", 0, item)
            return
        if isinstance(item, Mapping):
            records: Iterable[Record] = (item,)
        else:
            try:
                records = list(item())
            except BaseException:  # a redactor of the application's may even end its thread
                self._lose("dropped_invalid", at)
                return
            with self._lock:
                self._ledger.offer(len(records) - 1)
        for record in records:
            try:
                event = Event.of(at, encode(record))
            except Exception:
                self._lose("dropped_invalid", at, record)
                continue
            if event.size > MAX_EVENT_BYTES:
                self._lose("dropped_too_large", at, record)
            else:
                yield event

    def tell(self, *, hurried: bool) -> None:
        """Make the writer's own records that are due, losses at every flush."""
        report, now = self._report, time.monotonic()
        if report is None or self._backlog.reports_waiting:
            return  # what has no way out needs no company
        due = now >= self._next
        if due:
            self._next = now + (self._heartbeat or _REPORT_SECONDS)
            if self._heartbeat:
                self._make(report.heartbeat, {})
        if due or hurried:
            with self._lock:
                counts, samples = self._ledger.take_unreported()
            if counts:
                say(logging.WARNING, "records lost: %s", counts)
                self._make(lambda at: report.losses(at, counts, samples), counts)

    def _make(self, make: Callable[[int], Record], counts: Mapping[str, int]) -> None:
        at = time.time_ns() // 1_000_000
        try:
            event = Event.of(at, encode(make(at)))._replace(report=counts)
        except Exception as error:
            with self._lock:
                self._ledger.report_lost(counts)
            self._backlog.failed(error)
        else:
            self._backlog.admit_reports([event])

    def _lose(self, reason: str, timestamp: int, source: object = None) -> None:
        with self._lock:
            self._ledger.lose(reason, timestamp, source)
