"""A thread that looks after calls that nobody ends.

Two kinds: a call that everybody dropped, of which the garbage collector tells at a moment when no
lock may be taken; and a run that LangChain never ends although its call was answered, such as a
cancelled `ainvoke`. The thread starts with the first call and sleeps while there is nothing to do.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from bulkhead import _fork
from bulkhead._bell import Bell
from bulkhead.exits import owned

if TYPE_CHECKING:
    from bulkhead.correlation import Run
    from bulkhead.exchange import Exchange

log = logging.getLogger("bulkhead")

# A busy event loop may take that long to report the end of a call that a thread has made.
_GRACE = 10.0
_TIDY_SECONDS = 5.0


class Janitor:
    """`grace` is how many seconds after its call's end a run is taken for abandoned."""

    def __init__(self, grace: float = _GRACE) -> None:
        self._grace = grace
        self._fresh()
        _fork.watch(self)

    def _fresh(self) -> None:
        self._dropped: deque[Exchange] = deque()
        self._answered: deque[tuple[float, Run]] = deque()
        self._bell = Bell()
        self._lock = threading.RLock()  # a signal handler may stop what it interrupted
        # Held from taking a call to handing over its record: who tidies waits for the thread.
        self._work = threading.RLock()
        self._thread: threading.Thread | None = None
        self._asleep = True

    def reset_after_fork(self) -> None:
        """Forget the parent's calls and thread."""
        self._fresh()

    def start(self) -> None:
        """Have the thread run; cheap when it does."""
        if self._thread is not None:
            return
        with self._lock:
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="bulkhead-janitor", daemon=True)
                self._thread = thread
                try:
                    thread.start()
                except RuntimeError:
                    self._thread = None  # the interpreter is shutting down; closing tidies

    def stop(self) -> None:
        """Let the thread end; the next call starts another."""
        with self._lock:
            self._thread = None
        self._ring()

    def dropped(self, exchange: Exchange) -> None:
        """Take a call that was dropped before its end. Takes no lock, for the garbage collector."""
        self._dropped.append(exchange)
        self._ring()

    def answered(self, run: Run) -> None:
        """Take a run whose call has ended, and whose own end should follow at once."""
        self._answered.append((time.monotonic() + self._grace, run))
        if self._asleep:
            self._asleep = False
            self._ring()

    def tidy(self, seconds: float = _TIDY_SECONDS) -> None:
        """End at once all calls that were dropped; their records are handed over on return.

        Not if somebody else is at it for so many seconds: that may wait for what a signal handler,
        who asks for this, has interrupted.
        """
        try:
            if not self._work.acquire(timeout=max(0.0, seconds)):
                return
            while True:
                try:
                    exchange = self._dropped[0]
                except IndexError:
                    return
                exchange.stop()
                # Not before: a signal handler may raise in between, or have done it all.
                with contextlib.suppress(ValueError):
                    self._dropped.remove(exchange)
        finally:
            if owned(self._work):
                self._work.release()

    def _ring(self) -> None:
        self._bell.ring()

    def _run(self) -> None:
        me = threading.current_thread()
        while self._thread is me:
            self._bell.wait(None if self._asleep else self._grace)
            try:
                self.tidy()
                with self._work:
                    self._look()
            except Exception as error:
                log.error("a call could not be looked after: %s", type(error).__name__)

    def _look(self) -> None:
        """Give up runs whose time is over; sleep if none is left."""
        now = time.monotonic()
        while self._answered:
            due, run = self._answered[0]
            if due > now and not run.ended:
                break
            self._answered.popleft()
            if run.overdue:
                run.abandon()
            elif not run.ended:
                self._answered.append((now + self._grace, run))
        if not self._answered:
            self._asleep = True
            if self._answered:  # one came in between
                self._asleep = False
