"""Delivers records from background threads, so that the application never waits for CloudWatch.

`put` appends to a queue, without a lock while there is room. One thread (`_gather`) makes text of
what is there, writes it to the spool if there is one and moves it to the backlog; one thread per
log stream (`sender`) takes batches from the backlog. Every record ends in exactly one counter of
`WriterStats`. What a record contains is decided by the handler, where it goes by the transport.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from bulkhead import _fork, _haste, exits
from bulkhead._bell import Bell
from bulkhead._say import say
from bulkhead.backlog import Backlog
from bulkhead.delivery import Delivery
from bulkhead.errors import BulkheadError
from bulkhead.finisher import Finisher, Item, Record
from bulkhead.ledger import Ledger, WriterStats
from bulkhead.selfreport import SelfReport
from bulkhead.sender import Sender
from bulkhead.spool import Spool
from bulkhead.transport import Transport
from bulkhead.weight import SMALL, chunk, oldest, weight_of

__all__ = ["Delivery", "Item", "LogWriter", "Record", "WriterStats"]

_NEVER = sys.maxsize
# Records that are looked at without a break; and the break, in which others get the interpreter.
_CHUNK = 256
_CHUNK_BYTES = 1024 * 1024
_BREAK = 0.00005
_HIGH_WATER = 2_000
_ADOPT_SECONDS = 60.0
_NEXT_ADOPTION_SECONDS = 0.2
_DURABLE_SECONDS = 5.0


class LogWriter:
    """A bounded queue and its threads, started with the first record and again after a fork.

    transport  where batches go
    report     makes the writer's own records (signs of life, losses); None for none
    spool      keeps records on disk until they are delivered; None: in memory only
    delivery   the choices, one by one as keywords if preferred: `LogWriter(t, linger=0.2)`
    """

    def __init__(
        self,
        transport: Transport,
        *,
        report: SelfReport | None = None,
        spool: Spool | None = None,
        delivery: Delivery | None = None,
        **choices: Any,
    ) -> None:
        self.delivery = replace(delivery or Delivery(), **choices)
        self._transport = transport
        self._report = report
        self._spool = spool
        self._before_close: list[Callable[[], None]] = []
        self._fresh()
        _fork.watch(self)
        exits.watch(self)
        if self.delivery.on_sigterm:
            exits.watch_sigterm()
        if (report is not None and self.delivery.heartbeat) or spool is not None:
            with self._lock:
                self._start()

    def _fresh(self) -> None:
        self._queue: deque[tuple[int, Item, int]] = deque()
        # Reentrant not to be entered twice, but to tell a signal handler what it interrupted.
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._ending = threading.RLock()
        self._wake = Bell()
        self._ledger = Ledger()
        self._backlog = Backlog(
            self._lock, self._changed, self._ledger, self.delivery, self._spool, self._rouse
        )
        self._finisher = Finisher(
            self._lock, self._ledger, self._backlog, self._report, self.delivery.heartbeat
        )
        self._senders: list[Sender] = []
        self._gatherer: threading.Thread | None = None
        self._hurried = False
        self._flush_wanted = 0
        self._last_actions = list(self._before_close)
        self._next_adoption = time.monotonic()
        # What `put` reads without the lock: how many may wait in the queue, 0 if it must look
        # closer; and at how many it wakes the gatherer.
        self._limit = 0
        self._mark = _NEVER
        # Nobody takes from the queue any more.
        self._over = self._told = False
        self._wait_until = float("inf")

    def reset_after_fork(self) -> None:
        """Start empty: what waited belongs to the parent, which delivers it."""
        self._fresh()
        self._transport.reset()

    @property
    def exit_seconds(self) -> float:
        """The most that closing may take when the process ends."""
        return self.delivery.exit_seconds

    @property
    def stats(self) -> WriterStats:
        """A snapshot of the counters."""
        with self._lock:
            return self._ledger.stats(len(self._queue))

    @property
    def refusal(self) -> BulkheadError | None:
        """Why records are refused: credentials of another account, a wrong key or address."""
        return self._backlog.refusal

    @property
    def interrupted(self) -> bool:
        """Whether this thread is in the middle of this writer's work: a signal handler asks.

        What it interrupted has to go on first, so nothing of the writer can be waited for.
        """
        return exits.owned(self._lock) or exits.owned(self._ending)

    def before_close(self, action: Callable[[], None]) -> None:
        """Call `action` when closing begins, at exit too: it may still put records."""
        self._before_close.append(action)
        self._last_actions.append(action)

    def put(self, item: Item, timestamp_ms: int) -> bool:
        """Hand over a record without waiting. False: it was dropped, and counted. Never raises.

        `item` is a record, or a function without arguments that makes records; it is called once,
        on a thread of the writer. Waits only with `when_full="block"` or for a durable spool.
        What it holds in texts counts for `capacity_bytes`; a function says how much that is as its
        attribute `bulkhead_bytes`.
        """
        queue = self._queue
        waiting = len(queue)
        size = weight_of(item)
        if waiting >= self._limit or size > SMALL:
            return self._put_slowly(item, timestamp_ms, size if size > SMALL else 0)
        queue.append((timestamp_ms, item, 0))
        if waiting >= self._mark:
            self._rouse()
        # It closed while this put was between looking and leaving the record.
        return self._drop_late() if self._over else True

    @exits.unmasked
    def flush(self, timeout: float = 5.0) -> bool:
        """Send what was put so far now; True if all of it was settled within `timeout` seconds.

        In a signal handler that interrupted the writer itself: it is begun, and False comes at
        once.
        """
        if self.interrupted:
            exits.errand(self.flush, timeout)
            return False
        with self._lock:
            backlog = self._backlog
            if self._gatherer is None and not (self._queue and self._start()):
                return not self._queue
            self._flush_wanted += 1
            wanted = self._flush_wanted
            backlog.nudge()
            self._rouse()
            self._changed.wait_for(lambda: backlog.flushed >= wanted or backlog.finished, timeout)
            return backlog.flushed >= wanted or not self._ledger.counts["pending"]

    async def aflush(self, timeout: float = 5.0) -> bool:
        """`flush` for coroutines: the event loop goes on meanwhile."""
        return await asyncio.to_thread(self.flush, timeout)

    @exits.unmasked
    def close(self, timeout: float | None = None) -> bool:
        """Deliver what is pending, for at most `timeout` seconds (`exit_seconds` unless given).

        True if nothing was left. A warning counts what is left; with a spool it is delivered by
        the next writer. Further records are dropped. Closing again does nothing. In a signal
        handler as with `flush`.
        """
        seconds = self.delivery.exit_seconds if timeout is None else timeout
        deadline = time.monotonic() + seconds
        if self.interrupted:
            exits.errand(self.close, seconds)
            return False
        self.hurry(deadline)
        self._finish_before(deadline)
        with self._lock:
            backlog = self._backlog
            already = backlog.closing
            backlog.close_by(deadline)
            deadline = backlog.deadline  # of who closed first: that time is not spent twice
            self._limit = 0
            threads = self._gatherer is not None or (bool(self._queue) and self._start())
            self._rouse()
        if threads:
            with self._lock:
                self._changed.wait_for(
                    lambda: backlog.finished, max(0.0, deadline - time.monotonic())
                )
        elif self._queue:
            self._finish_here()
        if self._over and self._queue:
            self._drop_late()
        with self._lock:
            left = self._ledger.counts["pending"] + len(self._queue)
            if self._spool is not None and not already:
                left -= backlog.leave_in_spool()
        if self._spool is not None and not already:
            self._spool.close()
        if left and not already:
            say(logging.WARNING, "%d records were not delivered when the writer closed", left)
        return left == 0

    def hurry(self, deadline: float) -> None:
        """Let no `put` wait beyond that moment of `time.monotonic`: closing is about to begin."""
        self._wait_until = min(self._wait_until, deadline)

    def _finish_before(self, deadline: float) -> None:
        """What others have to put still; whoever else closes this waits for that."""
        try:
            if not self._ending.acquire(timeout=max(0.0, deadline - time.monotonic())):
                return
            while self._last_actions:
                try:
                    self._last_actions[0]()
                except Exception as error:
                    self._backlog.failed(error)
                del self._last_actions[0]
        finally:
            if exits.owned(self._ending):
                self._ending.release()

    def unlock(self) -> None:
        """Let go of what a signal handler that raised kept this thread from letting go of.

        For the end of the process, when this thread is not in the middle of anything.
        """
        for lock in (self._lock, self._ending):
            while exits.owned(lock):
                lock.release()

    def _finish_here(self) -> None:
        """Deliver on this thread: the interpreter is shutting down and starts no other."""
        self._hurried = True
        self._gather(closing=True)
        self._backlog.all_gathered = True
        with _haste.until(self._backlog.deadline) as last:
            with self._lock:
                self._backlog.close_by(last)
            self._new_sender().run()

    # --- putting ----------------------------------------------------------------------------------

    @exits.unmasked
    def _put_slowly(self, item: Item, timestamp_ms: int, size: int) -> bool:
        """Start the threads, keep the bounds, wait for the spool."""
        if exits.owned(self._lock):  # by a signal, whose handler puts this
            self._queue.append((timestamp_ms, item, 0))
            self._rouse()
            return True
        with self._lock:
            if not self._backlog.closing:
                self._start()
                self._refit()
                self._make_room(size)
            closing = self._backlog.closing
            if not closing and self._has_room(size):
                self._backlog.unmade += size
                self._queue.append((timestamp_ms, item, size))
                self._refit()
                if self._backlog.durable:
                    return self._wait_for_spool()
                if len(self._queue) > self._mark:
                    self._rouse()
                return True
            self._ledger.offer(1)
            self._ledger.lose("dropped_closed" if closing else "dropped_full", timestamp_ms, item)
        return self._drop_late() if closing else False

    def _drop_late(self) -> bool:
        """Count what came after the writer closed, and tell once. False: it is dropped."""
        with self._lock:
            for _ in range(len(self._queue) if self._over else 0):
                self._drop(0, "dropped_closed")
        if not self._told:
            self._told = True
            say(logging.WARNING, "records that come after the writer closed are dropped")
        return False

    def _drop(self, index: int, reason: str) -> None:
        timestamp, item, weight = self._queue[index]
        del self._queue[index]
        self._backlog.unmade -= weight
        self._ledger.offer(1)
        self._ledger.lose(reason, timestamp, item)

    def _has_room(self, size: int) -> bool:
        return self._backlog.room(size) > len(self._queue)

    def _make_room(self, size: int) -> None:
        """As the user chose: wait, or let go of the oldest. The lock is held."""
        if self._has_room(size):
            return
        if self.delivery.when_full == "block":
            self._rouse()
            self._changed.wait_for(
                lambda: self._has_room(size) or self._backlog.closing,
                min(self.delivery.block_seconds, self._left()),
            )
        elif self.delivery.when_full == "drop_oldest":
            if size > self.delivery.capacity_bytes:
                return  # nothing that went would make room for it
            while not self._has_room(size):
                # Where bytes are short, no lighter one that went would help.
                heavy = self._backlog.unmade + size > self.delivery.capacity_bytes
                if not heavy and self._backlog.drop_oldest():
                    continue
                gone = oldest(self._queue, heavy=heavy)
                if gone < 0:
                    return
                self._drop(gone, "dropped_oldest")

    def _wait_for_spool(self) -> bool:
        """Until what was just put has been written down; the lock is held."""
        backlog = self._backlog
        wanted = backlog.gathered + len(self._queue)
        self._rouse()
        seconds = min(_DURABLE_SECONDS, self._left())
        self._changed.wait_for(lambda: backlog.written >= wanted, seconds)
        return True

    def _left(self) -> float:
        return max(0.0, self._wait_until - time.monotonic())

    def _rouse(self) -> None:
        self._mark = _NEVER
        self._wake.ring()

    def _refit(self) -> None:
        """Set what `put` may do without the lock; the lock is held."""
        backlog = self._backlog
        quick = self._gatherer is not None and not backlog.closing and not backlog.durable
        self._limit = backlog.room() if quick else 0

    def _start(self) -> bool:
        """Start the threads, if they do not run; the lock is held. False if it is too late."""
        if self._gatherer is not None:
            return True
        gatherer = threading.Thread(target=self._run, name="bulkhead-writer", daemon=True)
        try:
            self._gatherer = gatherer
            gatherer.start()
        except BaseException as error:
            # Should it run nevertheless, it finds that it is not the one, and ends.
            self._gatherer = None
            if isinstance(error, RuntimeError) and exits.hidden(error) is None:
                return False  # the interpreter is shutting down; close() reports what stays
            raise
        self._refit()
        exits.watch_multiprocessing()
        return True

    def _add_sender(self) -> None:
        """Write to one more log stream; the lock is held."""
        sender = self._new_sender()
        if sender.start():
            self._senders.append(sender)

    def _new_sender(self) -> Sender:
        first = not self._senders
        return Sender(
            self._backlog,
            self._transport if first else self._transport.another(),
            self.delivery,
            keep=first,
            stays=self._spool is not None,
        )

    # --- gathering --------------------------------------------------------------------------------

    def _run(self) -> None:
        me = threading.current_thread()
        with self._lock:
            if self._gatherer is me:
                self._add_sender()
        while self._gatherer is me:
            try:
                self._rest()
                if self._pass() and self._finish():
                    return
            except BaseException as error:
                # Not foreseen; without this thread nothing would ever be delivered again.
                self._backlog.failed(error)
                time.sleep(0.1)
        self._rouse()  # whatever woke this thread was for another

    def _pass(self) -> bool:
        """Gather once. True: that was the last time."""
        backlog = self._backlog
        with self._lock:
            flush, closing = self._flush_wanted, backlog.closing
            self._hurried = closing or flush > backlog.flush_seen
        self._gather(closing)
        with self._lock:
            backlog.see_flush(flush)
        return closing and not self._queue

    def _finish(self) -> bool:
        """Tell of the last losses, then let the senders end. False: something came meanwhile."""
        backlog = self._backlog
        while (seconds := backlog.deadline - time.monotonic()) > 0:
            with self._lock:
                self._changed.wait_for(lambda: backlog.idle or backlog.wants_parked(), seconds)
            if not backlog.parked:
                break
            backlog.unpark()
        self._finisher.tell(hurried=True)
        with self._lock:
            if self._queue and time.monotonic() < backlog.deadline:
                return False
            self._over = True
            backlog.all_gathered = True
            self._changed.notify_all()
        return True

    def _rest(self) -> None:
        """Until there is something to do; then for `linger`, unless somebody waits."""
        queue, wake, backlog = self._queue, self._wake, self._backlog
        while not self._called():
            due = min(
                self._finisher.due,
                self._next_adoption if self._spool is not None else float("inf"),
            )
            seconds = due - time.monotonic()
            if seconds <= 0:
                return
            self._mark = 0  # from here on, a put wakes us ...
            if not queue:  # ... and what was put before is seen here
                wake.wait(None if seconds == float("inf") else seconds)
            wake.hush()
            if queue and not backlog.durable and self.delivery.linger > 0:
                high = min(_HIGH_WATER, max(1, self.delivery.capacity // 4))
                self._mark = high
                if len(queue) < high and not self._called():
                    wake.wait(self.delivery.linger)
                wake.hush()
            if queue:
                break
        self._mark = _NEVER
        wake.hush()

    def _called(self) -> bool:
        backlog = self._backlog
        return backlog.closing or self._flush_wanted > backlog.flush_seen or backlog.wants_parked()

    def _gather(self, closing: bool) -> None:
        """Take what is in the queue now, what the spool holds, and what there is to report."""
        backlog, queue = self._backlog, self._queue
        left = len(queue)
        while left > 0:
            with self._lock:
                number = chunk(queue, min(left, _CHUNK, len(queue)), _CHUNK_BYTES)
                backlog.take_over(number)
                self._refit()  # before the queue gets shorter, or put would overshoot
                taken = [queue.popleft() for _ in range(number)]
            left = left - number if number else 0
            size = sum(each[2] for each in taken)
            events = [event for at, item, _ in taken for event in self._finisher.events(at, item)]
            taken.clear()  # before these wait, too
            backlog.admit(events, number, size)
            with self._lock:
                self._refit()
                if backlog.falls_behind(len(self._senders)):
                    self._add_sender()
            if left and not self._hurried and 2 * left < self.delivery.capacity:
                time.sleep(_BREAK)
        now = time.monotonic()
        if self._spool is not None and not closing:
            if now >= self._next_adoption:
                self._next_adoption = now + _ADOPT_SECONDS
                # What it took may be settled by now, and another segment wait.
                if backlog.adopt() or self._spool.replaying:
                    self._next_adoption = now + _NEXT_ADOPTION_SECONDS
            backlog.unpark()
        self._finisher.tell(hurried=self._hurried)
        with self._lock:
            self._senders = [sender for sender in self._senders if sender.runs]
            self._refit()
