"""Session credentials that replace themselves: early, in the background, and one at a time.

botocore's own have neither jitter nor backoff: in the last quarter hour each signing retries a
failing STS, and all processes of a fleet that started together refresh together. How a session is
obtained is `fleet`'s matter.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from botocore.credentials import Credentials, ReadOnlyCredentials

from bulkhead import _fork
from bulkhead.errors import AssumeRoleError

log = logging.getLogger("bulkhead")

AHEAD = 0.25
"""The part of a session's life, counted from its end, in which it is replaced in the background."""
_JITTER = 0.2
_MARGIN = 60.0
"""Seconds before the end when a session is no longer used: clocks differ, requests take time."""
_BACKOFF = (0.5, 60.0)


@dataclass(frozen=True, slots=True, repr=False)
class Issued:
    """One session: its keys, and when it ends (seconds since the epoch)."""

    keys: ReadOnlyCredentials
    expires: float

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("session keys are not serializable")


class SessionCredentials(Credentials):
    """Credentials of sessions that `obtain` gets one after the other.

    obtain  makes a new session; raises AssumeRoleError
    clock   seconds since the epoch

    A caller waits only where there is no usable session; then one caller asks and the others get
    what it got, its failure included. While asking fails it is not repeated at once: each failure
    doubles the pause, up to a minute, of which a random part is taken. A session is never used in
    its last minute, so a failure means that nothing is signed.
    """

    def __init__(
        self,
        obtain: Callable[[], Issued],
        *,
        clock: Callable[[], float] = time.time,
        backoff: tuple[float, float] = _BACKOFF,
    ) -> None:
        # The parent's own fields stay empty: whoever reads them signs nothing.
        super().__init__(access_key="", secret_key="", method="bulkhead-fleet-role")
        self._obtain = obtain
        self._clock = clock
        self._backoff = backoff
        self._issued: Issued | None = None
        self._known: deque[str] = deque(maxlen=4)
        self._ahead = 0.0
        self._failures = 0
        self._failure: AssumeRoleError | None = None
        self._not_before = 0.0
        self._fresh()
        _fork.watch(self)

    def _fresh(self) -> None:
        self._one = threading.Lock()  # held by who asks STS
        self._refreshing = threading.Lock()  # held while a background thread is on its way

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        """Return keys that are good for another minute at least. Raises AssumeRoleError."""
        issued, now = self._issued, self._clock()
        if issued is None or now >= issued.expires - _MARGIN:
            return self._wait().keys
        if now >= self._ahead and now >= self._not_before:
            self._start()
        return issued.keys

    def knows(self, access_key_id: str) -> bool:
        """Whether a key is of one of the last sessions obtained here."""
        return access_key_id in self._known

    def discard(self, access_key_id: str) -> None:
        """Drop the session of a key, which AWS said has ended; the next caller gets another."""
        issued = self._issued
        if issued is not None and issued.keys.access_key == access_key_id:
            self._issued = None

    def reset_after_fork(self) -> None:
        """New locks, since a thread of the parent may hold the old ones; and its own moment."""
        self._fresh()
        if self._issued is not None:
            self._ahead = self._moment(self._issued)

    def _wait(self) -> Issued:
        with self._one:
            issued, now = self._issued, self._clock()
            if issued is not None and now < issued.expires - _MARGIN:
                return issued
            if self._failure is not None and now < self._not_before:
                raise AssumeRoleError(str(self._failure), self._failure.code)
            return self._ask()

    def _start(self) -> None:
        if not self._refreshing.acquire(blocking=False):
            return
        thread = threading.Thread(target=self._behind, name="bulkhead-session", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the interpreter is shutting down, or there are too many threads
            self._refreshing.release()

    def _behind(self) -> None:
        refreshing = self._refreshing
        try:
            with self._one:
                # Somebody may have asked since this thread was sent for.
                if self._clock() >= max(self._ahead, self._not_before):
                    self._ask()
        except AssumeRoleError as error:
            log.warning("the session could not be replaced ahead of its end: %s", error.code)
        finally:
            refreshing.release()

    def _ask(self) -> Issued:
        """Get a session; the caller holds `_one`."""
        try:
            issued = self._obtain()
        except AssumeRoleError as error:
            self._failures += 1
            base, cap = self._backoff
            pause = min(cap, base * 2 ** min(self._failures - 1, 30))
            self._not_before = self._clock() + random.uniform(pause / 2, pause)
            # A copy: what is kept must not hold on to the frames of a failed call.
            self._failure = AssumeRoleError(str(error), error.code)
            raise
        self._failures, self._failure, self._not_before = 0, None, 0.0
        self._known.append(issued.keys.access_key or "")
        self._ahead = self._moment(issued)
        self._issued = issued
        return issued

    def _moment(self, issued: Issued) -> float:
        left = max(0.0, issued.expires - self._clock())
        return issued.expires - left * AHEAD * random.uniform(1 - _JITTER, 1 + _JITTER)

    def __repr__(self) -> str:
        return "SessionCredentials(***)"

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("session credentials are not serializable")


def unlock(source: Credentials) -> None:
    """Replace the lock of the application's own credentials in a forked child.

    A thread of the parent may have held it to refresh them, and the child would wait for ever.
    """
    if hasattr(source, "_refresh_lock"):
        source._refresh_lock = threading.Lock()
