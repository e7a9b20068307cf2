"""Watches every call of a `bedrock-runtime` client, whoever makes it, through botocore's events.

A call that belongs to a LangChain run gives what it learns to that run, whose handler makes the
record. Every other call, embeddings included, gets its record here: when it is answered, or when
its stream or body has been read, broken, closed or dropped.

A call that is not sent because its parameters are wrong, or because another hook stops it, is no
call and leaves no record.
"""

from __future__ import annotations

import functools
import logging
import time
import uuid
import weakref
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from botocore.eventstream import EventStream
from botocore.response import StreamingBody

from bulkhead import _fork, bodies, correlation
from bulkhead._ids import new_id
from bulkhead._say import say
from bulkhead.content import ContentLog
from bulkhead.exchange import ERROR, SUCCESS, Exchange
from bulkhead.facts import (
    Facts,
    code_name,
    converse_usage,
    count,
    error_type,
    facts_of_error,
    http,
    identifier,
    mapping,
    number,
    reasoning,
)
from bulkhead.janitor import Janitor
from bulkhead.record import RecordMaker, Sink, report_unmade
from bulkhead.streams import WatchedBody, WatchedStream, read_converse, read_invoke

# All that ask a model. StartAsyncInvoke is forbidden by the modules' guardrails: a record says who
# tried.
OPERATIONS = (
    *("Converse", "ConverseStream"),
    *("InvokeModel", "InvokeModelWithResponseStream", "StartAsyncInvoke"),
)
_CONVERSE_NAMES = tuple(
    (f"gen_ai.request.{field}", name)
    for field, name in (("max_tokens", "maxTokens"), ("temperature",) * 2, ("top_p", "topP"))
)
_BODY_NAMES = tuple(
    (f"gen_ai.request.{name}", name) for name in ("max_tokens", "temperature", "top_p")
)
_KEY = "bulkhead_exchange"
_PARAMETERS = "bulkhead_parameters"


