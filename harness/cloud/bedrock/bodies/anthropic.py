"""Anthropic's messages.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from harness.cloud.bedrock import tokens, writer
from harness.cloud.bedrock.bodies.dialect import (
    Dialect,
    Members,
    decoded,
    items,
    known,
    malformed,
    member,
    number,
    objects,
    text,
    whole,
)
from harness.cloud.bedrock.converse import Reply
from harness.cloud.bedrock.errors import invalid
from harness.cloud.bedrock.models import FoundationModel

VERSION: Final = "bedrock-2023-05-31"
_MEMBERS: Final = frozenset(
    {
        *("anthropic_version", "anthropic_beta", "max_tokens", "messages", "system"),
        *("temperature", "top_p", "top_k", "stop_sequences", "tools", "tool_choice"),
        "thinking",
    }
)
_FORMATS: Final = {f"image/{kind}": kind for kind in ("png", "jpeg", "gif", "webp")}
_DOCUMENTS: Final = {"application/pdf": "pdf", "text/plain": "txt"}
_CHOICES: Final = {"auto": "auto", "any": "any"}
_MANY: Final = 2**31
_CUT: Final = 24


class Anthropic:
    """The dialect of Anthropic's models."""

    def read(self, body: Mapping[str, Any]) -> Members:
        if body.get("anthropic_version") != VERSION:
            raise malformed("#: required key [anthropic_version] not found or not supported")
        known(body, _MEMBERS)
        if "max_tokens" not in body:
            raise malformed("#: required key [max_tokens] not found")
        config: Members = {"maxTokens": whole(body["max_tokens"], "max_tokens", 1, _MANY)}
        if "temperature" in body:
            config["temperature"] = number(body["temperature"], "temperature", 0, 1)
        if "top_p" in body:
            config["topP"] = number(body["top_p"], "top_p", 0, 1)
        if "top_k" in body:
            whole(body["top_k"], "top_k", 0, 500)
        if "stop_sequences" in body:
            sequences = items(body["stop_sequences"], "stop_sequences")
            config["stopSequences"] = [text(one, "stop_sequences") for one in sequences]
        params: Members = {
            "messages": [_message(one) for one in objects(body.get("messages"), "messages")],
            "inferenceConfig": config,
        }
        if body.get("system"):
            params["system"] = _blocks(body["system"], "system")
        if body.get("tools"):
            params["toolConfig"] = _tools(body)
        if "anthropic_beta" in body:
            for name in items(body["anthropic_beta"], "anthropic_beta"):
                text(name, "anthropic_beta")
        _check_thinking(body)
        return params

    def write(self, model: FoundationModel, reply: Reply) -> Members:
        return {
            **_opening(model, reply),
            "content": [_written(block) for block in reply.content],
            "stop_reason": reply.stop_reason,
            "stop_sequence": None,
            "usage": _usage(reply) | {"output_tokens": reply.output_tokens},
        }

    def chunks(self, model: FoundationModel, reply: Reply) -> Iterator[Members]:
        start = {**_opening(model, reply), "content": [], "stop_reason": None}
        usage = _usage(reply) | {"output_tokens": 1}
        yield {"type": "message_start", "message": {**start, "stop_sequence": None, "usage": usage}}
        for index, block in enumerate(reply.content):
            full = _written(block)
            if full["type"] == "text":
                empty: Members = {"type": "text", "text": ""}
                deltas = [{"type": "text_delta", "text": part} for part in _pieces(full["text"])]
            else:
                empty = {**full, "input": {}}
                packed = json.dumps(full["input"])
                cuts = range(0, len(packed), _CUT)
                deltas = [
                    {"type": "input_json_delta", "partial_json": packed[at : at + _CUT]}
                    for at in cuts
                ]
            yield {"type": "content_block_start", "index": index, "content_block": empty}
            for delta in deltas:
                yield {"type": "content_block_delta", "index": index, "delta": delta}
            yield {"type": "content_block_stop", "index": index}
        yield {
            "type": "message_delta",
            "delta": {"stop_reason": reply.stop_reason, "stop_sequence": None},
            "usage": {"output_tokens": reply.output_tokens},
        }
        yield {"type": "message_stop"}


ANTHROPIC: Final[Dialect] = Anthropic()


def _opening(model: FoundationModel, reply: Reply) -> Members:
    digest = writer.digest(model.id, list(reply.content)).hex()
    identifier = f"msg_bdrk_{digest[:24]}"
    return {"id": identifier, "type": "message", "role": "assistant", "model": model.id}


