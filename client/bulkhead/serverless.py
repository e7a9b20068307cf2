"""Delivery for functions that are frozen between invocations, such as those of AWS Lambda.

What such a function has not sent when it returns waits until it is called again, if it ever is.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
"""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

log = logging.getLogger("bulkhead")

T = TypeVar("T")
# Left to the function for its own end.
_MARGIN_SECONDS = 0.2
_LEAST_SECONDS = 0.05


class Flushable(Protocol):
    """A writer or a facade."""

    def flush(self, timeout: float) -> bool:
        """Send what waits now; False if it is not settled after so many seconds."""


def flushing(
    *flushables: Flushable, timeout: float = 5.0
) -> Callable[[Callable[[Any, Any], T]], Callable[[Any, Any], T]]:
    """Decorate a handler: what it recorded is delivered before it returns, or raises.

    That takes at most `timeout` seconds, and never more than the invocation has left by its context
    (`get_remaining_time_in_millis`). What is left then is tried again in the next invocation, and
    a warning says so.
    """

    def decorate(handler: Callable[[Any, Any], T]) -> Callable[[Any, Any], T]:
        @functools.wraps(handler)
        def flushed(event: Any, context: Any) -> T:
            try:
                return handler(event, context)
            finally:
                deadline = time.monotonic() + _seconds(context, timeout)
                for each in flushables:
                    if not each.flush(max(_LEAST_SECONDS, deadline - time.monotonic())):
                        log.warning("records wait for the next invocation")

        return flushed

    return decorate


def _seconds(context: Any, timeout: float) -> float:
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    if not callable(remaining):
        return timeout
    return max(_LEAST_SECONDS, min(timeout, float(remaining()) / 1000 - _MARGIN_SECONDS))
