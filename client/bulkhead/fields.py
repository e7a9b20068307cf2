"""Every field of every record that this library writes: name, type, meaning.

The JSON schema that is shipped (`record.schema.json`) and the table in the README are made from
this list; tests hold all three together, and validate every record that they see.

    python -m bulkhead.fields schema | markdown
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bulkhead import emf, ledger

SCHEMA_ID = "https://bulkhead.invalid/record-1.0.schema.json"

_COUNT: Mapping[str, Any] = {"type": "integer", "minimum": 0}
_SECONDS: Mapping[str, Any] = {"type": "number", "minimum": 0}
_NAME: Mapping[str, Any] = {"type": "string", "pattern": "^[A-Za-z0-9:/_.@+=,#-]{1,2048}$"}
_UUID: Mapping[str, Any] = {
    "type": "string",
    "pattern": "^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$",
}
_TRUE: Mapping[str, Any] = {"const": True}
_BIT: Mapping[str, Any] = {"enum": [0, 1]}
_MESSAGES: Mapping[str, Any] = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["role", "parts"],
        "properties": {
            "role": {"type": "string"},
            "parts": {"type": "array", "items": {"type": "object", "required": ["type"]}},
            "finish_reason": {"type": "string"},
        },
    },
}


class Field(NamedTuple):
    """One field: its name, JSON schema and meaning; `always` in records of its type or not."""

    name: str
    schema: Mapping[str, Any]
    meaning: str
    always: bool = False


_EMF = Field(
    "_aws",
    {
        "type": "object",
        "additionalProperties": False,
        "required": ["Timestamp", "CloudWatchMetrics"],
        "properties": {
            "Timestamp": _COUNT,
            "CloudWatchMetrics": {
                "type": "array",
                "minItems": 1,
                "maxItems": 1,
                "items": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["Namespace", "Dimensions", "Metrics"],
                    "properties": {
                        "Namespace": {"const": emf.NAMESPACE},
                        "Dimensions": {
                            "type": "array",
                            "minItems": 1,
                            "items": {"enum": [list(names) for names in emf.DIMENSIONS]},
                        },
                        "Metrics": {
                            "type": "array",
                            "minItems": 1,
                            "items": {
                                "enum": [
                                    {"Name": name, "Unit": unit}
                                    for name, unit in emf.METRICS.items()
                                ]
                            },
                        },
                    },
                },
            },
        },
    },
    "tells CloudWatch which fields are metrics (embedded metric format)",
)

HEAD: Sequence[Field] = (
    Field("bulkhead.schema.version", {"const": "1.0"}, "version of this format", True),
    Field(
        "bulkhead.record.type",
        {"enum": ["call", "content", "heartbeat", "losses"]},
        "what the record is of",
        True,
    ),
    Field("bulkhead.record.id", _UUID, "unique per record (UUID)", True),
    Field(
        "timestamp",
        {
            "type": "string",
            "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}\+00:00$",
        },
        "when the call ended, or the writer made its own record; ISO 8601, UTC",
        True,
    ),
    Field("gen_ai.provider.name", {"const": "aws.bedrock"}, "always the same", True),
    Field("bulkhead.customer", _NAME, "from the configuration"),
    Field("bulkhead.app", _NAME, "from the configuration"),
    Field("cloud.account.id", {"type": "string", "pattern": "^[0-9]{12}$"}, "the customer account"),
    Field("cloud.region", _NAME, "the Region of Bedrock"),
    Field("gen_ai.request.model", _NAME, "model id; what the AIP stands for"),
    Field("bulkhead.inference_profile.arn", _NAME, "the AIP that was called"),
    Field("rpc.method", _NAME, "the operation of Bedrock, such as `ConverseStream`"),
    Field("aws.request_id", _NAME, "of the call; support and CloudTrail know it"),
)

CALL: Sequence[Field] = (
    Field(
        "bulkhead.status",
        {"enum": ["success", "error", "cancelled"]},
        "`cancelled`: the application stopped waiting or reading; Bedrock may bill it all the same",
        True,
    ),
    Field(
        "bulkhead.source",
        {"enum": ["langchain", "boto3"]},
        "who made the call: a LangChain model, or the application with a boto3 client (embeddings, "
        "too)",
        True,
    ),
    Field(
        "gen_ai.operation.name",
        {"enum": ["chat", "text_completion", "embeddings", "generate_content"]},
        "kind of call; `generate_content` for what is none of the others",
        True,
    ),
    Field("gen_ai.response.model", _NAME, "the model that answered"),
    Field("gen_ai.request.stream", {"type": "boolean"}, "whether the answer was to be streamed"),
    Field("gen_ai.request.max_tokens", {"type": "number"}, "as asked for"),
    Field("gen_ai.request.temperature", {"type": "number"}, "as asked for"),
    Field("gen_ai.request.top_p", {"type": "number"}, "as asked for"),
    Field(
        "gen_ai.conversation.id",
        {"type": "string", "pattern": "^[A-Za-z0-9:/_.@+=,#-]{1,256}$"},
        "what the caller put under `conversation_id` in the run's metadata, if it is an "
        "identifier: up to 256 letters, digits and `:/_.@+=,#-`; free text is left out",
    ),
    Field("http.response.status_code", _COUNT, "of the call"),
    Field(
        "gen_ai.usage.input_tokens",
        _COUNT,
        "all input tokens, those read from and written to the prompt cache included",
    ),
    Field("gen_ai.usage.output_tokens", _COUNT, "tokens that came out"),
    Field("gen_ai.usage.reasoning.output_tokens", _COUNT, "part of the output, where it is told"),
    Field("gen_ai.usage.cache_read.input_tokens", _COUNT, "part of the input"),
    Field("gen_ai.usage.cache_creation.input_tokens", _COUNT, "part of the input"),
    Field(
        "bulkhead.usage.cache_creation_5m.input_tokens",
        _COUNT,
        "part of those written: kept for five minutes",
    ),
    Field(
        "bulkhead.usage.cache_creation_1h.input_tokens",
        _COUNT,
        "part of those written: kept for an hour",
    ),
    Field(
        "gen_ai.response.finish_reasons",
        {"type": "array", "items": _NAME, "minItems": 1},
        'list, such as `["end_turn"]`, `["guardrail_intervened"]`',
    ),
    Field("bulkhead.guardrail_intervened", _TRUE, "a guardrail blocked or changed something"),
    Field("aws.bedrock.guardrail.id", _NAME, "the guardrail that was asked for"),
    Field("bulkhead.service.tier", _NAME, "service tier, where it is asked for or told"),
    Field("bulkhead.service.latency_mode", _NAME, "`standard` or `optimized`, where asked for"),
    Field("bulkhead.retries", _COUNT, "attempts that the SDK repeated within the call"),
    Field(
        "bulkhead.attempt", _COUNT, "which try of LangChain's `.with_retry()` the call is, from 2"
    ),
    Field("bulkhead.service.latency_ms", _COUNT, "milliseconds inside Bedrock"),
    Field(
        "gen_ai.client.operation.duration",
        _SECONDS,
        "seconds on the client, from sending to the end of the answer or of its reading",
        True,
    ),
    Field(
        "gen_ai.response.time_to_first_chunk",
        _SECONDS,
        "seconds on the client until the first part of a streamed answer",
    ),
    Field(
        "bulkhead.run.duration",
        _SECONDS,
        "seconds of the LangChain run; longer than the call where it waited for a thread",
    ),
    Field(
        "bulkhead.cache_hit",
        _TRUE,
        "LangChain's own cache answered: no call, no tokens, no cost",
    ),
    Field(
        "error.type",
        _NAME,
        "AWS error code or exception class; `unfinished`: nobody waited for or read the end; "
        "`IncompleteStream`: a stream ended before its last event",
    ),
    Field("bulkhead.error.code", _NAME, "the code of STS, if the fleet role could not be assumed"),
    Field(
        "bulkhead.cost.usd",
        _SECONDS,
        "list price of the tokens, prompt cache included; absent where a price is not known",
    ),
    Field(
        "bulkhead.cost.prices_as_of",
        {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"},
        "date of the price table",
    ),
    Field("bulkhead.calls", {"const": 1}, "for metrics: 1, but absent for a cache hit"),
    Field("bulkhead.errors", _BIT, "for metrics: 1 if `bulkhead.status` is `error`"),
    Field("bulkhead.throttles", _BIT, "for metrics: 1 if Bedrock or STS throttled the call"),
    Field("bulkhead.replayed", _TRUE, "the record was kept on disk and may be here twice"),
    _EMF,
)

CONTENT: Sequence[Field] = (
    Field("bulkhead.call.record.id", _UUID, "`bulkhead.record.id` of the call's record", True),
    Field(
        "gen_ai.system_instructions",
        {"type": "array", "items": {"type": "object", "required": ["type"]}},
        "system prompts, as OpenTelemetry lays out parts",
    ),
    Field("gen_ai.input.messages", _MESSAGES, "what was sent; media are named, not kept"),
    Field("gen_ai.output.messages", _MESSAGES, "what was answered"),
    Field("bulkhead.content.redacted", {"type": "boolean"}, "whether a redactor changed a text"),
    Field("bulkhead.content.truncated", {"type": "boolean"}, "whether something was cut off"),
    Field(
        "bulkhead.content.withheld",
        _NAME,
        "redaction failed with this exception, so the content was not written",
    ),
    Field("bulkhead.content.part", {"type": "integer", "minimum": 1}, "number of this part"),
    Field("bulkhead.content.parts", {"type": "integer", "minimum": 2}, "how many there are"),
    Field(
        "bulkhead.content.fragment",
        {"type": "string"},
        "a part of the three fields above as JSON; all in a row make the whole, "
        "which may break off where it is truncated",
    ),
    Field("bulkhead.replayed", _TRUE, "the record was kept on disk and may be here twice"),
)


_OWN = (
    Field("process.pid", _COUNT, "the process whose writer it is", True),
    _EMF._replace(always=True),
)

HEARTBEAT: Sequence[Field] = (
    Field("bulkhead.heartbeat", {"const": 1}, "for metrics: a writer lives", True),
    *_OWN,
)

LOSSES: Sequence[Field] = (
    Field("bulkhead.dropped_records", _COUNT, "for metrics: records lost since last told", True),
    Field(
        "bulkhead.dropped.reasons",
        {
            "type": "object",
            "propertyNames": {"enum": list(ledger.LOSSES)},
            "additionalProperties": {"type": "integer", "minimum": 1},
        },
        "how many for which reason, by the counters of `WriterStats`",
        True,
    ),
    Field(
        "bulkhead.dropped.samples",
        {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["reason", "timestamp"],
                "properties": {
                    "reason": {"enum": list(ledger.LOSSES)},
                    "id": {"type": "string"},
                    "timestamp": {"type": "string"},
                },
            },
        },
        "some of them: `reason`, `timestamp` and, where it is known, `id`",
        True,
    ),
    *_OWN,
)

# Type of a record: its title in the schema, its heading in the README, its fields.
TYPES: Mapping[str, tuple[str, str, Sequence[Field]]] = {
    "call": ("The record of a call", "In the record of a call (`call`)", CALL),
    "content": ("The content of a call", "In a content record (`content`)", CONTENT),
    "heartbeat": ("A sign of life", "In a sign of life (`heartbeat`)", HEARTBEAT),
    "losses": ("What was lost", "In a report of losses (`losses`)", LOSSES),
}


def schema() -> dict[str, Any]:
    """Return the JSON schema of a record."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        "title": "A record of Bulkhead's client",
        "type": "object",
        "required": ["bulkhead.record.type"],
        "oneOf": [_one(kind, title, own) for kind, (title, _, own) in TYPES.items()],
    }


