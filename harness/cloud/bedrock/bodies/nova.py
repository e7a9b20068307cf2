"""Amazon Nova's bodies: Converse's members, with bytes as base64.

https://docs.aws.amazon.com/nova/latest/userguide/complete-request-schema.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from harness.cloud.bedrock.bodies.dialect import (
    Dialect,
    Members,
    decoded,
    items,
    known,
    malformed,
    member,
    objects,
)
from harness.cloud.bedrock.converse import Reply
from harness.cloud.bedrock.models import FoundationModel

_MEMBERS: Final = frozenset(
    {"schemaVersion", "messages", "system", "inferenceConfig", "toolConfig"}
)
_CONFIG: Final = {
    "maxTokens": "maxTokens",
    "max_new_tokens": "maxTokens",
    "temperature": "temperature",
    "topP": "topP",
    "top_p": "topP",
    "stopSequences": "stopSequences",
}
_NOT_CONVERSE: Final = frozenset({"topK", "top_k"})
_ATTACHED: Final = ("image", "video", "document")


class Nova:
    """The dialect of Amazon's Nova models."""

    def read(self, body: Mapping[str, Any]) -> Members:
        known(body, _MEMBERS)
        if body.get("schemaVersion", "messages-v1") != "messages-v1":
            raise malformed("#/schemaVersion: messages-v1 is the only one")
        params: Members = {
            "messages": [
                {**message, "content": _blocks(message.get("content"))}
                for message in objects(body.get("messages"), "messages")
            ]
        }
        if "system" in body:
            params["system"] = _blocks(body["system"])
        if "toolConfig" in body:
            params["toolConfig"] = dict(member(body["toolConfig"], "toolConfig"))
        config = member(body.get("inferenceConfig") or {}, "inferenceConfig")
        if set(config) - set(_CONFIG) - _NOT_CONVERSE:
            raise malformed("#/inferenceConfig: extraneous key is not permitted")
        named = {_CONFIG[name]: value for name, value in config.items() if name in _CONFIG}
        if named:
            params["inferenceConfig"] = named
        return params

    def write(self, model: FoundationModel, reply: Reply) -> Members:
        del model
        return {
            "output": {"message": {"role": "assistant", "content": list(reply.content)}},
            "stopReason": reply.stop_reason,
            "usage": _usage(reply),
        }

    def chunks(self, model: FoundationModel, reply: Reply) -> Iterator[Members]:
        del model
        for name, event in reply.events():
            if name == "metadata":
                yield {"metadata": {"usage": _usage(reply), "metrics": {}, "trace": {}}}
            else:
                yield {name: dict(event)}


NOVA: Final[Dialect] = Nova()


def _usage(reply: Reply) -> Members:
    return {
        "inputTokens": reply.input_tokens,
        "outputTokens": reply.output_tokens,
        "totalTokens": reply.total_tokens,
        "cacheReadInputTokenCount": reply.cache_read_tokens,
        "cacheWriteInputTokenCount": reply.cache_write_tokens,
    }


def _blocks(content: Any) -> list[Any]:
    blocks = []
    for block in items(content, "content"):
        made = dict(member(block, "content"))
        for kind in _ATTACHED:
            if kind in made:
                attached = dict(member(made[kind], kind))
                source = dict(member(attached.get("source"), f"{kind}/source"))
                if "bytes" in source:
                    source["bytes"] = decoded(source["bytes"], f"{kind}/source/bytes")
                made[kind] = {**attached, "source": source}
        blocks.append(made)
    return blocks
