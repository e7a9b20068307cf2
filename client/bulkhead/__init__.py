"""Call Amazon Bedrock as your fleet role; keep the record of every call in your own account."""

from __future__ import annotations

from bulkhead.config import BulkheadConfig
from bulkhead.errors import (
    AssumeRoleError,
    BulkheadError,
    ConfigError,
    DestinationError,
    DestinationUnknownError,
    EndpointError,
    InvalidRequestError,
    LeakError,
    QuotaError,
    RequestRefusedError,
    SaltError,
    SessionError,
    UnknownModelError,
)
from bulkhead.facade import Bulkhead
from bulkhead.handler import InvocationHandler
from bulkhead.quota import Limit, Quota
from bulkhead.session import LogSession, ModelSession
from bulkhead.transport import CloudWatchTransport
from bulkhead.walls import Walls
from bulkhead.writer import LogWriter, WriterStats

__version__ = "0.1.0"

__all__ = [
    "AssumeRoleError",
    "Bulkhead",
    "BulkheadConfig",
    "BulkheadError",
    "CloudWatchTransport",
    "ConfigError",
    "DestinationError",
    "DestinationUnknownError",
    "EndpointError",
    "InvalidRequestError",
    "InvocationHandler",
    "LeakError",
    "Limit",
    "LogSession",
    "LogWriter",
    "ModelSession",
    "Quota",
    "QuotaError",
    "RequestRefusedError",
    "SaltError",
    "SessionError",
    "UnknownModelError",
    "Walls",
    "WriterStats",
]
