"""Who sees what a data protection policy masks: nobody, unless the call asks for it unmasked.

An event keeps what came in and what may be seen. Whatever reads `message` of a stored event (reads,
filters, export tasks, live tails) gets the latter, except inside `revealed`; queries unmask field
by field. That the caller has `logs:Unmask` the catalogue has asked before.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/mask-sensitive-log-data.html
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

from moto.logs.models import LogEvent
from moto.logs.responses import LogsResponse

_RAW, _VISIBLE = "bulkhead_raw", "bulkhead_visible"
_REVEALS: ContextVar[bool] = ContextVar("reveals", default=False)


@contextlib.contextmanager
def revealed(reveal: bool = True) -> Iterator[None]:
    """Let stored events tell in this context what came in."""
    token = _REVEALS.set(reveal)
    try:
        yield
    finally:
        _REVEALS.reset(token)


def raw_text(stored: Any) -> str:
    """What came in, of an event as moto keeps it."""
    kept = vars(stored)
    if _RAW in kept:  # else its `message` is the plain attribute
        return str(kept[_RAW])
    return str(stored.message)


def visible_text(stored: Any) -> str:
    """What a reader without `logs:Unmask` sees of an event as moto keeps it."""
    return str(getattr(stored, _VISIBLE, raw_text(stored)))


def keep_visible(stored: Any, text: str) -> None:
    """Let readers see `text`."""
    setattr(stored, _VISIBLE, text)


@functools.cache
def adapt_masking() -> None:
    """Make moto's events tell what may be seen. Once is enough."""

    def told(self: Any) -> str:
        return raw_text(self) if _REVEALS.get() else visible_text(self)

    def keep(self: Any, message: str) -> None:
        setattr(self, _RAW, message)

    event: Any = LogEvent
    event.message = property(told, keep)
    response: Any = LogsResponse
    for name in ("get_log_events", "filter_log_events"):
        setattr(response, name, _asked(getattr(response, name)))


def _asked(operation: Any) -> Any:
    def asked(self: Any) -> Any:
        with revealed(bool(self._get_param("unmask"))):
            return operation(self)

    return asked
