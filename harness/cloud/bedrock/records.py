"""One record of a batch job: a model's own request body, or Converse's, and what it answers.

https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-data.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from harness.cloud.bedrock import converse, writer
from harness.cloud.bedrock.errors import invalid
from harness.cloud.bedrock.models import FoundationModel
from harness.cloud.bedrock.shapes import validate

_ANTHROPIC: Final = "bedrock-2023-05-31"
_CONVERSE: Final = frozenset(
    {"messages", "system", "inferenceConfig", "toolConfig", "schemaVersion"}
)
_STOPPED: Final = {"end_turn": "end_turn", "max_tokens": "max_tokens", "tool_use": "tool_use"}
Members = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Output:
    """What a record came to."""

    body: Members
    input_tokens: int
    output_tokens: int


def run_record(model: FoundationModel, body: Any) -> Output:
    """The answer to one record.

    Takes Anthropic's messages, with text only, for its models, and Converse's members (which Nova's
    own body has too) for all. Raises `ApiError` (ValidationException).
    """
    if not isinstance(body, Mapping):
        raise invalid("The modelInput is not an object.")
    if "anthropic_version" in body:
        return _anthropic(model, body)
    unknown = set(body) - _CONVERSE
    if unknown:
        raise invalid("The modelInput has members that are not supported.")
    reply = _reply(model, {k: v for k, v in body.items() if k != "schemaVersion"})
    return Output(reply.members(), reply.input_tokens, reply.output_tokens)


def _reply(model: FoundationModel, params: Mapping[str, Any]) -> converse.Reply:
    validate("bedrock-runtime", "Converse", {**params, "modelId": model.id})
    return converse.reply(model, params)


def _anthropic(model: FoundationModel, body: Mapping[str, Any]) -> Output:
    """https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages.html"""
    if model.provider != "Anthropic" or body["anthropic_version"] != _ANTHROPIC:
        raise invalid("Malformed input request, please reformat your input and try again.")
    if not isinstance(body.get("max_tokens"), int) or body["max_tokens"] < 1:
        raise invalid("max_tokens: Field required")
    params: Members = {
        "messages": [
            {"role": message.get("role"), "content": _blocks(message.get("content"))}
            for message in _objects(body.get("messages"))
        ],
        "inferenceConfig": {
            "maxTokens": body["max_tokens"],
            "stopSequences": _list(body.get("stop_sequences") or []),
        },
    }
    if body.get("system"):
        params["system"] = _blocks(body["system"])
    reply = _reply(model, params)
    seed = writer.digest(model.id, body)
    answer = {
        "id": f"msg_bdrk_{seed.hex()[:24]}",
        "type": "message",
        "role": "assistant",
        "model": model.id,
        "content": [{"type": "text", "text": block["text"]} for block in reply.content],
        "stop_reason": _STOPPED.get(reply.stop_reason, reply.stop_reason),
        "stop_sequence": None,
        "usage": {"input_tokens": reply.input_tokens, "output_tokens": reply.output_tokens},
    }
    return Output(answer, reply.input_tokens, reply.output_tokens)


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise invalid("Malformed input request, please reformat your input and try again.")
    return value


def _objects(value: Any) -> list[Mapping[str, Any]]:
    objects = _list(value)
    if not all(isinstance(one, Mapping) for one in objects):
        raise invalid("Malformed input request, please reformat your input and try again.")
    return objects


def _blocks(content: Any) -> list[Members]:
    if isinstance(content, str):
        return [{"text": content}]
    blocks = _objects(content)
    if any(block.get("type") != "text" for block in blocks):
        raise invalid("Malformed input request, please reformat your input and try again.")
    return [{"text": str(block.get("text", ""))} for block in blocks]
