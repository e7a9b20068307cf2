"""Ids of records: random UUIDs (version 4), quick to make.

Whoever asks the system for random bytes lets go of the interpreter, and where other threads have
work, gets it back milliseconds later. So bytes for several ids are drawn at once, and used in no
time: what is kept longer might be kept twice, by a fork, or by copies of a machine that was
snapshotted. Where Lambda's SnapStart does that nothing is kept at all, since nobody says what the
clocks of the copies show at first.
"""

from __future__ import annotations

import os
import time

from bulkhead import _fork

# https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
_COPIED = os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start"
_DRAWN = 1 if _COPIED else 32
_SECONDS = 0.05
_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}


class _Pool:
    def __init__(self) -> None:
        self._fresh: list[str] = []
        self._drawn_at = 0.0
        _fork.watch(self)

    def reset_after_fork(self) -> None:
        self._fresh = []

    def draw(self) -> str:
        """32 random hexadecimal digits that nobody had before."""
        # By the clock on the wall, which goes on while a machine is a snapshot.
        if 0 <= time.time() - self._drawn_at < _SECONDS:
            try:
                return self._fresh.pop()
            except IndexError:
                pass
        return self._refill()

    def _refill(self) -> str:
        drawn = os.urandom(16 * _DRAWN).hex()
        fresh = [drawn[at : at + 32] for at in range(0, len(drawn), 32)]
        digits = fresh.pop()
        self._fresh, self._drawn_at = fresh, time.time()
        return digits


_pool = _Pool()


def new_id() -> str:
    """A new one, in the form of `str(uuid.uuid4())`."""
    d = _pool.draw()
    return f"{d[:8]}-{d[8:12]}-4{d[13:16]}-{_VARIANT[d[16]]}{d[17:20]}-{d[20:]}"
