"""Meta's Llama: a prompt that is completed.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-meta.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from harness.cloud.bedrock import tokens
from harness.cloud.bedrock.bodies.dialect import (
    Dialect,
    Members,
    known,
    malformed,
    number,
    text,
    whole,
)
from harness.cloud.bedrock.converse import Reply
from harness.cloud.bedrock.models import FoundationModel

_MEMBERS: Final = frozenset({"prompt", "temperature", "top_p", "max_gen_len"})
_MANY: Final = 2048
_STOPS: Final = {"max_tokens": "length"}
_CUT: Final = 3


class Meta:
    """The dialect of Meta's models."""

    def read(self, body: Mapping[str, Any]) -> Members:
        known(body, _MEMBERS)
        prompt = text(body.get("prompt"), "prompt")
        if not prompt.strip():
            raise malformed("#/prompt: expected minLength: 1")
        config: Members = {
            "maxTokens": whole(body.get("max_gen_len", 512), "max_gen_len", 1, _MANY)
        }
        for name, member in (("temperature", "temperature"), ("top_p", "topP")):
            if name in body:
                config[member] = number(body[name], name, 0, 1)
        return {
            "messages": [{"role": "user", "content": [{"text": prompt}]}],
            "inferenceConfig": config,
        }

    def write(self, model: FoundationModel, reply: Reply) -> Members:
        del model
        return _part(_said(reply), reply, reply.output_tokens, last=True)

    def chunks(self, model: FoundationModel, reply: Reply) -> Iterator[Members]:
        del model
        pieces = tokens.tokens(_said(reply))
        for at in range(0, len(pieces), _CUT):
            yield _part("".join(pieces[at : at + _CUT]), reply, min(at + _CUT, len(pieces)))
        yield _part("", reply, reply.output_tokens, last=True)


META: Final[Dialect] = Meta()


def _said(reply: Reply) -> str:
    return "".join(str(block.get("text", "")) for block in reply.content)


def _part(said: str, reply: Reply, written: int, *, last: bool = False) -> Members:
    return {
        "generation": said,
        "prompt_token_count": reply.input_tokens,
        "generation_token_count": written,
        "stop_reason": _STOPS.get(reply.stop_reason, "stop") if last else None,
    }
