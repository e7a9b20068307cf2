"""The LangChain callback handler: one metadata-only record for each model call, however it ends.

It reads through `response`, writes to whatever `sink` is, and never raises into the application.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError as FutureCancelledError
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler

from bulkhead import _fork
from bulkhead.response import Facts, error_type, facts_of_error, facts_of_response, identifier

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage
    from langchain_core.outputs import LLMResult

log = logging.getLogger("bulkhead")

SCHEMA_VERSION = "1.0"

Sink = Callable[[Mapping[str, object], int], object]

_CANCELLED = (
    GeneratorExit,  # the consumer of a stream stopped early
    asyncio.CancelledError,
    FutureCancelledError,
    KeyboardInterrupt,
)
_MAX_CONVERSATION_ID = 256
_MAX_RUNNING = 100_000


class _Call:
    """What is known of a call before its answer."""

    __slots__ = ("facts", "started")

    def __init__(self, started: float, facts: Facts) -> None:
        self.started = started
        self.facts = facts


class InvocationHandler(BaseCallbackHandler):
    """Makes one record per model call and gives it to `sink(record, timestamp_ms)`.

    sink              takes the record, e.g. `LogWriter.put`; must not block
    context           fields that every record bears (customer, account, region, application)
    models            AIP ARN to model id, to name the model of a call that never got an answer
    conversation_key  the key in the run's metadata that holds a conversation id; a caller sets it
                      with `config={"metadata": {"conversation_id": …}}`

    Attach it to models (`callbacks=[handler]`) or to a run (`config={"callbacks": [handler]}`).
    """

    # On the caller's thread: otherwise async runs queue it behind their own model calls.
    run_inline = True
    raise_error = False

    def __init__(
        self,
        sink: Sink,
        *,
        context: Mapping[str, str] | None = None,
        models: Mapping[str, str] | None = None,
        conversation_key: str = "conversation_id",
    ) -> None:
        super().__init__()
        self._sink = sink
        self._context = dict(context or {})
        self._models = dict(models or {})
        self._conversation_key = conversation_key
        self._running: dict[UUID, _Call] = {}
        self.failures = 0
        _fork.watch(self)

    # Nothing but model calls is of interest: LangChain then does not even call.
    @property
    def ignore_agent(self) -> bool:
        """Agent events are not recorded."""
        return True

    @property
    def ignore_chain(self) -> bool:
        """Chain events are not recorded."""
        return True

    @property
    def ignore_retriever(self) -> bool:
        """Retriever events are not recorded."""
        return True

    @property
    def ignore_retry(self) -> bool:
        """A retried call starts as a new run of its own."""
        return True

    @property
    def ignore_custom_event(self) -> bool:
        """Custom events are not recorded."""
        return True

    def on_chat_model_start(
        self,
        serialized: dict[str, Any],
        messages: list[list[BaseMessage]],  # noqa: ARG002 (content: never read)
        *,
        run_id: UUID,
        metadata: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        """Note that a chat model call starts."""
        self._start("chat", serialized, run_id, metadata)

    def on_llm_start(
        self,
        serialized: dict[str, Any],
        prompts: list[str],  # noqa: ARG002 (content: never read)
        *,
        run_id: UUID,
        metadata: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        """Note that a text completion call starts."""
        self._start("text_completion", serialized, run_id, metadata)

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **_: Any) -> None:
        """Record a call that was answered. A second end of the same run is ignored."""
        call = self._running.pop(run_id, None)
        if call is None:
            return
        try:
            self._record(call, "success", facts_of_response(response))
        except Exception as error:
            self._failed(error)

    def on_llm_error(
        self, error: BaseException, *, run_id: UUID, reason: object = None, **kwargs: Any
    ) -> None:
        """Record a call that failed or was cancelled. A second error of the same run is ignored."""
        call = self._running.get(run_id)
        if call is None:
            return
        try:
            if reason == "GUARDRAIL_INTERVENED":
                # Not an error: ChatBedrock announces it so, and the run's end follows.
                call.facts["bulkhead.guardrail_intervened"] = True
                return
            if self._running.pop(run_id, None) is None:
                return
            facts: Facts = {}
            if kwargs.get("response") is not None:
                facts = facts_of_response(kwargs["response"])  # tokens of a stream that broke
            facts.update(facts_of_error(error))
            self._record(call, "cancelled" if isinstance(error, _CANCELLED) else "error", facts)
        except Exception as inner:
            self._failed(inner)

    def finish(self) -> None:
        """Record calls that began and never ended as cancelled; called when the writer closes.

        A cancelled `ainvoke` is such a call: LangChain reports neither its end nor an error.
        """
        while self._running:
            try:
                _, call = self._running.popitem()
            except KeyError:
                return
            self._abandon(call)

    def reset_after_fork(self) -> None:
        """Forget the parent's running calls: the parent records them."""
        self._running = {}

    def _start(
        self,
        operation: str,
        serialized: Mapping[str, Any] | None,
        run_id: UUID,
        metadata: Mapping[str, Any] | None,
    ) -> None:
        try:
            metadata = metadata or {}
            target = _model_id(serialized)
            model = metadata.get("ls_model_name") or target
            facts: Facts = {
                "gen_ai.operation.name": operation,
                "gen_ai.request.model": identifier(self._models.get(target or "", model)),
                "gen_ai.request.max_tokens": _number(metadata.get("ls_max_tokens")),
                "gen_ai.request.temperature": _number(metadata.get("ls_temperature")),
                "gen_ai.conversation.id": _conversation(metadata.get(self._conversation_key)),
            }
            if target and ":application-inference-profile/" in target:
                facts["bulkhead.inference_profile.arn"] = target
            self._running[run_id] = _Call(time.perf_counter(), facts)
            if len(self._running) > _MAX_RUNNING:
                self._abandon(self._running.pop(next(iter(self._running))))
        except Exception as error:
            self._failed(error)

    def _abandon(self, call: _Call) -> None:
        try:
            self._record(call, "cancelled", {"error.type": "unfinished"})
        except Exception as error:
            self._failed(error)

    def _record(self, call: _Call, status: str, facts: Facts) -> None:
        seconds = time.perf_counter() - call.started
        now = time.time_ns() // 1_000_000
        record: Facts = {
            "bulkhead.schema.version": SCHEMA_VERSION,
            "bulkhead.record.id": str(uuid.uuid4()),
            "timestamp": datetime.fromtimestamp(now / 1000, UTC).isoformat(timespec="milliseconds"),
            "bulkhead.status": status,
            "gen_ai.provider.name": "aws.bedrock",
            **self._context,
            **call.facts,
            "gen_ai.client.operation.duration": round(seconds, 6),
        }
        record.update((key, value) for key, value in facts.items() if value is not None)
        self._sink({key: value for key, value in record.items() if value is not None}, now)

    def _failed(self, error: Exception) -> None:
        # Only the kind: the text of an unexpected exception may quote content.
        self.failures += 1
        log.error("a record could not be made: %s", error_type(error))


def _model_id(serialized: Mapping[str, Any] | None) -> str | None:
    """Return the id or ARN really called. `serialized` also holds system prompts: pick one key."""
    kwargs = (serialized or {}).get("kwargs")
    if not isinstance(kwargs, Mapping):
        return None
    return identifier(kwargs.get("model_id") or kwargs.get("model"))


def _conversation(value: object) -> str | None:
    # Free text is content, whoever puts it there.
    text = identifier(str(value)) if isinstance(value, str | int | UUID) else None
    return text if text and len(text) <= _MAX_CONVERSATION_ID else None


def _number(value: object) -> int | float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
