"""Call Amazon Bedrock as your fleet role; keep the record of every call in your own account."""

from __future__ import annotations

from bulkhead.config import BulkheadConfig
from bulkhead.delivery import Delivery
from bulkhead.errors import (
    AssumeRoleError,
    BulkheadError,
    ConfigError,
    DestinationError,
    DestinationUnknownError,
    SessionError,
    UnknownModelError,
)
from bulkhead.facade import Bulkhead
from bulkhead.handler import InvocationHandler
from bulkhead.selfreport import SelfReport
from bulkhead.serverless import flushing
from bulkhead.session import LogSession, ModelSession
from bulkhead.spool import Spool
from bulkhead.transport import CloudWatchTransport
from bulkhead.writer import LogWriter, WriterStats

__version__ = "0.1.0"

__all__ = [
    "AssumeRoleError",
    "Bulkhead",
    "BulkheadConfig",
    "BulkheadError",
    "CloudWatchTransport",
    "ConfigError",
    "Delivery",
    "DestinationError",
    "DestinationUnknownError",
    "InvocationHandler",
    "LogSession",
    "LogWriter",
    "ModelSession",
    "SelfReport",
    "SessionError",
    "Spool",
    "UnknownModelError",
    "WriterStats",
    "flushing",
]
