"""Everything an application needs, wired together: model session, handler, writer, guard."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from bulkhead.config import BulkheadConfig
from bulkhead.delivery import Delivery
from bulkhead.destination import Destination
from bulkhead.handler import InvocationHandler
from bulkhead.selfreport import SelfReport
from bulkhead.serverless import flushing
from bulkhead.session import BaseSession, LogSession, ModelSession
from bulkhead.spool import Spool
from bulkhead.transport import CloudWatchTransport
from bulkhead.writer import LogWriter, WriterStats

if TYPE_CHECKING:
    from langchain_aws import ChatBedrockConverse

T = TypeVar("T")


class Bulkhead:
    """Calls Bedrock as the customer's fleet role and records each call in the customer's account.

    config        what Terraform's outputs say; see `BulkheadConfig`
    base_session  the application's own boto3 or botocore session; the SDK's default if None
    endpoint_url  one endpoint for all services, for a test cloud
    linger        seconds to gather records before they are sent
    delivery      every choice about the delivery of records; see `Delivery`
    spool         a directory that keeps records until they are delivered, even if the process is
                  killed; None: they wait in memory only

    Before it returns, the constructor checks with STS that the application's credentials belong to
    the configured customer account. It raises DestinationError if they do not, so that no record
    can go astray, DestinationUnknownError if STS does not answer, SessionError without credentials.
    """

    def __init__(
        self,
        config: BulkheadConfig,
        base_session: BaseSession | None = None,
        *,
        endpoint_url: str | None = None,
        linger: float | None = None,
        delivery: Delivery | None = None,
        spool: str | Path | None = None,
    ) -> None:
        self.config = config
        self._logs = LogSession(config, base_session, endpoint_url=endpoint_url)
        self._logs.verify()
        self.session = ModelSession(config, base_session, endpoint_url=endpoint_url)
        context = {
            "bulkhead.customer": config.customer,
            "bulkhead.app": config.app,
            "cloud.account.id": config.account_id,
            "cloud.region": config.region,
        }
        self.writer = LogWriter(
            CloudWatchTransport(self._logs.client, config.log_group_name, config.app),
            report=SelfReport(context),
            spool=None if spool is None else Spool(spool, Destination.of(config).name),
            delivery=delivery,
            **({} if linger is None else {"linger": linger}),
        )
        self.handler = InvocationHandler(
            self.writer.put,
            context=context,
            models={arn: model for model, arn in config.inference_profiles.items()},
        )
        self.writer.before_close(self.handler.finish)

    @classmethod
    def from_config(
        cls,
        source: Mapping[str, object] | str | Path | BulkheadConfig,
        base_session: BaseSession | None = None,
        **options: Any,
    ) -> Bulkhead:
        """Build from a configuration document: a mapping, or the path of a JSON file.

        Raises ConfigError naming the field, and what the constructor raises.
        """
        if isinstance(source, BulkheadConfig):
            config = source
        elif isinstance(source, Mapping):
            config = BulkheadConfig.from_mapping(source)
        else:
            config = BulkheadConfig.from_file(source)
        return cls(config, base_session, **options)

    def chat(self, model_id: str, **options: Any) -> ChatBedrockConverse:
        """Return a ChatBedrockConverse for a model of the configuration, with the handler attached.

        Raises UnknownModelError for another model, TypeError for an option that would change
        credentials, endpoint or model. Needs `bulkhead[langchain]`.
        """
        return self.session.chat(model_id, handler=self.handler, **options)

    @property
    def runtime(self) -> Any:
        """A boto3 `bedrock-runtime` client of the fleet role. Its direct calls are not recorded."""
        return self.session.runtime

    @property
    def stats(self) -> WriterStats:
        """What became of the records so far."""
        return self.writer.stats

    def flush(self, timeout: float = 5.0) -> bool:
        """Send every record so far now; False if some is not settled after `timeout` seconds."""
        return self.writer.flush(timeout)

    async def aflush(self, timeout: float = 5.0) -> bool:
        """`flush` for coroutines: the event loop goes on meanwhile."""
        return await self.writer.aflush(timeout)

    def lambda_handler(self, function: Callable[[Any, Any], T]) -> Callable[[Any, Any], T]:
        """Decorate a handler of AWS Lambda: records are delivered before the invocation returns."""
        return flushing(self)(function)

    def close(self, timeout: float | None = None) -> bool:
        """Deliver what is pending, for at most `timeout` seconds (else the choice `exit_seconds`).

        False if records were left.
        """
        return self.writer.close(timeout)

    def __enter__(self) -> Bulkhead:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Bulkhead(customer={self.config.customer!r}, account={self.config.account_id!r})"