class CallRecorder:
    """Records the calls of the clients and sessions that it is attached to.

    sink     takes records, e.g. `LogWriter.put`; must not block
    maker    makes them
    content  where prompts and answers go, if they are asked for
    defer    give the sink a callable that makes the record, to be called on its own thread
    """

    def __init__(
        self,
        sink: Sink,
        maker: RecordMaker | None = None,
        *,
        content: ContentLog | None = None,
        defer: bool = False,
    ) -> None:
        self._sink = sink
        self._maker = maker or RecordMaker()
        self._content = content
        self._defer = defer
        self._janitor = Janitor()
        self._unique = f"bulkhead-{uuid.uuid4().hex}"
        self.failures = 0
        self._fresh()
        _fork.watch(self)

    def _fresh(self) -> None:
        self._open: dict[int, weakref.ref[Exchange]] = {}

    def reset_after_fork(self) -> None:
        """Forget the parent's calls: the parent records them."""
        self._fresh()

    def attach(self, where: Any) -> None:
        """Watch a boto3 client, or all clients that a boto3 or botocore session makes from now on.

        Attaching twice changes nothing.
        """
        if hasattr(where, "meta"):
            events = where.meta.events
        elif hasattr(where, "events"):
            events = where.events
        else:
            events = where.get_component("event_emitter")
        hooks: Mapping[str, Callable[..., None]] = {
            "before-parameter-build": self._parameters,
            # Not before-call: what is stopped there is not sent. Signing comes after this.
            "request-created": self._created,
            "after-call": self._after,
            "after-call-error": self._failed_call,
        }
        for operation in OPERATIONS:
            for event, hook in hooks.items():
                # Last, when others have changed the parameters.
                events.register_last(
                    f"{event}.bedrock-runtime.{operation}",
                    hook,
                    unique_id=f"{self._unique}-{event}-{operation}",
                )

    def tidy(self, seconds: float = 5.0) -> None:
        """Record calls that were dropped before they ended; give up after so many seconds."""
        self._janitor.tidy(seconds)

    def finish(self) -> None:
        """End all calls that are still open, streams nobody read to their end among them."""
        self.tidy()
        for reference in list(self._open.values()):
            exchange = reference()
            if exchange is not None:
                exchange.stop()
        self._janitor.stop()

    # -- botocore's events ------------------------------------------------------------

    def _parameters(self, params: Any, context: Any, **_: Any) -> None:
        context[_PARAMETERS] = params

    def _created(self, request: Any, operation_name: str, **_: Any) -> None:
        context = request.context
        if _PARAMETERS not in context:
            return  # a repeated attempt
        try:
            params = mapping(context.pop(_PARAMETERS))
            target = params.get("modelId")
            exchange = Exchange(
                target if isinstance(target, str) else None, self._ended, self._janitor.dropped
            )
            exchange.facts["rpc.method"] = operation_name
            key = id(exchange)
            # While it is open, for `finish`: a weak reference, or nobody could drop it.
            self._open[key] = weakref.ref(exchange, lambda _: self._open.pop(key, None))
            # From here on it has a record, whatever of the rest fails.
            context[_KEY] = exchange
            if self._content is not None:
                exchange.conversation = self._content.begin(operation_name, params)
            self._janitor.start()
            exchange.run = correlation.claim(
                exchange.target, exchange, functools.partial(bodies.prompt, params.get("body"))
            )
            named = None if exchange.run is not None else self._maker.model(exchange.target)
            exchange.facts |= asked(operation_name, params, named)
        except Exception as error:
            self._failed(error)

    def _after(self, http_response: Any, parsed: Any, context: Any, **_: Any) -> None:
        exchange: Exchange | None = context.pop(_KEY, None)
        if exchange is None:
            return
        try:
            metadata = mapping(parsed.get("ResponseMetadata"))
            exchange.facts |= http(metadata)
            if http_response.status_code >= 300:
                code = context.get("error_code_override") or mapping(parsed.get("Error")).get(
                    "Code"
                )
                exchange.finish(ERROR, code_name(code) or "ClientError")
                return
            exchange.facts |= echoed(parsed)
            self._answered(exchange, parsed, mapping(metadata.get("HTTPHeaders")))
        except Exception as error:
            self._failed(error)
            # Answered it was, though not all of the answer could be understood.
            exchange.finish(SUCCESS if http_response.status_code < 300 else ERROR)

    def _answered(
        self, exchange: Exchange, parsed: dict[str, Any], headers: Mapping[str, Any]
    ) -> None:
        stream, body = parsed.get("stream"), parsed.get("body")
        if isinstance(stream, EventStream):
            parsed["stream"] = WatchedStream.around(stream, exchange, read_converse)
        elif isinstance(body, EventStream):
            parsed["body"] = WatchedStream.around(body, exchange, read_invoke)
        elif isinstance(body, StreamingBody):
            exchange.facts |= bodies.facts_of_headers(headers)
            exchange.complete = True
            parsed["body"] = WatchedBody.around(body, exchange, _whole_body)
        else:
            exchange.facts |= facts_of_converse(parsed)
            if exchange.conversation is not None:
                exchange.conversation.answer(parsed)
            exchange.finish(SUCCESS)

    def _failed_call(self, exception: Exception, context: Any, **_: Any) -> None:
        exchange: Exchange | None = context.pop(_KEY, None)
        if exchange is None:
            return
        try:
            attempts = count(mapping(context.get("retries")).get("attempt"))
            exchange.facts["bulkhead.retries"] = max(0, attempts - 1) if attempts else None
            exchange.facts |= facts_of_error(exception)
            exchange.finish(ERROR, error_type(exception))
        except Exception as error:
            self._failed(error)

    # -- the record -------------------------------------------------------------------

    def _ended(self, exchange: Exchange) -> None:
        try:
            self._open.pop(id(exchange), None)
            if exchange.run is not None:
                if not exchange.run.ended:
                    self._janitor.answered(exchange.run)
                return
            now = time.time_ns() // 1_000_000
            ident = None
            if self._content is not None:
                ident = exchange.ident = exchange.ident or new_id()
                self._content.put(exchange, ident, now)
            if self._defer:
                self._sink(functools.partial(self._records, exchange, now, ident), now)
            else:
                if exchange.made is None:
                    exchange.made = self._maker.direct(exchange, now, ident)
                self._sink(exchange.made, now)
        except Exception as error:
            self._failed(error)
            if self._defer:
                report_unmade(self._sink)

    def _records(self, exchange: Exchange, now: int, ident: str | None) -> Iterable[Facts]:
        """The record: one, however often this is handed over."""
        if exchange.made is not None:
            return ()
        record = self._maker.direct(exchange, now, ident)
        exchange.made = {}  # not the record: it would live as long as the exchange
        return (record,)

    def _failed(self, error: Exception) -> None:
        # Only the kind: the text of an unexpected exception may quote content.
        self.failures += 1
        say(logging.ERROR, "a call could not be watched: %s", error_type(error))


