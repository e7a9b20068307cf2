"""Converse and ConverseStream: check the request, make the reply, cut it into events.

The reply is a function of the request alone; which model a `modelId` names is `resolve`'s matter.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final

from harness.cloud.bedrock import tokens, writer
from harness.cloud.bedrock.cache import Use
from harness.cloud.bedrock.errors import invalid, unfit
from harness.cloud.bedrock.models import FoundationModel

_TOKENS_PER_EVENT: Final = 3
_CHARACTERS_PER_INPUT_EVENT: Final = 24
_REQUEST_METADATA_ENTRIES: Final = 16
_REQUEST_METADATA_LENGTH: Final = 256
_FIRST_TOKEN_MS: Final = 120

Event = tuple[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Reply:
    """A finished answer of a model."""

    content: tuple[Mapping[str, Any], ...]
    """Content blocks as Converse returns them: one `text` or one `toolUse`."""
    stop_reason: str
    input_tokens: int
    output_tokens: int
    latency_ms: int
    echo: Mapping[str, Any]
    """Members that AWS hands back as requested: service tier, performance configuration."""
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    """Tokens of the prompt cache; `input_tokens` are those besides."""
    cache_lives: tuple[tuple[str, int], ...] = ()
    """The tokens written, by how long they are kept."""

    @property
    def first_token_ms(self) -> int:
        """When a stream begins."""
        return min(self.latency_ms, _FIRST_TOKEN_MS)

    @property
    def total_tokens(self) -> int:
        cached = self.cache_read_tokens + self.cache_write_tokens
        return self.input_tokens + cached + self.output_tokens

    @property
    def usage(self) -> dict[str, Any]:
        """TokenUsage.

        https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_TokenUsage.html
        """
        usage: dict[str, Any] = {
            "inputTokens": self.input_tokens,
            "outputTokens": self.output_tokens,
            "totalTokens": self.total_tokens,
        }
        if self.cache_read_tokens or self.cache_write_tokens:
            usage["cacheReadInputTokens"] = self.cache_read_tokens
            usage["cacheWriteInputTokens"] = self.cache_write_tokens
        if self.cache_lives:
            usage["cacheDetails"] = [
                {"ttl": life, "inputTokens": count} for life, count in self.cache_lives
            ]
        return usage

    def cached(self, use: Use) -> Reply:
        """The same reply, with what the cache gave and took."""
        return replace(
            self,
            input_tokens=max(0, self.input_tokens - use.read - use.written),
            cache_read_tokens=use.read,
            cache_write_tokens=use.written,
            cache_lives=use.lives,
        )

    def members(self) -> dict[str, Any]:
        """The members of Converse's output."""
        return {
            "output": {"message": {"role": "assistant", "content": list(self.content)}},
            "stopReason": self.stop_reason,
            "usage": self.usage,
            "metrics": {"latencyMs": self.latency_ms},
            **self.echo,
        }

    def events(self) -> Iterator[Event]:
        """ConverseStream's events, one at a time."""
        yield "messageStart", {"role": "assistant"}
        for index, block in enumerate(self.content):
            if "toolUse" in block:
                use = block["toolUse"]
                start = {"toolUseId": use["toolUseId"], "name": use["name"]}
                yield (
                    "contentBlockStart",
                    {"start": {"toolUse": start}, "contentBlockIndex": index},
                )
                parts = _split(json.dumps(use["input"]), _CHARACTERS_PER_INPUT_EVENT)
                deltas: Iterator[dict[str, Any]] = ({"toolUse": {"input": part}} for part in parts)
            else:
                deltas = ({"text": part} for part in _join(tokens.tokens(block["text"])))
            for delta in deltas:
                yield "contentBlockDelta", {"delta": delta, "contentBlockIndex": index}
            yield "contentBlockStop", {"contentBlockIndex": index}
        yield "messageStop", {"stopReason": self.stop_reason}
        yield (
            "metadata",
            {"usage": self.usage, "metrics": {"latencyMs": self.latency_ms}, **self.echo},
        )


