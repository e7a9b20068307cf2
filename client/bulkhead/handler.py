"""The LangChain callback handler: one metadata-only record for each model call, however it ends.

On the caller's thread it only notes what it needs; the record is made where the sink says. It
never raises into the application.
"""

from __future__ import annotations

import asyncio
import logging
import time
import weakref
from collections import deque
from collections.abc import Hashable, Iterable, Mapping
from concurrent.futures import CancelledError as FutureCancelledError
from typing import TYPE_CHECKING, Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler

from bulkhead import _fork, correlation
from bulkhead._ids import new_id
from bulkhead._say import say
from bulkhead.content import ContentLog
from bulkhead.errors import not_sent
from bulkhead.exchange import CANCELLED, ERROR, SUCCESS, UNFINISHED, Exchange
from bulkhead.facts import Facts, count, error_type, facts_of_error, identifier, mapping, number
from bulkhead.record import RecordMaker, Sink, report_unmade
from bulkhead.response import Told, facts_of, told

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage
    from langchain_core.outputs import LLMResult

_STOPPED = (
    GeneratorExit,  # the consumer of a stream stopped early
    asyncio.CancelledError,
    FutureCancelledError,
    KeyboardInterrupt,
)
_MAX_CONVERSATION_ID = 256
_MAX_RUNNING = 100_000
_ATTEMPT = "retry:attempt:"


class _Life(weakref.ref[UUID]):
    """Tells that nobody has the id of a run any more."""

    __slots__ = ("key",)
    key: Hashable


_MADE: Facts = {}


class _Call:
    """A run as its start told it, and when it has ended, what its record is made of.

    It is what waits for the writer, with as little around it as can be: the garbage collector looks
    at whatever waits, on the thread of whoever calls a model.
    """

    __slots__ = (
        "ended",
        "error",
        "exchange",
        "given",
        "guarded",
        "handler",
        "ident",
        "life",
        "made",
        "metadata",
        "operation",
        "run",
        "seconds",
        "started",
        "status",
        "tags",
        "target",
    )
    bulkhead_bytes = 0
    """What a writer counts for its texts: it holds identifiers, and no content."""

    def __init__(
        self,
        handler: InvocationHandler,
        operation: str,
        run: correlation.Run,
        metadata: Mapping[str, Any] | None,
        tags: list[str] | None,
    ) -> None:
        self.handler = handler
        self.operation = operation
        self.run = run
        self.target = run.target
        self.metadata = metadata
        self.tags = tags or None
        self.guarded = False
        self.life: _Life | None = None
        self.made: Facts | None = None
        self.ident: str | None = None
        self.started = time.perf_counter()

    def end(
        self,
        status: str,
        given: Told | None,
        exchange: Exchange | None,
        error: Facts | None,
        ended_ms: int,
        seconds: float,
        ident: str | None,
    ) -> None:
        """Keep what the record needs, and of the run nothing else."""
        self.status, self.given, self.exchange, self.error = status, given, exchange, error
        self.ended, self.seconds, self.ident = ended_ms, seconds, ident
        self.life = None
        del self.run

    def __call__(self) -> tuple[Facts, ...]:
        """Make the record of a call that has ended: one, however often this is handed over."""
        if self.made is not None:
            return ()
        record = self.handler.record(self)
        self.made = _MADE  # not the record: it would live as long as this, and weigh as much
        return (record,)


