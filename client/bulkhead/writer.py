"""Delivers records from a background thread, so that the application never waits for CloudWatch.

Bounded: a full queue drops the newest record and counts it. Every record ends in exactly one of the
counters of `WriterStats`. What a record contains is decided by the handler, where it goes by the
transport.
"""

from __future__ import annotations

import atexit
import json
import logging
import random
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields

from bulkhead import _fork
from bulkhead.batch import MAX_BATCH_EVENTS, MAX_EVENT_BYTES, Event, pack
from bulkhead.errors import DestinationError, code_of
from bulkhead.transport import Remedy, Transport

log = logging.getLogger("bulkhead")

_EXIT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class WriterStats:
    """What became of the records so far. `offered` is the sum of all others but `retries`."""

    offered: int = 0
    pending: int = 0
    delivered: int = 0
    rejected: int = 0
    dropped_full: int = 0
    dropped_closed: int = 0
    dropped_failed: int = 0
    dropped_refused: int = 0
    dropped_invalid: int = 0
    retries: int = 0


# A record, or what makes records, called once on the writer's thread.
Item = Mapping[str, object] | Callable[[], Iterable[Mapping[str, object]]]

_COUNTERS = tuple(field.name for field in fields(WriterStats))


class LogWriter:
    """A bounded queue and one thread, started with the first record and again after a fork.

    capacity       records that may wait
    linger         seconds to gather a batch
    give_up_after  seconds after which a batch that cannot be delivered is dropped and counted
    """

    def __init__(
        self,
        transport: Transport,
        *,
        capacity: int = 10_000,
        linger: float = 1.0,
        give_up_after: float = 300.0,
        backoff: tuple[float, float] = (0.2, 10.0),
    ) -> None:
        if capacity < 1:
            raise ValueError("capacity must be at least 1")
        self._transport = transport
        self._capacity = capacity
        self._linger = linger
        self._give_up_after = give_up_after
        self._backoff = backoff
        self._before_close: list[Callable[[], None]] = []
        self._fresh()
        _fork.watch(self)
        _writers.add(self)

    def _fresh(self) -> None:
        self._queue: deque[tuple[int, Item]] = deque()
        self._lock = threading.Lock()
        self._settled = threading.Condition(self._lock)
        self._wake = threading.Event()
        self._hurry = threading.Event()
        self._closing = threading.Event()
        self._deadline = float("inf")
        self._thread: threading.Thread | None = None
        self._counts = dict.fromkeys(_COUNTERS, 0)
        self._refusal: DestinationError | None = None

    def reset_after_fork(self) -> None:
        """Start empty: what waited belongs to the parent, which delivers it."""
        self._fresh()
        self._transport.reset()

    @property
    def stats(self) -> WriterStats:
        """A snapshot of the counters."""
        with self._lock:
            return WriterStats(**self._counts)

    @property
    def refusal(self) -> DestinationError | None:
        """Why records are being refused, if the credentials turned out to be another account's."""
        return self._refusal

    def before_close(self, action: Callable[[], None]) -> None:
        """Call `action` when closing begins, at exit too: it may still put records."""
        self._before_close.append(action)

    def put(self, record: Item, timestamp_ms: int) -> bool:
        """Hand over a record without waiting. False: it was dropped, and counted. Never raises."""
        with self._lock:
            counts = self._counts
            counts["offered"] += 1
            if self._closing.is_set():
                counts["dropped_closed"] += 1
                return False
            if counts["pending"] >= self._capacity:
                counts["dropped_full"] += 1
                return False
            counts["pending"] += 1
            self._queue.append((timestamp_ms, record))
            if self._thread is None:
                self._start()
        if not self._wake.is_set():
            self._wake.set()
        return True

    def flush(self, timeout: float = 5.0) -> bool:
        """Wait until nothing is pending. True if that was reached within `timeout` seconds."""
        self._hurry.set()
        self._wake.set()
        with self._settled:
            return self._settled.wait_for(lambda: self._counts["pending"] == 0, timeout)

    def close(self, timeout: float = _EXIT_SECONDS) -> bool:
        """Deliver what is pending, for at most `timeout` seconds; a warning counts what is left.

        True if nothing was left. Further records are dropped. Closing again does nothing.
        """
        while self._before_close:
            self._before_close.pop()()
        with self._lock:
            self._deadline = min(self._deadline, time.monotonic() + timeout)
            self._closing.set()
            thread = self._thread
        self._hurry.set()
        self._wake.set()
        if thread is not None:
            thread.join(max(0.0, self._deadline - time.monotonic()))
        with self._lock:
            left = self._counts["pending"]
        if left:
            log.warning("%d records were not delivered when the writer closed", left)
        return left == 0

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, name="bulkhead-writer", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            # The interpreter is shutting down; close() reports what stays.
            return
        self._thread = thread

    def _run(self) -> None:
        while True:
            self._wake.wait()
            if not self._closing.is_set():
                self._hurry.wait(self._linger)
            self._hurry.clear()
            self._wake.clear()
            self._drain()
            if self._closing.is_set() and not self._queue:
                return

    def _drain(self) -> None:
        while self._queue:
            events: list[Event] = []
            while self._queue and len(events) < MAX_BATCH_EVENTS:
                timestamp, item = self._queue.popleft()
                made = _made(item)
                self._expand(len(made) - 1)
                for record in made:
                    event = _encode(timestamp, record)
                    if event is None:
                        self._settle(1, "dropped_invalid")
                    else:
                        events.append(event)
            for batch in pack(events):
                self._deliver(batch)

    def _deliver(self, batch: Sequence[Event]) -> None:
        give_up = time.monotonic() + self._give_up_after
        attempt = 0
        while True:
            try:
                rejected = self._transport.send(batch)
            except Exception as error:
                remedy = self._transport.remedy(error)
                if remedy is Remedy.GIVE_UP:
                    self._refuse(batch, error)
                    return
                if remedy is Remedy.SPLIT and len(batch) > 1:
                    middle = len(batch) // 2
                    self._deliver(batch[:middle])
                    self._deliver(batch[middle:])
                    return
                if remedy is Remedy.SPLIT or not self._pause(attempt, give_up):
                    log.warning("records dropped: %d (%s)", len(batch), code_of(error))
                    self._settle(len(batch), "dropped_failed")
                    return
                attempt += 1
                with self._lock:
                    self._counts["retries"] += 1
            else:
                if rejected:
                    log.warning("CloudWatch Logs rejected %d records by their time", rejected)
                    self._settle(rejected, "rejected")
                self._settle(len(batch) - rejected, "delivered")
                return

    def _refuse(self, batch: Sequence[Event], error: Exception) -> None:
        if isinstance(error, DestinationError) and self._refusal is None:
            self._refusal = error
            log.error("%s", error)
        self._settle(len(batch), "dropped_refused")

    def _pause(self, attempt: int, give_up: float) -> bool:
        """Wait before the next attempt; False when there is no time for one."""
        base, cap = self._backoff
        # Full jitter: https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/
        delay = random.uniform(0, min(cap, base * 2 ** min(attempt, 30)))
        until = time.monotonic() + delay
        if until >= min(give_up, self._deadline):
            return False
        if self._closing.is_set():
            time.sleep(delay)
        elif self._closing.wait(delay):
            return time.monotonic() < self._deadline
        return True

    def _expand(self, more: int) -> None:
        """Count the further records that one item turned out to make."""
        if more > 0:
            with self._lock:
                self._counts["offered"] += more
                self._counts["pending"] += more

    def _settle(self, count: int, outcome: str) -> None:
        with self._settled:
            self._counts["pending"] -= count
            self._counts[outcome] += count
            self._settled.notify_all()


def _made(item: Item) -> Sequence[Mapping[str, object] | None]:
    if not callable(item):
        return (item,)
    try:
        return tuple(item()) or (None,)
    except Exception:
        # Its text may quote content.
        return (None,)


def _encode(timestamp: int, record: Mapping[str, object] | None) -> Event | None:
    if record is None:
        return None
    try:
        # Escapes every control and non-ASCII character, so one record is always one line.
        event = Event.of(timestamp, json.dumps(record, separators=(",", ":")))
    except (TypeError, ValueError, RecursionError):
        return None
    return event if event.size <= MAX_EVENT_BYTES else None


_writers: weakref.WeakSet[LogWriter] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    """Flush every writer at exit, all within the same few seconds."""
    deadline = time.monotonic() + _EXIT_SECONDS
    for writer in list(_writers):
        writer.close(max(0.0, deadline - time.monotonic()))