def reply(model: FoundationModel, params: Mapping[str, Any]) -> Reply:
    """The reply of `model` to a Converse request.

    Raises `ApiError` (ValidationException) for a conversation that AWS refuses.
    """
    _check(model, params)
    messages: Sequence[Mapping[str, Any]] = params["messages"]
    seed = writer.digest(
        model.id,
        messages,
        params.get("system"),
        params.get("toolConfig"),
        params.get("outputConfig"),
    )
    config: Mapping[str, Any] = params.get("inferenceConfig") or {}
    limit = min(config.get("maxTokens") or model.max_output, model.max_output)
    tool = _chosen_tool(params)
    content: Mapping[str, Any]
    if tool is not None:
        use = {
            "toolUseId": "tooluse_" + seed.hex()[:22],
            "name": tool["name"],
            "input": writer.write_instance(seed, (tool.get("inputSchema") or {}).get("json") or {}),
        }
        if not isinstance(use["input"], Mapping):
            use["input"] = {}
        used = tokens.count(tokens.compact_json(use["input"])) + tokens.OVERHEAD
        content, stop = {"toolUse": use}, "tool_use"
        if used > limit:
            used, stop = limit, "max_tokens"
    else:
        text, stop = _until_stop(_text(seed, params), config.get("stopSequences") or ())
        pieces = tokens.tokens(text)
        if len(pieces) > limit:
            pieces, stop = pieces[:limit], "max_tokens"
        content, used = {"text": "".join(pieces)}, len(pieces)
    asked = tokens.count_input(params)
    return Reply(
        content=(content,),
        stop_reason=stop,
        input_tokens=asked,
        output_tokens=used,
        # Reported, never waited for: it grows with the tokens, as a real model's does.
        latency_ms=120 + asked // 20 + 8 * used,
        echo={key: params[key] for key in ("performanceConfig", "serviceTier") if params.get(key)},
    )


def _text(seed: bytes, params: Mapping[str, Any]) -> str:
    form = (params.get("outputConfig") or {}).get("textFormat") or {}
    if form.get("type") == "json_schema":
        definition = form.get("structure", {}).get("jsonSchema") or {}
        try:
            schema = json.loads(definition.get("schema") or "")
        except ValueError:
            raise invalid("The JSON schema in outputConfig.textFormat is not valid JSON.") from None
        return json.dumps(writer.write_instance(seed, schema if isinstance(schema, dict) else {}))
    return writer.write_text(seed, params["messages"])


def _until_stop(text: str, sequences: Sequence[str]) -> tuple[str, str]:
    found = [text.index(sequence) for sequence in sequences if sequence and sequence in text]
    return (text[: min(found)], "stop_sequence") if found else (text, "end_turn")


