"""Answers that are read piece by piece, watched while the application reads them.

Each class stands in for botocore's own, with all of its behavior, and tells the exchange what
passes and how it ends. Nothing is read ahead, and nothing is kept but counts (and text, where
content was asked for).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from botocore.eventstream import EventStream
from botocore.response import StreamingBody

from bulkhead import bodies
from bulkhead._say import say
from bulkhead.exchange import ERROR, SUCCESS, Exchange
from bulkhead.facts import (
    code_name,
    converse_usage,
    count,
    error_type,
    identifier,
    mapping,
    reasoning,
)

_MAX_KEPT = 8 * 1_048_576


class WatchedStream(EventStream):  # type: ignore[type-arg]  # not generic at run time
    """An event stream of ConverseStream or InvokeModelWithResponseStream."""

    _exchange: Exchange
    _read: Callable[[Exchange, Mapping[str, Any]], None]

    @classmethod
    def around(
        cls,
        stream: EventStream[Any],
        exchange: Exchange,
        read: Callable[[Exchange, Mapping[str, Any]], None],
    ) -> WatchedStream:
        """Return a stream in the place of `stream`; `read` is given each event."""
        watched = cls.__new__(cls)
        watched.__dict__.update(stream.__dict__)
        watched._exchange = exchange
        watched._read = read
        return watched

    def __iter__(self) -> Iterator[Any]:
        """Yield the events. Leaving the loop does not end the call: another may go on."""
        exchange = self._exchange
        try:
            for event in super().__iter__():
                exchange.chunk()
                _quietly(self._read, exchange, event)
                yield event
                del event  # of the answer: a kept frame keeps nothing
        except Exception as error:
            exchange.finish(ERROR, _stream_error(error))
            raise
        if exchange.complete:
            exchange.finish(SUCCESS)
        else:
            exchange.finish(ERROR, "IncompleteStream")

    def close(self) -> None:
        """Close the connection; a call that was not read to its end is cancelled."""
        try:
            super().close()
        finally:
            self._exchange.stop()


def _stream_error(error: BaseException) -> str:
    return code_name(error_type(error)) or "StreamError"


def _quietly(read: Callable[[Exchange, Any], None], exchange: Exchange, data: object) -> None:
    """Read facts; what goes wrong there is no matter of the application's."""
    try:
        read(exchange, data)
    except Exception as error:
        # Only the kind: the text of an unexpected exception may quote content.
        say(logging.ERROR, "an answer could not be read: %s", error_type(error))


def read_converse(exchange: Exchange, event: Mapping[str, Any]) -> None:
    """Take the facts of one event of ConverseStream.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html
    """
    facts = exchange.facts
    if "messageStop" in event:
        told = mapping(event["messageStop"])
        facts |= reasoning(mapping(mapping(told.get("additionalModelResponseFields")).get("usage")))
        stop = identifier(told.get("stopReason"))
        if stop:
            facts["gen_ai.response.finish_reasons"] = [stop]
            if stop == "guardrail_intervened":
                facts["bulkhead.guardrail_intervened"] = True
    elif "metadata" in event:
        told = mapping(event["metadata"])
        facts |= converse_usage(mapping(told.get("usage")))
        facts["bulkhead.service.latency_ms"] = count(mapping(told.get("metrics")).get("latencyMs"))
        facts["bulkhead.service.tier"] = identifier(mapping(told.get("serviceTier")).get("type"))
        exchange.complete = True
    if exchange.conversation is not None:
        exchange.conversation.event(event)


def read_invoke(exchange: Exchange, event: Mapping[str, Any]) -> None:
    """Take the facts of one chunk of InvokeModelWithResponseStream."""
    data = mapping(event.get("chunk")).get("bytes")
    if not isinstance(data, bytes):
        return
    keeps = exchange.conversation is not None
    if not keeps and not bodies.tells(data):
        return
    body = bodies.parsed(data)
    found = bodies.facts_of_body(body)
    for key in ("cache_creation_5m", "cache_creation_1h"):
        # What the opening says of lifetimes is finer than the sum at the end.
        name = f"bulkhead.usage.{key}.input_tokens"
        if exchange.facts.get(name):
            found.pop(name, None)
    exchange.facts |= found
    # Every provider's last chunk has the metrics that Bedrock adds.
    exchange.complete = exchange.complete or "amazon-bedrock-invocationMetrics" in body
    if exchange.conversation is not None:
        exchange.conversation.chunk(body)


class WatchedBody(StreamingBody):
    """The body of an InvokeModel answer; the call ends when it has been read."""

    _amount_read: int
    _content_length: str | None
    _exchange: Exchange
    _whole: Callable[[Exchange, bytes], None]
    _kept: list[bytes]
    _size: int

    @classmethod
    def around(
        cls, body: StreamingBody, exchange: Exchange, whole: Callable[[Exchange, bytes], None]
    ) -> WatchedBody:
        """Return a body in the place of `body`; `whole` is given all of it, once."""
        inner: Any = body
        watched = cls(inner._raw_stream, inner._content_length)
        watched._exchange = exchange
        watched._whole = whole
        watched._kept = []
        watched._size = 0
        return watched

    def read(self, amt: int | None = None) -> bytes:
        """Read like any body."""
        try:
            data: bytes = super().read(amt)
        except Exception as error:
            self._exchange.finish(ERROR, type(error).__name__)
            raise
        self._keep(data, amt is None or (not data and amt != 0))
        return data

    def readinto(self, b: Any) -> int:
        """Read like any body."""
        try:
            length: int = super().readinto(b)
        except Exception as error:
            self._exchange.finish(ERROR, type(error).__name__)
            raise
        self._keep(bytes(memoryview(b)[:length]), length == 0 and len(b) > 0)
        return length

    def readlines(self, hint: int = -1, /) -> list[bytes]:  # noqa: ARG002 (nor has botocore's)
        """Read all lines."""
        return self.read().splitlines(keepends=True)

    def __enter__(self) -> WatchedBody:
        """botocore would give out the raw stream here, past this class."""
        return self

    def close(self) -> None:
        """Close the connection; a body that was not read to its end leaves what is known."""
        try:
            super().close()
        finally:
            # IOBase closes when it is collected too, also one that was never set up.
            exchange = self.__dict__.get("_exchange")
            if exchange is not None and exchange.open:
                self._end()

    def _keep(self, data: bytes, last: bool) -> None:
        if not self._exchange.open:
            return
        if data and self._size <= _MAX_KEPT:
            self._kept.append(data)
            self._size += len(data)
        wanted = self._content_length
        if last or (wanted is not None and self._amount_read >= int(wanted)):
            self._end()

    def _end(self) -> None:
        # Bedrock sends no body before the model is done: the call succeeded, read or not.
        if self._size <= _MAX_KEPT:
            _quietly(self._whole, self._exchange, b"".join(self._kept))
        self._exchange.finish(SUCCESS)
        self._kept = []  # last: what a signal handler interrupts, closing does again
