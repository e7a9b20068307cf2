"""Prompts and answers, for those who ask for them: redacted, in a log group of their own.

The call's thread only copies lists and mappings, which the application may go on filling; texts are
kept by reference. On the writer's thread these are redacted and laid out as the OpenTelemetry GenAI
conventions do; what cannot be redacted is withheld. A content record names
the record of its call. What is too long for one event comes in several, and is cut at a limit.

https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-events/
"""

from __future__ import annotations

import functools
import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bulkhead import bodies
from bulkhead._ids import new_id
from bulkhead._say import say
from bulkhead.facts import Facts, error_type, identifier, mapping
from bulkhead.record import (
    CONTENT,
    SCHEMA_VERSION,
    RecordMaker,
    Sink,
    report_unmade,
    timestamp,
)
from bulkhead.redaction import PatternRedactor, Redactor
from bulkhead.weight import heavy, weigh

if TYPE_CHECKING:
    from bulkhead.exchange import Exchange

# With escapes and the other fields a part stays under 256 KB, which every reader of logs takes.
PART_CHARACTERS = 100_000
_MAX_STREAMED = 4 * 1_048_576
_CUT = "[CUT]"
# A secret that a cut goes through would not be found: what is near the cut goes too.
_MARGIN = 512
_DEEPEST = 200
_MEDIA = ("image", "document", "video", "audio")


class Conversation:
    """What one call sent and what it got, as it was then, until somebody lays it out."""

    __slots__ = ("_answer", "_blocks", "_operation", "_params", "_size", "_stop", "made")

    def __init__(self, operation: str, params: Mapping[str, Any]) -> None:
        self._operation = operation
        self._params = mapping(_as_it_is(params))
        self._answer: Mapping[str, Any] | None = None
        self._blocks: dict[int, Facts] = {}
        self._stop: str | None = None
        self._size = 0
        self.made: Sequence[Facts] | None = None
        """Its records, once there are any; none where they were handed over to be made."""

    @property
    def weight(self) -> int:
        """Bytes of what it holds, about."""
        return self._size + weigh(self._params) + weigh(self._answer)

    def answer(self, parsed: Mapping[str, Any]) -> None:
        """Take a whole answer of Converse."""
        message = mapping(parsed.get("output")).get("message")
        self._answer = mapping(_as_it_is(message))
        self._stop = identifier(parsed.get("stopReason"))

    def body(self, body: Mapping[str, Any]) -> None:
        """Take a whole answer of InvokeModel."""
        self._answer = body

    def event(self, event: Mapping[str, Any]) -> None:
        """Take one event of ConverseStream."""
        if "contentBlockStart" in event:
            part = mapping(event["contentBlockStart"])
            use = mapping(mapping(part.get("start")).get("toolUse"))
            self._block(part.get("contentBlockIndex")).update(use)
        elif "contentBlockDelta" in event:
            part = mapping(event["contentBlockDelta"])
            delta = mapping(part.get("delta"))
            block = self._block(part.get("contentBlockIndex"))
            self._add(block, "text", delta.get("text"))
            self._add(block, "reasoning", mapping(delta.get("reasoningContent")).get("text"))
            self._add(block, "input", mapping(delta.get("toolUse")).get("input"))
        elif "messageStop" in event:
            self._stop = identifier(mapping(event["messageStop"]).get("stopReason"))

    def chunk(self, body: Mapping[str, Any]) -> None:
        """Take one chunk of InvokeModelWithResponseStream."""
        if any(name in body for name in ("contentBlockStart", "contentBlockDelta", "messageStop")):
            self.event(body)  # Nova speaks Converse's language
        elif body.get("type") == "content_block_start":
            self._block(body.get("index")).update(
                {
                    key: value
                    for key, value in mapping(body.get("content_block")).items()
                    if key in ("id", "name")
                }
            )
        elif body.get("type") == "content_block_delta":
            delta = mapping(body.get("delta"))
            block = self._block(body.get("index"))
            self._add(block, "text", delta.get("text"))
            self._add(block, "reasoning", delta.get("thinking"))
            self._add(block, "input", delta.get("partial_json"))
        elif body.get("type") == "message_delta":
            self._stop = identifier(mapping(body.get("delta")).get("stop_reason"))
        else:
            for text in _texts_of_answer(body):
                self._add(self._block(0), "text", text)

    def _block(self, index: object) -> Facts:
        return self._blocks.setdefault(index if isinstance(index, int) else 0, {})

    def _add(self, block: Facts, key: str, text: object) -> None:
        if isinstance(text, str) and text and self._size < _MAX_STREAMED:
            self._size += len(text)
            pieces = block.setdefault(key, [])
            if isinstance(pieces, list):
                pieces.append(text)

    def laid_out(self) -> Facts:
        """Return system instructions, input and output messages in OpenTelemetry's form."""
        params = self._params
        if self._operation.startswith("Invoke"):
            params = bodies.asked(params.get("body"))
        elif "modelInput" in params:  # StartAsyncInvoke
            params = mapping(params["modelInput"])
        system = params.get("system")
        laid: Facts = {
            "gen_ai.system_instructions": _parts(system),
            "gen_ai.input.messages": _input(params),
            "gen_ai.output.messages": self._output(),
        }
        return {key: value for key, value in laid.items() if value}

    def _output(self) -> list[Facts]:
        answer = self._answer
        if answer is None:
            parts = [part for _, block in sorted(self._blocks.items()) for part in _streamed(block)]
        elif "content" in answer:  # Converse, Anthropic
            parts = _parts(answer["content"])
        elif "output" in answer:  # Nova
            parts = _parts(mapping(mapping(answer["output"]).get("message")).get("content"))
        else:
            parts = [_text(text) for text in _texts_of_answer(answer)]
        if not parts:
            return []
        message: Facts = {"role": "assistant", "parts": parts}
        stop = self._stop or identifier(mapping(answer).get("stop_reason"))
        if stop:
            message["finish_reason"] = stop
        return [message]


