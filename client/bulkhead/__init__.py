"""Call Amazon Bedrock as your fleet role; keep the record of every call in your own account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bulkhead.config import BulkheadConfig
from bulkhead.content import ContentLog
from bulkhead.delivery import Delivery
from bulkhead.errors import (
    AssumeRoleError,
    BulkheadError,
    ClosedError,
    ConfigError,
    DestinationError,
    DestinationUnknownError,
    EndpointError,
    InvalidRequestError,
    LeakError,
    NotSentError,
    QuotaError,
    RequestRefusedError,
    SaltError,
    SessionError,
    UnknownModelError,
)
from bulkhead.facade import Bulkhead
from bulkhead.hooks import CallRecorder
from bulkhead.prices import PriceTable
from bulkhead.quota import Limit, Quota
from bulkhead.record import RecordMaker
from bulkhead.redaction import PatternRedactor, PresidioRedactor
from bulkhead.selfreport import SelfReport
from bulkhead.serverless import flushing
from bulkhead.session import LogSession, ModelSession
from bulkhead.spool import Spool
from bulkhead.transport import CloudWatchTransport
from bulkhead.walls import Walls
from bulkhead.writer import LogWriter, WriterStats

if TYPE_CHECKING:
    from bulkhead.handler import InvocationHandler

__version__ = "0.1.0"

__all__ = [
    "AssumeRoleError",
    "Bulkhead",
    "BulkheadConfig",
    "BulkheadError",
    "CallRecorder",
    "ClosedError",
    "CloudWatchTransport",
    "ConfigError",
    "ContentLog",
    "Delivery",
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
    "NotSentError",
    "PatternRedactor",
    "PresidioRedactor",
    "PriceTable",
    "Quota",
    "QuotaError",
    "RecordMaker",
    "RequestRefusedError",
    "SaltError",
    "SelfReport",
    "SessionError",
    "Spool",
    "UnknownModelError",
    "Walls",
    "WriterStats",
    "flushing",
]


def __getattr__(name: str) -> Any:
    # The handler is LangChain's: whoever calls boto3 only does not pay for importing it.
    if name == "InvocationHandler":
        from bulkhead.handler import InvocationHandler

        return InvocationHandler
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
