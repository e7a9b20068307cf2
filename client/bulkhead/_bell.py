"""A bell for one thread that sleeps: anybody may ring it, at any moment.

A `threading.Event` takes a lock in Python. Whoever is interrupted by a signal or by the garbage
collector while it holds that lock could not ring, and the timeout of `SimpleQueue.get` turns into
forever where a deadline passes at a bad moment. This is a bare lock, held until somebody rings.
"""

from __future__ import annotations

import contextlib
import threading

_FOREVER = -1.0


class Bell:
    """Rung once or often before somebody waits: it wakes once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def ring(self) -> None:
        """Wake who waits, or who will wait next. Takes no lock."""
        if self._lock.locked():
            with contextlib.suppress(RuntimeError):  # somebody else rang
                self._lock.release()

    def wait(self, seconds: float | None = None) -> None:
        """Sleep until it rings, or for so many seconds."""
        most = _FOREVER if seconds is None else min(seconds, threading.TIMEOUT_MAX)
        self._lock.acquire(timeout=most)

    def hush(self) -> None:
        """Forget that it rang."""
        self._lock.acquire(blocking=False)