class ContentLog:
    """Makes content records and gives them to `sink`.

    sink            takes them, e.g. `LogWriter.put` of a writer on the content log group
    maker           knows context and models
    redactors       applied to every text, in turn; by default one `PatternRedactor`
    max_characters  of a call's content, as JSON; what is beyond is cut
    defer           give the sink a callable that redacts and makes the records, to be called on its
                    own thread
    """

    def __init__(
        self,
        sink: Sink,
        maker: RecordMaker,
        *,
        redactors: Sequence[Redactor] | None = None,
        max_characters: int = 1_000_000,
        defer: bool = False,
    ) -> None:
        self._sink = sink
        self._maker = maker
        self._redactors = [PatternRedactor()] if redactors is None else list(redactors)
        self._max = max_characters
        self._defer = defer

    def begin(self, operation: str, params: Any) -> Conversation | None:
        """What a call asks, as it is now; None, and reported, where that fails. Never raises."""
        try:
            return Conversation(operation, params)
        except Exception as error:
            self._unmade(error)
            return None

    def put(self, exchange: Exchange, call: str, now: int) -> None:
        """Hand over the content of a call whose record is `call`. Never raises."""
        conversation = exchange.conversation
        if conversation is None:
            return
        try:
            self._put(conversation, exchange, call, now)
        except Exception as error:
            self._unmade(error)
        exchange.conversation = None  # not before: a signal handler may raise in between

    def _unmade(self, error: Exception) -> None:
        """It is the call's record that must not be lost for it; this one is reported."""
        say(logging.ERROR, "content could not be recorded: %s", error_type(error))
        if self._defer:
            report_unmade(self._sink)

    def _put(self, conversation: Conversation, exchange: Exchange, call: str, now: int) -> None:
        if self._defer:
            make = functools.partial(self._once, conversation, exchange, call, now)
            heavy(make, conversation.weight)
            self._sink(make, now)
        else:
            if conversation.made is None:
                conversation.made = tuple(self.records(conversation, exchange, call, now))
            for record in conversation.made:
                self._sink(record, now)

    def _once(
        self, conversation: Conversation, exchange: Exchange, call: str, now: int
    ) -> Sequence[Facts]:
        """The records: made once, however often this is handed over."""
        if conversation.made is not None:
            return ()
        records = tuple(self.records(conversation, exchange, call, now))
        conversation.made = ()  # not these: they would live as long as the conversation
        return records

    def records(
        self, conversation: Conversation, exchange: Exchange, call: str, now: int
    ) -> Iterable[Facts]:
        """Return the content records of a call: one, or several parts of one."""
        head: Facts = {
            "bulkhead.schema.version": SCHEMA_VERSION,
            "bulkhead.record.type": CONTENT,
            "bulkhead.call.record.id": call,
            "timestamp": timestamp(now),
            "gen_ai.provider.name": "aws.bedrock",
            **self._maker.context,
            **self._maker.target(exchange.target),
            "rpc.method": exchange.facts.get("rpc.method"),
            "aws.request_id": exchange.facts.get("aws.request_id"),
        }
        head = {key: value for key, value in head.items() if value is not None}
        try:
            clean = _Cleaner(self._redactors, self._max)
            laid = clean(conversation.laid_out())
        except Exception as error:
            # Nothing that was not redacted goes out, and no text of the exception.
            head["bulkhead.record.id"] = new_id()
            return ({**head, "bulkhead.content.withheld": error_type(error)},)
        head["bulkhead.content.redacted"] = clean.redacted
        return self._split(head, laid, clean.cut)

    def _split(self, head: Facts, laid: Facts, cut: bool) -> Iterator[Facts]:
        packed = json.dumps(laid, separators=(",", ":"))
        if len(packed) <= PART_CHARACTERS:
            yield {
                **head,
                "bulkhead.record.id": new_id(),
                **laid,
                "bulkhead.content.truncated": cut,
            }
            return
        cut = cut or len(packed) > self._max
        packed = packed[: self._max]
        starts = range(0, len(packed), PART_CHARACTERS)
        for number, start in enumerate(starts, 1):
            yield {
                **head,
                "bulkhead.record.id": new_id(),
                "bulkhead.content.part": number,
                "bulkhead.content.parts": len(starts),
                "bulkhead.content.truncated": cut,
                "bulkhead.content.fragment": packed[start : start + PART_CHARACTERS],
            }


