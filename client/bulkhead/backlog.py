"""Finished records between the thread that makes them and those that send them: bounds and order.

Its lock and condition are the writer's. Methods say where the caller must hold the lock.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from bulkhead._say import say
from bulkhead.batch import MAX_BATCH_BYTES, MAX_BATCH_EVENTS, Event
from bulkhead.delivery import Delivery
from bulkhead.errors import BulkheadError
from bulkhead.ledger import Ledger
from bulkhead.spool import Spool
from bulkhead.transport import Rejections

# A record's bytes, before any was seen.
_GUESS = 700
# A further log stream is written when so many whole batches wait.
_BEHIND = 2
# Records read back from the spool at a time.
_READ_BACK = 1_000
_IDLE_SECONDS = 30.0


class Taker(Protocol):
    """A sender, as seen from here."""

    keep: bool
    taken: list[Event]
    first: int
    troubled: bool


@dataclass(slots=True)
class _Flush:
    """A flush that waits: for what was parked before it, then for what was numbered by then."""

    order: int
    parked: int
    number: int | None = None


class Backlog:
    """A bounded queue of events, and what is on its way."""

    def __init__(
        self,
        lock: threading.RLock,
        changed: threading.Condition,
        ledger: Ledger,
        delivery: Delivery,
        spool: Spool | None,
        rouse: Callable[[], None],
    ) -> None:
        self._rouse = rouse
        self._lock = lock
        self._changed = changed
        self._ledger = ledger
        self._delivery = delivery
        self._spool = spool
        self._events: deque[Event] = deque()
        self._waiting_bytes = 0
        self._held = 0
        self._bytes = 0
        self._mean = float(_GUESS)
        self._admitted = 0
        self._due = 0.0
        self._flushes: list[_Flush] = []
        self._parked_ever = 0
        self._unparked_ever = 0
        self._takers: list[Taker] = []
        self._left = False
        self.durable = spool is not None and spool.durable
        # Bytes of heavy items (see `weight`) of which no records have been made yet.
        self.unmade = 0
        self.gathered = 0
        self.written = 0
        self.reports_waiting = 0
        self.nudges = 0
        self.flush_seen = 0
        self.flushed = 0
        self.closing = False
        self.deadline = float("inf")
        self.all_gathered = False
        self.refusal: BulkheadError | None = None

    # --- for `put`; the lock is held --------------------------------------------------------------

    def room(self, size: int = 0) -> int:
        """How many records may wait in the queue before this, one more of `size` bytes."""
        free = self._delivery.capacity_bytes - self.unmade - size
        if free < 0:
            return 0
        if self._spool is not None and not self._spool.full:
            return self._delivery.capacity  # whatever is too much goes to disk
        if size and free < self._bytes:
            return 0
        by_bytes = int((free + size - self._bytes) / self._mean)
        return max(0, min(self._delivery.capacity - self._held, by_bytes))

    def drop_oldest(self) -> bool:
        """Let go of the oldest that waits; False if none does."""
        while self._events:
            event = self._events.popleft()
            self._forget([event])
            if event.report is None:
                self._ledger.lose("dropped_oldest", event.timestamp, event.message)
                if self._spool is not None:
                    self._spool.settled([event])
                return True
            self.reports_waiting -= 1
            self._ledger.report_lost(event.report)
        return False

    # --- for the gatherer -------------------------------------------------------------------------

    def take_over(self, number: int) -> None:
        """So many items leave the queue; the lock is held."""
        self._held += number
        self.gathered += number
        self._ledger.offer(number)

    def admit(self, events: list[Event], number: int, unmade: int = 0) -> None:
        """Take the records that `number` items became: to disk, then to the senders."""
        park = False
        if self._spool is not None and events:
            with self._lock:
                park = self.parked or self._is_full(events)
            try:
                events = self._spool.append(events, park=park)
            except Exception as error:
                self.failed(error)  # they wait in memory, then
        with self._changed:
            self._held -= number
            self.unmade -= unmade
            self.written += number
            if park:
                parked = sum(1 for event in events if event.ticket is not None)
                self._parked_ever += parked
                events = [event for event in events if event.ticket is None]
            if self._spool is not None:
                unspooled = sum(1 for event in events if event.ticket is None)
                self._ledger.count("unspooled", unspooled)
            self._take(events, bounded=True)
            self._changed.notify_all()

    def admit_reports(self, events: Sequence[Event]) -> None:
        """Take records of the writer itself, which are few and have a place whatever waits."""
        with self._changed:
            self.reports_waiting += len(events)
            self._take(events, bounded=False)
            self._changed.notify_all()

    def adopt(self) -> bool:
        """Take over what a dead process left in the spool; False if there is nothing."""
        assert self._spool is not None
        events, corrupt = self._spool.adopt()
        with self._changed:
            self._ledger.offer(len(events) + corrupt)
            for _ in range(corrupt):
                self._ledger.lose("dropped_corrupt", time.time_ns() // 1_000_000)
            self._take(events, bounded=False)
            self._changed.notify_all()
        return bool(events)

    @property
    def parked(self) -> bool:
        """Whether records wait on disk only."""
        return self._spool is not None and self._spool.parked > 0

    def wants_parked(self) -> bool:
        """Whether something waits on disk and there is room for it."""
        return (
            self.parked
            and self._held <= self._delivery.capacity // 2
            and (self._bytes <= self._delivery.capacity_bytes // 2)
        )

    def unpark(self) -> None:
        """Read back what waits on disk, as far as there is room."""
        assert self._spool is not None
        while self.wants_parked():
            events, damaged = self._spool.take(
                min(_READ_BACK, max(1, self._delivery.capacity // 2))
            )
            with self._changed:
                self._unparked_ever += len(events) + damaged
                for _ in range(damaged):
                    self._ledger.lose("dropped_corrupt", time.time_ns() // 1_000_000)
                self._take(events, bounded=False)
                self._changed.notify_all()

    def see_flush(self, order: int) -> None:
        """A flush asked for everything before now, which has been admitted; the lock is held."""
        if order > self.flush_seen:
            self.flush_seen = order
            self._flushes.append(_Flush(order, self._parked_ever))
            self._check_flushes()
            self._changed.notify_all()

    def falls_behind(self, senders: int) -> bool:
        """Whether one more sender would help; the lock is held."""
        return (
            senders < self._delivery.streams
            and (
                self._waiting_bytes >= _BEHIND * MAX_BATCH_BYTES
                or len(self._events) >= _BEHIND * MAX_BATCH_EVENTS
            )
            and len(self._takers) >= senders
            # More streams make nothing better where the endpoint fails.
            and not any(taker.troubled for taker in self._takers)
        )

    # --- for the senders --------------------------------------------------------------------------

    def cut(self, taker: Taker) -> list[Event] | None:
        """Wait for a batch's worth of events and take it; None: there will be no more."""
        idle_until = time.monotonic() + _IDLE_SECONDS
        with self._changed:
            while True:
                now = time.monotonic()
                if now >= self.deadline or (self.all_gathered and not self._events):
                    return None
                if self._ready(now):
                    break
                if not taker.keep and now >= idle_until:
                    return None
                until = min(
                    self._due if self._events else float("inf"),
                    self.deadline if self.closing else float("inf"),
                    float("inf") if taker.keep else idle_until,
                )
                self._changed.wait(None if until == float("inf") else max(0.0, until - now))
            taken: list[Event] = []
            size = 0
            taker.first = self._admitted - len(self._events) + 1
            while self._events and len(taken) < MAX_BATCH_EVENTS:
                size += self._events[0].size
                if size > MAX_BATCH_BYTES and taken:
                    break
                taken.append(self._events.popleft())
            self._waiting_bytes -= sum(event.size for event in taken)
            taker.taken = taken
            self._takers.append(taker)
            return taken

    def landed(self, taker: Taker) -> None:
        """All that the taker took is settled."""
        with self._changed:
            taker.taken = []
            with contextlib.suppress(ValueError):
                self._takers.remove(taker)
            self._check_flushes()
            self._changed.notify_all()
            if self.wants_parked():
                self._rouse()

    def trying(self, batch: Sequence[Event]) -> bool:
        """A batch is about to be sent for the first time. False: it may not be any more."""
        return self._spool is None or self._spool.tried(batch)

    def delivered(self, batch: Sequence[Event], rejections: Rejections | None) -> None:
        """A batch was accepted, but for those that were rejected by their time."""
        # First what may fail, or a part of them would be settled twice.
        reasons = [rejections.reason(index) for index in range(len(batch))] if rejections else None
        with self._changed:
            if reasons is None and self._spool is None:
                own = sum(1 for event in batch if event.report is not None)
                self.reports_waiting -= own
                self._ledger.count("reports", own)
                self._ledger.settle("delivered", len(batch) - own)
                self._release(batch)
                return
            for index, event in enumerate(batch):
                reason = reasons[index] if reasons is not None else None
                if self._left and event.ticket is not None:
                    continue
                if event.report is not None:
                    self.reports_waiting -= 1
                    self._ledger.count("reports")
                elif reason is not None:
                    self._ledger.lose(reason, event.timestamp, event.message)
                else:
                    self._ledger.settle("delivered", 1)
                    if event.ticket is not None and event.ticket.replay:
                        self._ledger.count("replayed")
            self._release(batch)
        self._settle_on_disk(batch)

    def lost(self, batch: Sequence[Event], reason: str) -> None:
        """A batch was given up."""
        with self._changed:
            for event in batch:
                if self._left and event.ticket is not None:
                    continue
                if event.report is not None:
                    self.reports_waiting -= 1
                    self._ledger.report_lost(event.report)
                else:
                    self._ledger.lose(reason, event.timestamp, event.message)
            self._release(batch)
        self._settle_on_disk(batch)

    def kept(self, batch: Sequence[Event]) -> list[Event]:
        """Leave a batch to the spool; return those of it that are not there."""
        spooled = [event for event in batch if event.ticket is not None]
        with self._changed:
            if not self._left:
                self._ledger.settle("spooled", len(spooled))
                self._release(spooled)
        return [event for event in batch if event.ticket is None]

    def failed(self, error: BaseException) -> None:
        """Something happened that nobody foresaw. Only its kind is told: a text may quote."""
        with self._lock:
            self._ledger.count("failures")
        say(logging.ERROR, "the writer goes on after %s", type(error).__name__)

    def _settle_on_disk(self, batch: Sequence[Event]) -> None:
        if self._spool is not None:
            try:
                self._spool.settled(batch)
            except Exception as error:
                self.failed(error)

    def retried(self) -> None:
        """An attempt is repeated."""
        with self._lock:
            self._ledger.count("retries")

    def pause(self, seconds: float) -> None:
        """Wait so long, or until a flush or the end of the writer asks for haste."""
        with self._changed:
            nudges, closing = self.nudges, self.closing
            self._changed.wait_for(
                lambda: self.nudges != nudges or self.closing != closing, seconds
            )

    # --- ends; the lock is held -------------------------------------------------------------------

    def nudge(self) -> None:
        """Do not linger and do not sleep between attempts."""
        self.nudges += 1
        self._changed.notify_all()

    def close_by(self, deadline: float) -> None:
        """Nothing more comes; what is there has so long."""
        self.closing = True
        self.deadline = min(self.deadline, deadline)
        self.nudge()

    @property
    def empty(self) -> bool:
        """Whether nothing waits."""
        return not self._events

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing is on its way."""
        return not self._events and not self._takers

    @property
    def finished(self) -> bool:
        """Whether all is done."""
        return self.all_gathered and self.idle

    def leave_in_spool(self) -> int:
        """What is pending and in the spool is left to a successor; return how much that is."""
        assert self._spool is not None
        held = [*self._events, *(event for taker in self._takers for event in taker.taken)]
        number = sum(1 for event in held if event.ticket is not None and event.report is None)
        number += self._spool.parked
        number = min(number, self._ledger.counts["pending"])
        self._ledger.settle("spooled", number)
        self._left = True
        return number

    # --- the lock is held -------------------------------------------------------------------------

    def _is_full(self, events: Sequence[Event]) -> bool:
        return (
            self._held > self._delivery.capacity
            or self._bytes + sum(event.size for event in events) > self._delivery.capacity_bytes
        )

    def _take(self, events: Sequence[Event], *, bounded: bool) -> None:
        if not events:
            return
        if not self._events:
            self._due = time.monotonic() + (self._delivery.linger if self.durable else 0.0)
        total = 0
        for event in events:
            if bounded and not self._fits(event):
                continue
            total += event.size
            self._held += 1
            self._bytes += event.size
            self._waiting_bytes += event.size
            self._admitted += 1
            self._events.append(event)
        self._mean += (max(1.0, total / len(events)) - self._mean) / 8

    def _fits(self, event: Event) -> bool:
        """Keep the bound on bytes, by letting go as the user chose."""
        most = self._delivery.capacity_bytes
        if self._bytes + event.size <= most:
            return True
        if self._delivery.when_full == "drop_oldest":
            while self._bytes + event.size > most and self.drop_oldest():
                pass
            if self._bytes + event.size <= most:
                return True
        self._ledger.lose("dropped_full", event.timestamp, event.message)
        return False

    def _ready(self, now: float) -> bool:
        return bool(self._events) and (
            now >= self._due
            or self._waiting_bytes >= MAX_BATCH_BYTES
            or len(self._events) >= MAX_BATCH_EVENTS
            or self.flushed < self.flush_seen
            or self.closing
        )

    def _forget(self, events: Sequence[Event]) -> None:
        """Events leave the queue without being sent."""
        self._waiting_bytes -= sum(event.size for event in events)
        self._held -= len(events)
        self._bytes -= sum(event.size for event in events)

    def _release(self, batch: Sequence[Event]) -> None:
        """Events that were on their way are no longer held."""
        self._held -= len(batch)
        self._bytes -= sum(event.size for event in batch)
        self._changed.notify_all()

    def _check_flushes(self) -> None:
        # Events leave in the order they came, so the place of the first follows from how many wait.
        lowest = self._admitted - len(self._events) + 1
        for taker in self._takers:
            lowest = min(lowest, taker.first)
        while self._flushes:
            flush = self._flushes[0]
            if flush.parked > self._unparked_ever:
                return
            if flush.number is None:
                flush.number = self._admitted
            if lowest <= flush.number:
                return
            self.flushed = flush.order
            del self._flushes[0]
