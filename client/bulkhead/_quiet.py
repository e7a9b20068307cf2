"""Keeps botocore's debug output silent while a secret is on the wire.

At DEBUG, botocore prints request parameters (the external id) and response bodies (session keys).
"""

from __future__ import annotations

import logging
from contextvars import ContextVar, Token

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


class quiet_botocore:
    """Drop botocore's DEBUG records of this thread or task inside the block.

    A class, since every call enters it: a generator would take twice as long.
    """

    __slots__ = ("_token",)

    def __enter__(self) -> None:
        for logger in _loggers:
            if _filter not in logger.filters:  # a new logging configuration may have removed it
                logger.addFilter(_filter)
        self._token: Token[bool] = _secret_on_the_wire.set(True)

    def __exit__(self, *_: object) -> None:
        _secret_on_the_wire.reset(self._token)