class _Cleaner:
    """Applies redactors to every text in a structure, and cuts texts longer than `limit`."""

    def __init__(self, redactors: Sequence[Redactor], limit: int) -> None:
        self._redactors = redactors
        self._limit = limit
        self.redacted = False
        self.cut = False

    def __call__(self, laid: Facts) -> Facts:
        return {key: self._clean(value) for key, value in laid.items()}

    def _clean(self, value: object) -> object:
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, Mapping):
            return self._mapping(value)
        if isinstance(value, list | tuple):
            return [self._clean(each) for each in value]
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, bytes | bytearray):
            return f"[{len(value)} BYTES]"
        return self._text(str(value))

    def _mapping(self, value: Mapping[Any, Any]) -> Facts:
        """Clean keys too. Those that then are the same are numbered: none takes another's place."""
        clean: Facts = {}
        numbers: dict[str, int] = {}
        for key, each in value.items():
            name = plain = self._text(str(key))
            while name in clean:
                numbers[plain] = numbers.get(plain, 1) + 1
                name = f"{plain}#{numbers[plain]}"
            clean[name] = self._clean(each)
        return clean

    def _text(self, text: str) -> str:
        shortened = len(text) > self._limit
        clean = text[: self._limit] if shortened else text
        before = clean
        for redact in self._redactors:
            clean = redact(clean)
            if not isinstance(clean, str):
                raise TypeError("a redactor must return a text")
        self.redacted = self.redacted or clean != before
        if shortened:
            self.cut = True
            clean = clean[:-_MARGIN] + _CUT
        return clean