def _one(kind: str, title: str, own: Sequence[Field]) -> dict[str, Any]:
    fields = [*HEAD, *own]
    properties = {
        each.name: {**each.schema, "description": each.meaning}
        for each in fields
        if each.name != "bulkhead.record.type"
    }
    return {
        "title": title,
        "type": "object",
        "additionalProperties": False,
        "required": sorted(each.name for each in fields if each.always),
        "properties": {"bulkhead.record.type": {"const": kind}, **properties},
    }


def markdown() -> str:
    """Return the tables of the README."""
    parts = []
    for title, fields in (
        ("In every record", HEAD),
        *((heading, own) for _, heading, own in TYPES.values()),
    ):
        rows = "\n".join(
            f"| `{each.name}` | {_type(each.schema)} | {'yes' if each.always else ''} "
            f"| {each.meaning} |"
            for each in fields
        )
        parts.append(
            f"**{title}**\n\n| field | type | always | meaning |\n|---|---|---|---|\n{rows}"
        )
    return "\n\n".join(parts)


def _type(schema: Mapping[str, Any]) -> str:
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    if "enum" in schema:
        return ", ".join(f"`{json.dumps(value)}`" for value in schema["enum"])
    return str(schema["type"])


def schema_text() -> str:
    """Return the text of `record.schema.json`."""
    return json.dumps(schema(), indent=2) + "\n"


def schema_file() -> Path:
    """Return the path of the schema that is shipped."""
    return Path(__file__).with_name("record.schema.json")


if __name__ == "__main__":
    print(markdown() if sys.argv[1:] == ["markdown"] else schema_text(), end="")