def _usage(reply: Reply) -> Members:
    lives = dict(reply.cache_lives)
    return {
        "input_tokens": reply.input_tokens,
        "cache_creation_input_tokens": reply.cache_write_tokens,
        "cache_read_input_tokens": reply.cache_read_tokens,
        "cache_creation": {
            "ephemeral_5m_input_tokens": lives.get("5m", 0),
            "ephemeral_1h_input_tokens": lives.get("1h", 0),
        },
    }


def _written(block: Mapping[str, Any]) -> Members:
    if "toolUse" in block:
        use = block["toolUse"]
        return {
            "type": "tool_use",
            "id": use["toolUseId"],
            "name": use["name"],
            "input": use["input"],
        }
    return {"type": "text", "text": block["text"]}


def _pieces(said: str) -> Iterator[str]:
    found = tokens.tokens(said)
    for at in range(0, len(found), 3):
        yield "".join(found[at : at + 3])


def _message(message: Mapping[str, Any]) -> Members:
    known(message, frozenset({"role", "content"}))
    role = text(message.get("role"), "messages/role")
    return {"role": role, "content": _blocks(message.get("content"), "messages/content")}


def _blocks(content: Any, where: str) -> list[Members]:
    if isinstance(content, str):
        return [{"text": content}]
    blocks: list[Members] = []
    for block in objects(content, where):
        blocks.append(_block(block, where))
        blocks += _cache_point(block)
    return blocks


def _cache_point(block: Mapping[str, Any]) -> list[Members]:
    """Converse marks the end of what is to be cached with a block of its own."""
    if not block.get("cache_control"):
        return []
    control = member(block["cache_control"], "cache_control")
    point: Members = {"type": "default"}
    if "ttl" in control:
        point["ttl"] = text(control["ttl"], "cache_control/ttl")
    return [{"cachePoint": point}]


def _block(block: Mapping[str, Any], where: str) -> Members:
    kind = block.get("type")
    if kind == "text":
        return {"text": text(block.get("text"), f"{where}/text")}
    if kind == "image":
        source = member(block.get("source"), f"{where}/source")
        form = _FORMATS.get(str(source.get("media_type")))
        if source.get("type") != "base64" or form is None:
            raise malformed(f"#/{where}/source: not a supported image")
        data = decoded(source.get("data"), f"{where}/source/data")
        return {"image": {"format": form, "source": {"bytes": data}}}
    if kind == "document":
        return {"document": _document(member(block.get("source"), f"{where}/source"), where)}
    if kind == "tool_use":
        return {
            "toolUse": {
                "toolUseId": text(block.get("id"), f"{where}/id"),
                "name": text(block.get("name"), f"{where}/name"),
                "input": dict(member(block.get("input"), f"{where}/input")),
            }
        }
    if kind == "tool_result":
        result: Members = {
            "toolUseId": text(block.get("tool_use_id"), f"{where}/tool_use_id"),
            "content": _blocks(block.get("content") or [], f"{where}/content"),
        }
        if block.get("is_error"):
            result["status"] = "error"
        return {"toolResult": result}
    raise malformed(f"#/{where}/type: not supported")


def _document(source: Mapping[str, Any], where: str) -> Members:
    """A document as Converse has it; its name there says nothing here."""
    form = _DOCUMENTS.get(str(source.get("media_type")))
    if form is None or source.get("type") != ("text" if form == "txt" else "base64"):
        raise malformed(f"#/{where}/source: not a supported document")
    data = text(source.get("data"), f"{where}/source/data")
    content = data.encode() if form == "txt" else decoded(data, f"{where}/source/data")
    return {"format": form, "name": "document", "source": {"bytes": content}}


def _check_thinking(body: Mapping[str, Any]) -> None:
    """Raises `ApiError`: the models here do not think aloud."""
    if "thinking" not in body:
        return
    if member(body["thinking"], "thinking").get("type") != "disabled":
        raise invalid("The embedded cloud does not play thinking of a model.")


def _tools(body: Mapping[str, Any]) -> Members:
    tools: list[Members] = []
    for tool in objects(body["tools"], "tools"):
        spec: Members = {
            "name": text(tool.get("name"), "tools/name"),
            "inputSchema": {"json": dict(member(tool.get("input_schema"), "tools/input_schema"))},
        }
        if tool.get("description"):
            spec["description"] = text(tool["description"], "tools/description")
        tools.append({"toolSpec": spec})
        tools += _cache_point(tool)
    config: Members = {"tools": tools}
    if body.get("tool_choice"):
        choice = member(body["tool_choice"], "tool_choice")
        kind = str(choice.get("type"))
        if kind == "tool":
            config["toolChoice"] = {"tool": {"name": text(choice.get("name"), "tool_choice/name")}}
        elif kind in _CHOICES:
            config["toolChoice"] = {kind: {}}
        elif kind != "none":
            raise malformed("#/tool_choice/type: not supported")
    return config