class InvocationHandler(BaseCallbackHandler):
    """Makes one record per model call and gives it to `sink(record, timestamp_ms)`.

    sink              takes the record, e.g. `LogWriter.put`; must not block
    maker             makes records; by default one without context and prices
    content           where prompts and answers go, if they are asked for
    conversation_key  the key in the run's metadata that holds a conversation id; a caller sets it
                      with `config={"metadata": {"conversation_id": …}}`
    defer             give the sink a callable that makes the record, to be called on its own thread
    watched           model ids and ARNs that are called through watched clients only: a run of them
                      that ends without a call (refused, cancelled before it was sent) made none

    Attach it to models (`callbacks=[handler]`) or to a run (`config={"callbacks": [handler]}`).
    Where a `CallRecorder` watches the client, all records bear request id, retries and latency.
    """

    # On the caller's thread: otherwise async runs queue it behind their own model calls, and the
    # context in which it announces the run is not the call's.
    run_inline = True
    raise_error = False

    # Nothing but model calls is of interest: LangChain then does not even call.
    ignore_agent = True
    ignore_chain = True
    ignore_retriever = True
    ignore_retry = True  # a retried call starts as a new run of its own
    ignore_custom_event = True

    def __init__(
        self,
        sink: Sink,
        *,
        maker: RecordMaker | None = None,
        content: ContentLog | None = None,
        conversation_key: str = "conversation_id",
        defer: bool = False,
        watched: Iterable[str] = (),
    ) -> None:
        super().__init__()
        self._sink = sink
        self._maker = maker or RecordMaker()
        self._content = content
        self._conversation_key = conversation_key
        self._defer = defer
        self._running: dict[Hashable, _Call] = {}
        self._gone: deque[_Life] = deque()
        self._hand_over = self._gone.append
        self._watched: set[str | None] = set(watched)
        self.failures = 0
        _fork.watch(self)

    def on_chat_model_start(
        self,
        serialized: dict[str, Any],
        messages: list[list[BaseMessage]],  # noqa: ARG002 (content: never read)
        *,
        run_id: UUID,
        tags: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        batch_size: int = 1,
        **given: Any,
    ) -> None:
        """Note that a chat model call starts."""
        try:
            run = correlation.begin(run_id, _model_id(serialized, given), batch_size)
            self._start(_Call(self, "chat", run, metadata, tags), run_id)
        except Exception as error:
            self._failed(error)

    def on_llm_start(
        self,
        serialized: dict[str, Any],
        prompts: list[str],
        *,
        run_id: UUID,
        tags: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        batch_size: int = 1,
        **_: Any,
    ) -> None:
        """Note that a text completion call starts. The prompt only serves to recognize the call."""
        try:
            prompt = prompts[0] if prompts else ""
            run = correlation.begin(run_id, _model_id(serialized), batch_size, prompt)
            self._start(_Call(self, "text_completion", run, metadata, tags), run_id)
        except Exception as error:
            self._failed(error)

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **_: Any) -> None:
        """Record a call that was answered. A second end of the same run is ignored."""
        key = correlation.key_of(run_id)
        call = self._running.get(key)
        if call is None:
            return
        try:
            if self._running.pop(key, None) is None:
                return
            correlation.end(call.run)
            self._end(call, SUCCESS, response)
        except Exception as error:
            self._failed(error, lost=True)
        except BaseException:
            if self._ends_again(call):
                self.on_llm_end(response, run_id=run_id)
            raise

    def on_llm_error(
        self, error: BaseException, *, run_id: UUID, reason: object = None, **kwargs: Any
    ) -> None:
        """Record a call that failed or was cancelled. A second error of the same run is ignored."""
        key = correlation.key_of(run_id)
        call = self._running.get(key)
        if call is None:
            return
        try:
            if reason == "GUARDRAIL_INTERVENED":
                # Not an error: ChatBedrock announces it so, and the run's end follows.
                call.guarded = True
                return
            if self._running.pop(key, None) is None:
                return
            correlation.end(call.run)
            if call.run.exchange is None and not_sent(error):
                return  # no call was made, as of boto3's that are refused
            status = CANCELLED if isinstance(error, _STOPPED) else ERROR
            # The response has the tokens of a stream that broke.
            self._end(call, status, kwargs.get("response"), facts_of_error(error))
        except Exception as inner:
            self._failed(inner, lost=True)
        except BaseException:
            if self._ends_again(call):
                self.on_llm_error(error, run_id=run_id, reason=reason, **kwargs)
            raise

    def finish(self) -> None:
        """Record runs that never ended as cancelled; called when the writer closes."""
        while self._running:
            try:
                key = next(iter(self._running))
            except (StopIteration, RuntimeError):
                continue
            self.lost(key)

    def reset_after_fork(self) -> None:
        """Forget the parent's running calls: the parent records them."""
        self._running = {}
        self._gone = deque()
        self._hand_over = self._gone.append
        correlation.forget()

    def _start(self, call: _Call, run_id: UUID) -> None:
        if self._gone:
            self._let_go()
        running = self._running
        running[call.run.key] = call
        call.run.owners += (self,)
        try:
            # The garbage collector calls it at any moment: it only hands over.
            call.life = life = _Life(run_id, self._hand_over)
            life.key = call.run.key
        except TypeError:
            pass  # no id of the usual kind
        if len(running) > _MAX_RUNNING:
            self.lost(next(iter(running)))

    def _let_go(self) -> None:
        """Give up runs of which nobody has the id, such as an `ainvoke` cancelled before it called.

        Neither LangChain, which would report the end, nor a context in which a call could be made.
        """
        while self._gone:
            try:
                life = self._gone.popleft()
            except IndexError:
                return  # another thread is at it
            call = self._running.get(life.key)
            if call is None or call.life is not life:
                continue
            run = getattr(call, "run", None)  # another thread may end it
            if run is not None and not run.called:  # else the end of its call tells
                self.lost(life.key)

    def lost(self, key: Hashable) -> None:
        """Record a run whose end LangChain does not report, by what is known of its call.

        A cancelled `ainvoke` is such a run: the call goes on in its thread, and is paid for. A run
        of a watched client that had not called yet made no call: it leaves no record.
        """
        call = self._running.get(key)
        if call is None:
            return
        try:
            if self._running.pop(key, None) is None:
                return
            correlation.end(call.run)
            if not call.run.called and call.run.target in self._watched:
                return
            self._end(call, CANCELLED, None, {"error.type": UNFINISHED})
        except Exception as error:
            self._failed(error, lost=True)
        except BaseException:
            if self._ends_again(call):
                self.lost(key)
            raise

    def _ends_again(self, call: _Call) -> bool:
        """Have a call recorded whose end a signal handler interrupted, by raising.

        True: its end is to be told once more. False: its record is handed over, once more maybe; a
        sink that is given records, not callables, may see one again, with its id.
        """
        run = getattr(call, "run", None)
        if run is None:
            self._give(call)
            return False
        self._running[run.key] = call
        return True

    def _end(
        self, call: _Call, status: str, response: LLMResult | None, error: Facts | None = None
    ) -> None:
        """Record a run after `correlation.end`."""
        now = time.time_ns() // 1_000_000
        seconds = time.perf_counter() - call.started
        run = call.run
        given: Told | None = None
        if run.exchange is None or len(run.mates) > 1 or run.exchange.status != SUCCESS:
            given = self._told(response)
        exchange = None
        if given is None or not given.cached:
            exchange = correlation.exchange_of(run, given.request_id if given else None)
        if exchange is not None:
            self._watched.add(run.target)
        elif status != SUCCESS and run.target in self._watched:
            return  # it ended before anything was sent: no call, as of boto3's
        elif status == ERROR and any(each.exchange is not None for each in run.mates):
            return  # a mate's error ended it before it had called
        ident = None
        if self._content is not None and exchange is not None:
            # The same where this is done again: what is handed over has that id.
            ident = call.ident = call.ident or new_id()
            self._content.put(exchange, ident, now)
        call.end(status, given, exchange, error, now, seconds, ident)
        self._give(call)

    def _give(self, call: _Call) -> None:
        if self._defer:
            self._sink(call, call.ended)
        else:
            if call.made is None:
                call.made = self.record(call)
            self._sink(call.made, call.ended)

    def _told(self, response: LLMResult | None) -> Told | None:
        """What LangChain tells; what cannot be read leaves the record with what botocore saw."""
        try:
            return told(response)
        except Exception as error:
            self._failed(error)
            return None

    def record(self, call: _Call) -> Facts:
        """The record of a call that has ended."""
        status, given, exchange, error = call.status, call.given, call.exchange, call.error
        facts = self._facts_of_start(call)
        if given is not None:
            facts |= {key: value for key, value in facts_of(given).items() if value is not None}
        if exchange is not None:
            # What went over the wire is finer; what the application made of it goes last.
            told_there = {k: v for k, v in exchange.facts.copy().items() if v is not None}
            if status == SUCCESS:
                told_there.pop("error.type", None)
            facts |= told_there | exchange.timings()
            facts["gen_ai.operation.name"] = call.operation
            facts["bulkhead.run.duration"] = round(call.seconds, 6)
            if status == CANCELLED and exchange.status == ERROR:
                status = ERROR
                error = None
        else:
            facts["gen_ai.client.operation.duration"] = round(call.seconds, 6)
        if error is not None:
            facts |= {key: value for key, value in error.items() if value is not None}
        return self._maker.make(status, facts, call.ended, call.ident)

    def _facts_of_start(self, call: _Call) -> Facts:
        metadata = mapping(call.metadata)
        facts: Facts = {
            "bulkhead.source": "langchain",
            "gen_ai.operation.name": call.operation,
            "gen_ai.request.max_tokens": number(metadata.get("ls_max_tokens")),
            "gen_ai.request.temperature": number(metadata.get("ls_temperature")),
            "gen_ai.conversation.id": _conversation(metadata.get(self._conversation_key)),
            **self._maker.target(call.target, metadata.get("ls_model_name")),
        }
        for tag in call.tags or ():
            if tag.startswith(_ATTEMPT):
                facts["bulkhead.attempt"] = count(tag.removeprefix(_ATTEMPT))
        if call.guarded:
            facts["bulkhead.guardrail_intervened"] = True
        return facts

    def _failed(self, error: Exception, *, lost: bool = False) -> None:
        # Only the kind: the text of an unexpected exception may quote content.
        self.failures += 1
        say(logging.ERROR, "a record could not be made: %s", error_type(error))
        if lost and self._defer:
            report_unmade(self._sink)


def _model_id(
    serialized: Mapping[str, Any] | None, given: Mapping[str, Any] | None = None
) -> str | None:
    """Return the id or ARN really called. `serialized` also holds system prompts: pick one key."""
    # `chat.invoke(…, modelId=…)` calls another than the model was made for.
    named = mapping(given and given.get("invocation_params")).get("modelId")
    if isinstance(named, str):
        return named
    kwargs = serialized.get("kwargs") if serialized else None
    if not isinstance(kwargs, dict):
        return None
    target = kwargs.get("model_id") or kwargs.get("model")
    return target if isinstance(target, str) else None


def _conversation(value: object) -> str | None:
    # Free text is content, whoever puts it there.
    text = identifier(str(value)) if isinstance(value, str | int | UUID) else None
    return text if text and len(text) <= _MAX_CONVERSATION_ID else None