def asked(operation: str, params: Mapping[str, Any], named: str | None) -> Facts:
    """Return what a request asks for.

    named  the model of a direct call; `None` for a LangChain run, which tells what is in its bodies
    """
    facts: Facts = {"gen_ai.request.stream": operation.endswith("Stream")}
    get = params.get
    if operation in ("Converse", "ConverseStream"):
        facts["gen_ai.operation.name"] = "chat"
        settings = mapping(get("inferenceConfig"))
        guardrail = mapping(get("guardrailConfig")).get("guardrailIdentifier")
        mode = mapping(get("performanceConfig")).get("latency")
        names = _CONVERSE_NAMES
    else:
        guardrail = get("guardrailIdentifier")
        mode = get("performanceConfigLatency")
        names = _BODY_NAMES
        body: Mapping[str, Any] = {}
        if named is not None:
            given = get("modelInput")
            body = bodies.asked(get("body")) if given is None else mapping(given)
        settings = mapping(body.get("inferenceConfig")) or body
        if named is not None:
            facts["gen_ai.operation.name"] = _operation(named, body)
    for field, name in names:
        if name in settings:
            facts[field] = number(settings[name])
    _add_names(facts, get("serviceTier"), mode, guardrail)
    return facts


def _operation(model: str, body: Mapping[str, Any]) -> str:
    """https://opentelemetry.io/docs/specs/semconv/registry/attributes/gen-ai/"""
    if "messages" in body:
        return "chat"
    if "embed" in model or "texts" in body:
        return "embeddings"
    if "prompt" in body or "inputText" in body:
        return "text_completion"
    return "generate_content"


def echoed(parsed: Mapping[str, Any]) -> Facts:
    """Return what AWS says that it used, if the request asked for it."""
    mode = mapping(parsed.get("performanceConfig")).get("latency")
    facts: Facts = {}
    _add_names(facts, parsed.get("serviceTier"), mode or parsed.get("performanceConfigLatency"))
    return facts


def _add_names(facts: Facts, tier: object, mode: object, guardrail: object = None) -> None:
    """Add what most calls do not name, where it is an identifier."""
    for field, value in (
        ("bulkhead.service.tier", mapping(tier).get("type") or tier),
        ("bulkhead.service.latency_mode", mode),
        ("aws.bedrock.guardrail.id", guardrail),
    ):
        if value is not None and (name := identifier(value)) is not None:
            facts[field] = name


def facts_of_converse(parsed: Mapping[str, Any]) -> Facts:
    """Return tokens, stop reason and latency of a whole answer of Converse.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
    """
    stop = identifier(parsed.get("stopReason"))
    facts = converse_usage(mapping(parsed.get("usage")))
    facts["gen_ai.response.finish_reasons"] = [stop] if stop else None
    facts["bulkhead.service.latency_ms"] = count(mapping(parsed.get("metrics")).get("latencyMs"))
    if stop == "guardrail_intervened":
        facts["bulkhead.guardrail_intervened"] = True
    more = parsed.get("additionalModelResponseFields")
    if more is not None:
        facts |= reasoning(mapping(mapping(more).get("usage")))
    return facts


def _whole_body(exchange: Exchange, data: bytes) -> None:
    body = bodies.parsed(data)
    exchange.facts |= bodies.facts_of_body(body)
    if exchange.conversation is not None:
        exchange.conversation.body(body)