def _as_it_is(value: Any, depth: int = 0) -> Any:
    """A copy of what an application may change after its call, such as its list of messages."""
    if isinstance(value, bytearray):
        return bytes(value)
    if depth > _DEEPEST:  # botocore refuses such a structure, or takes it for a document
        return None
    if isinstance(value, Mapping):
        return {key: _as_it_is(each, depth + 1) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_as_it_is(each, depth + 1) for each in value]
    return value


def _text(text: object) -> Facts:
    return {"type": "text", "content": text}


def _input(params: Mapping[str, Any]) -> list[Facts]:
    messages = params.get("messages")
    if isinstance(messages, list):
        return [
            {"role": str(mapping(each).get("role")), "parts": _parts(mapping(each).get("content"))}
            for each in messages
        ]
    for key in ("prompt", "inputText", "texts", "singleEmbeddingParams"):
        if key in params:
            value = params[key]
            texts = value if isinstance(value, list) else [value]
            return [{"role": "user", "parts": [_text(text) for text in texts]}]
    return []


def _texts_of_answer(body: Mapping[str, Any]) -> list[str]:
    """The text of a provider's answer that is no list of blocks; vectors and media are left out."""
    found: list[object] = [body.get(key) for key in ("generation", "outputText", "completion")]
    for key in ("results", "outputs", "choices", "generations"):
        several = body.get(key)
        for each in several if isinstance(several, list) else ():
            one = mapping(each)
            inner = mapping(one.get("message")) or mapping(one.get("delta"))
            found += (one.get("outputText"), one.get("text"), inner.get("content"))
    return [text for text in found if isinstance(text, str) and text]


def _streamed(block: Facts) -> Iterator[Facts]:
    joined = {
        key: "".join(value) if isinstance(value, list) else value for key, value in block.items()
    }
    if "reasoning" in joined:
        yield {"type": "reasoning", "content": joined["reasoning"]}
    if "text" in joined:
        yield _text(joined["text"])
    if "input" in joined or "name" in joined:
        yield {
            "type": "tool_call",
            "id": joined.get("toolUseId") or joined.get("id"),
            "name": joined.get("name"),
            "arguments": joined.get("input"),
        }


def _parts(content: object) -> list[Facts]:
    if isinstance(content, str):
        return [_text(content)]
    return [_part(mapping(block)) for block in content] if isinstance(content, list) else []


def _part(block: Mapping[str, Any]) -> Facts:
    """One content block of Converse, Anthropic or OpenAI; media and unknown kinds by name only."""
    kind = block.get("type")
    if isinstance(block.get("text"), str):
        return _text(block["text"])
    use = mapping(block.get("toolUse")) or (block if kind == "tool_use" else {})
    if use:
        return {
            "type": "tool_call",
            "id": use.get("toolUseId") or use.get("id"),
            "name": use.get("name"),
            "arguments": use.get("input"),
        }
    result = mapping(block.get("toolResult")) or (block if kind == "tool_result" else {})
    if result:
        content = result.get("content")
        return {
            "type": "tool_call_response",
            "id": result.get("toolUseId") or result.get("tool_use_id"),
            "response": _parts(content) if isinstance(content, list) else content,
        }
    if "json" in block:
        return {"type": "json", "content": block["json"]}
    reasoning = mapping(mapping(block.get("reasoningContent")).get("reasoningText")).get("text")
    if reasoning or kind == "thinking":
        return {"type": "reasoning", "content": reasoning or block.get("thinking")}
    guarded = mapping(mapping(block.get("guardContent")).get("text")).get("text")
    if guarded:
        return _text(guarded)
    for media in _MEDIA:
        if media in block or kind == media:
            return {"type": "omitted", "modality": media}
    name = identifier(kind) or next((key for key in block if identifier(key)), "unknown")
    return {"type": "omitted", "modality": name}
