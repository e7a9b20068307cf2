"""The library's own words, which no log handler of the application's may turn into a failure."""

from __future__ import annotations

import contextlib
import logging

_log = logging.getLogger("bulkhead")


def say(level: int, text: str, *values: object) -> None:
    """Log it; a handler or filter that raises is left alone."""
    with contextlib.suppress(Exception):
        _log.log(level, text, *values)
