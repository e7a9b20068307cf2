"""Keeps botocore's debug output silent while a secret is on the wire.

At DEBUG, botocore prints request parameters (the external id) and response bodies (session keys).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_secret_on_the_wire: ContextVar[bool] = ContextVar("bulkhead_quiet", default=False)
_LOGGERS = (
    "botocore.auth",
    "botocore.awsrequest",
    "botocore.endpoint",
    "botocore.hooks",
    "botocore.httpsession",
    "botocore.loaders",
    "botocore.parsers",
    "botocore.regions",
    "botocore.retries.standard",
    "botocore.retryhandler",
    "urllib3.connectionpool",
)


class _DropDebug(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno > logging.DEBUG or not _secret_on_the_wire.get()


_filter = _DropDebug()
_loggers = [logging.getLogger(name) for name in _LOGGERS]


@contextmanager
def quiet_botocore() -> Iterator[None]:
    """Drop botocore's DEBUG records of this thread or task inside the block."""
    for logger in _loggers:
        if _filter not in logger.filters:  # a new logging configuration may have removed it
            logger.addFilter(_filter)
    token = _secret_on_the_wire.set(True)
    try:
        yield
    finally:
        _secret_on_the_wire.reset(token)