def _chosen_tool(params: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The tool the request forces; with `auto` the models here answer in words."""
    config: Mapping[str, Any] = params.get("toolConfig") or {}
    choice: Mapping[str, Any] = config.get("toolChoice") or {}
    specs = [tool["toolSpec"] for tool in config.get("tools") or () if "toolSpec" in tool]
    if "tool" in choice:
        name = choice["tool"]["name"]
        for spec in specs:
            if spec["name"] == name:
                return dict(spec)
        raise invalid(f"Tool choice '{name}' names no tool in toolConfig.tools.")
    if "any" in choice:
        if not specs:
            raise invalid("The toolChoice 'any' needs a toolSpec in toolConfig.tools.")
        return dict(specs[0])
    return None


def _check(model: FoundationModel, params: Mapping[str, Any]) -> None:
    if not model.chats:
        raise invalid(
            "This action doesn't support the model that you provided. "
            "Try again with a supported text or chat model."
        )
    _check_fields(params)
    _check_messages(params)
    for tool in (params.get("toolConfig") or {}).get("tools") or ():
        if "systemTool" in tool:
            raise invalid(
                f"The tool '{tool['systemTool'].get('name')}' is not supported by this model."
            )


def _check_fields(params: Mapping[str, Any]) -> None:
    config: Mapping[str, Any] = params.get("inferenceConfig") or {}
    limit = config.get("maxTokens")
    if limit is not None and limit < 1:
        raise unfit(
            limit, "inferenceConfig.maxTokens", "Member must have value greater than or equal to 1"
        )
    for field in ("temperature", "topP"):
        value = config.get(field)
        if value is not None and not 0 <= value <= 1:
            bound = "less than or equal to 1" if value > 1 else "greater than or equal to 0"
            raise unfit(value, f"inferenceConfig.{field}", f"Member must have value {bound}")
    metadata: Mapping[str, str] = params.get("requestMetadata") or {}
    if len(metadata) > _REQUEST_METADATA_ENTRIES:
        raise unfit(
            "requestMetadata",
            "requestMetadata",
            f"Member must have length less than or equal to {_REQUEST_METADATA_ENTRIES}",
        )
    if any(len(text) > _REQUEST_METADATA_LENGTH for pair in metadata.items() for text in pair):
        raise unfit(
            "requestMetadata",
            "requestMetadata",
            f"Map keys and values must have length less than or equal to "
            f"{_REQUEST_METADATA_LENGTH}",
        )


def _check_messages(params: Mapping[str, Any]) -> None:
    messages: Sequence[Mapping[str, Any]] = params.get("messages") or ()
    roles = [message.get("role") for message in messages if message.get("role") != "system"]
    if not roles or roles[0] != "user":
        raise invalid(
            "A conversation must start with a user message. "
            "Try again with a conversation that starts with a user message."
        )
    if any(one == other for one, other in pairwise(roles)):
        raise invalid(
            "A conversation must alternate between user and assistant roles. Make sure the "
            "conversation alternates between user and assistant roles and try again."
        )
    if roles[-1] != "user":
        raise invalid(
            "This model does not support assistant message prefill. "
            "The conversation must end with a user message."
        )
    waiting: frozenset[str] = frozenset()
    for index, message in enumerate(messages):
        waiting = _check_content(index, message.get("content") or (), waiting, params)


def _check_content(
    index: int,
    blocks: Sequence[Mapping[str, Any]],
    waiting: frozenset[str],
    params: Mapping[str, Any],
) -> frozenset[str]:
    """Checks one message; returns the ids of the tool uses it leaves for the next to answer."""
    if not blocks:
        raise invalid(
            f"The content field in the Message object at messages.{index} is empty. "
            "Add a ContentBlock object to the content field and try again."
        )
    for position, block in enumerate(blocks):
        if "text" in block and not str(block["text"]).strip():
            raise invalid(
                f"The text field in the ContentBlock object at messages.{index}.content."
                f"{position} is blank. Add text to the text field, and try again."
            )
    uses = {block["toolUse"]["toolUseId"] for block in blocks if "toolUse" in block}
    results = {block["toolResult"]["toolUseId"] for block in blocks if "toolResult" in block}
    if (uses or results) and not params.get("toolConfig"):
        raise invalid(
            "The toolConfig field must be defined when using toolUse and toolResult content blocks."
        )
    if len(results) > len(waiting):
        raise invalid(
            f"The number of toolResult blocks at messages.{index}.content exceeds the number of "
            "toolUse blocks of previous turn."
        )
    if results != waiting:
        raise invalid(
            f"Expected toolResult blocks at messages.{index}.content for the following Ids: "
            f"{', '.join(sorted(waiting))}"
        )
    return frozenset(uses)


def _split(text: str, size: int) -> Iterator[str]:
    for start in range(0, len(text), size):
        yield text[start : start + size]


def _join(pieces: Sequence[str]) -> Iterator[str]:
    for start in range(0, len(pieces), _TOKENS_PER_EVENT):
        yield "".join(pieces[start : start + _TOKENS_PER_EVENT])
