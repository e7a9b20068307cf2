"""How long a network call may take at the very end of a process, where no thread waits beside it.

Elsewhere threads make the calls, and who waits for them looks at the clock. Where the interpreter
starts no thread any more, the calls themselves must end in time. So what is made inside `until`
(clients of the writer, and of STS) waits for a part of the time that is left, each step of it.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from contextvars import ContextVar

_STEPS = 4
_LEAST_SECONDS = 0.05
_deadline: ContextVar[float | None] = ContextVar("bulkhead_deadline", default=None)


@contextlib.contextmanager
def until(deadline: float) -> Iterator[float]:
    """Bound what is made inside by a moment of `time.monotonic`.

    Yields the moment after which no further step should begin, since it may take that long.
    """
    token = _deadline.set(deadline)
    try:
        yield deadline - (deadline - time.monotonic()) / _STEPS
    finally:
        _deadline.reset(token)


def hurried() -> bool:
    """Whether the process is at its end: nothing should be tried twice."""
    return _deadline.get() is not None


def at_most(seconds: float) -> float:
    """How long a step may take that usually has so many seconds."""
    deadline = _deadline.get()
    if deadline is None:
        return seconds
    return max(_LEAST_SECONDS, min(seconds, (deadline - time.monotonic()) / _STEPS))
