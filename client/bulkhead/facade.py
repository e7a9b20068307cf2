"""Everything an application needs, wired together: model session, recorders, writers, guard."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast, overload

from bulkhead import _fork, documents, exits, models
from bulkhead.config import BulkheadConfig
from bulkhead.content import ContentLog
from bulkhead.delivery import Delivery
from bulkhead.destination import Destination
from bulkhead.endpoints import Given
from bulkhead.errors import ConfigError
from bulkhead.hooks import CallRecorder
from bulkhead.prices import PriceTable
from bulkhead.quota import Quota
from bulkhead.record import RecordMaker
from bulkhead.redaction import Redactor
from bulkhead.selfreport import SelfReport
from bulkhead.serverless import flushing
from bulkhead.session import BaseSession, LogSession, ModelSession
from bulkhead.spool import Spool
from bulkhead.transport import CloudWatchTransport
from bulkhead.walls import Walls
from bulkhead.writer import LogWriter, WriterStats

if TYPE_CHECKING:
    from langchain_aws import BedrockEmbeddings, BedrockLLM, ChatBedrock, ChatBedrockConverse

    from bulkhead.handler import InvocationHandler

T = TypeVar("T")


class Bulkhead:
    """Calls Bedrock as the customer's fleet role and records each call in the customer's account.

    config        what Terraform's outputs say; see `BulkheadConfig`
    base_session  the application's own boto3 or botocore session; the SDK's default if None
    endpoint_url  one address for all services, or addresses by service; the configuration's for
                  services that it does not name, and never the environment's
    linger        seconds to gather records before they are sent
    delivery      every choice about the delivery of records; see `Delivery`
    spool         a directory that keeps records until they are delivered, even if the process is
                  killed, or a function from a destination to its `Spool`, such as
                  `partial(Spool, directory, fsync=True)`; None: they wait in memory only
    prices        for the cost in the records; the table of this release if None
    content       also record prompts and answers, redacted, in the content log group
    redactors     what redacts them, in turn; built-in patterns if None
    walls         what the application chooses about the walls

    Before it returns, the constructor checks with STS that the application's credentials belong to
    the configured customer account. It raises DestinationError if they do not, so that no record
    can go astray, DestinationUnknownError if STS does not answer, SessionError without credentials,
    EndpointError and LeakError where calls would go elsewhere or something else would see prompts,
    and ConfigError if content is asked for and the configuration names no group for it.
    """

    def __init__(
        self,
        config: BulkheadConfig,
        base_session: BaseSession | None = None,
        *,
        endpoint_url: Given = None,
        linger: float | None = None,
        delivery: Delivery | None = None,
        spool: str | Path | Callable[[str], Spool] | None = None,
        prices: PriceTable | None = None,
        content: bool = False,
        redactors: Sequence[Redactor] | None = None,
        walls: Walls | None = None,
    ) -> None:
        self.config = config
        self.reset_after_fork()
        _fork.watch(self)
        if content and config.content_log_group_name is None:
            raise ConfigError(
                "configuration: field `content` names no log group, and content was asked for; "
                "turn content on in the module customer-logging, or leave content=True away"
            )
        self._logs = LogSession(config, base_session, endpoint_url=endpoint_url, walls=walls)
        self._logs.verify()
        self.session = ModelSession(config, base_session, endpoint_url=endpoint_url, walls=walls)
        context = {
            "bulkhead.customer": config.customer,
            "bulkhead.app": config.app,
            "cloud.account.id": config.account_id,
            "cloud.region": config.region,
        }
        self._report = SelfReport(context)
        self._delivery = delivery or Delivery()
        if linger is not None:
            self._delivery = replace(self._delivery, linger=linger)
        self._spool = partial(Spool, spool) if isinstance(spool, str | Path) else spool
        self.writer = self._writer(config.log_group_name)
        self.content_writer: LogWriter | None = None
        self._maker = RecordMaker(
            context=context,
            models={arn: model for model, arn in config.inference_profiles.items()},
            prices=PriceTable.shipped() if prices is None else prices,
        )
        self._content: ContentLog | None = None
        if content:
            assert config.content_log_group_name is not None
            self.content_writer = self._writer(config.content_log_group_name, heartbeat=0)
            self._content = ContentLog(
                self.content_writer.put, self._maker, redactors=redactors, defer=True
            )
        self.recorder = CallRecorder(
            self.writer.put, self._maker, content=self._content, defer=True
        )
        # Every client that the session makes from now on is watched.
        self.recorder.attach(self.session._session)
        self.writer.before_close(self._finish)
        if self.content_writer is not None:
            self.content_writer.before_close(self._finish)

    @classmethod
    def from_config(
        cls,
        source: documents.Source,
        base_session: BaseSession | None = None,
        *,
        app: str | None = None,
        **options: Any,
    ) -> Bulkhead:
        """Build from a configuration document: a mapping, a JSON file, or `ssm:PARAMETER_NAME`.

        Parameters are read with the application's own credentials: the document, and the external
        id where the document names the parameter that keeps it, as Terraform's does. `app` names
        the application, since applications of an account share that document.

        Raises ConfigError naming the field, and what the constructor raises.
        """
        config = documents.read(
            source,
            base_session,
            endpoint_url=options.get("endpoint_url"),
            app=app,
            walls=options.get("walls"),
        )
        return cls(config, base_session, **options)

    @cached_property
    def handler(self) -> InvocationHandler:
        """The LangChain callback handler. The models made here have it attached."""
        from bulkhead.handler import InvocationHandler  # langchain-core, for those who use it

        # One, whichever thread comes first, which since Python 3.12 `cached_property` does not see
        # to: closing would not finish the runs of another.
        with self._finishing:
            made = self.__dict__.get("handler")
            if made is None:
                made = self.__dict__["handler"] = InvocationHandler(
                    self.writer.put,
                    maker=self._maker,
                    content=self._content,
                    defer=True,
                    watched=self.config.inference_profiles.values(),
                )
        return cast("InvocationHandler", made)

    @overload
    def chat(
        self, model_id: str, *, api: Literal["converse"] = "converse", **options: Any
    ) -> ChatBedrockConverse: ...

    @overload
    def chat(self, model_id: str, *, api: Literal["invoke"], **options: Any) -> ChatBedrock: ...

    def chat(
        self, model_id: str, *, api: Literal["converse", "invoke"] = "converse", **options: Any
    ) -> ChatBedrockConverse | ChatBedrock:
        """Return a chat model of the configuration, with the handler attached.

        api  `converse` for a ChatBedrockConverse, `invoke` for a ChatBedrock

        Raises UnknownModelError for another model, TypeError for an option that would change
        credentials, endpoint or model. Needs `bulkhead[langchain]`.
        """
        if api == "invoke":
            return models.chat_bedrock(self.session, model_id, self.handler, **options)
        if api != "converse":
            raise ValueError(f"api must be 'converse' or 'invoke', not {api!r}")
        return self.session.chat(model_id, handler=self.handler, **options)

    def llm(self, model_id: str, **options: Any) -> BedrockLLM:
        """Return a BedrockLLM, for models that complete a text. Otherwise as `chat`."""
        return models.text_model(self.session, model_id, self.handler, **options)

    def embeddings(self, model_id: str, **options: Any) -> BedrockEmbeddings:
        """Return a BedrockEmbeddings. Otherwise as `chat`; each call of Bedrock leaves a record."""
        return models.embeddings(self.session, model_id, **options)

    @property
    def runtime(self) -> Any:
        """A boto3 `bedrock-runtime` client of the fleet role. Its calls of models are recorded.

        `inference_profile(model_id)` is the `modelId` to call.
        """
        return self.session.runtime

    def inference_profile(self, model_id: str) -> str:
        """Return the ARN of the customer's AIP for a model. Raises UnknownModelError."""
        return self.session.inference_profile(model_id)

    @property
    def quota(self) -> Quota:
        """The customer's own limits; calls of the models go through them by themselves."""
        return self.session.quota

    @property
    def stats(self) -> WriterStats:
        """What became of the records so far."""
        return self.writer.stats

    def flush(self, timeout: float = 5.0) -> bool:
        """Send every record so far now; False if some is not settled after `timeout` seconds.

        In a signal handler that interrupted this library itself: it is begun, and False comes at
        once.
        """
        if any(writer.interrupted for writer in self._writers()):
            exits.errand(self.flush, timeout)
            return False
        deadline = time.monotonic() + timeout
        self.recorder.tidy(timeout)
        settled = True
        for writer in self._writers():
            settled = writer.flush(max(0.0, deadline - time.monotonic())) and settled
        return settled

    async def aflush(self, timeout: float = 5.0) -> bool:
        """`flush` for coroutines: the event loop goes on meanwhile."""
        return await asyncio.to_thread(self.flush, timeout)

    def lambda_handler(self, function: Callable[[Any, Any], T]) -> Callable[[Any, Any], T]:
        """Decorate a handler of AWS Lambda: records are delivered before the invocation returns."""
        return flushing(self)(function)

    def close(self, timeout: float | None = None) -> bool:
        """Deliver what is pending, for at most `timeout` seconds (else the choice `exit_seconds`).

        Calls of models raise ClosedError from here on; those under way are recorded as they are.
        False if records were left. In a signal handler as with `flush`.
        """
        self.session.close()
        seconds = self._delivery.exit_seconds if timeout is None else timeout
        if any(writer.interrupted for writer in self._writers()):
            exits.errand(self.close, seconds)
            return False
        deadline = time.monotonic() + seconds
        for writer in self._writers():
            writer.hurry(deadline)
        closed = True
        for writer in self._writers():
            closed = writer.close(max(0.0, deadline - time.monotonic())) and closed
        return closed

    def _writers(self) -> tuple[LogWriter, ...]:
        return (self.writer,) if self.content_writer is None else (self.writer, self.content_writer)

    def _writer(self, group: str, **choices: Any) -> LogWriter:
        destination = replace(Destination.of(self.config), log_group_name=group).name
        return LogWriter(
            CloudWatchTransport(self._logs.client, group, self.config.app),
            report=self._report,
            spool=None if self._spool is None else self._spool(destination),
            delivery=replace(self._delivery, **choices),
        )

    def reset_after_fork(self) -> None:
        """A thread of the parent may have held it; and the child's writers are open again."""
        self._finishing = threading.RLock()
        if "session" in self.__dict__:
            self.session.close(False)

    def _finish(self) -> None:
        """Record what is still under way. Who comes second waits: then both writers have all."""
        self.session.close()  # first: what is called from here on would not be seen below
        with self._finishing:
            if "handler" in self.__dict__:
                self.handler.finish()
            self.recorder.finish()

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
