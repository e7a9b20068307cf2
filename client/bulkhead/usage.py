"""Reads from requests and answers of Bedrock what the quota needs: model, tokens, maxima.

The input's tokens are estimated, since Bedrock counts them only when it answers: one for each three
bytes of text, and fixed numbers for images and documents. The estimate holds until the call ends.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_BYTES_PER_TOKEN = 3
_IMAGE = 1_600
_ATTACHMENT_BYTES_PER_TOKEN = 10
_INVOKE = frozenset({"InvokeModel", "InvokeModelWithResponseStream"})
METERED = _INVOKE | {"Converse", "ConverseStream"}
"""Operations that use up tokens and go through the quota."""

# Where the bodies of the models' makers say how much may come out.
_MAXIMA = (
    ("max_tokens",),
    ("max_completion_tokens",),
    ("max_gen_len",),
    ("maxTokens",),
    ("inferenceConfig", "maxTokens"),
    ("inferenceConfig", "max_new_tokens"),
    ("textGenerationConfig", "maxTokenCount"),
)
# A body with one of these is an embedding's or a ranking's: nothing is generated.
_NO_OUTPUT = ("inputText", "texts", "inputImage", "documents")


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a call used, as Bedrock counts: `input` besides what the cache gave and took."""

    input: int
    output: int
    cache_write: int = 0


def asked(operation: str, params: Mapping[str, Any]) -> tuple[int, int | None]:
    """Estimated input tokens of a request, and its maximum of output tokens (None: not said)."""
    if operation not in _INVOKE:
        config = params.get("inferenceConfig")
        most = config.get("maxTokens") if isinstance(config, Mapping) else None
        content = {key: params.get(key) for key in ("system", "messages", "toolConfig")}
        return estimate(content), most if isinstance(most, int) else None
    body = params.get("body")
    raw = body if isinstance(body, str | bytes | bytearray) else b""
    try:
        document = json.loads(raw)
    except ValueError:
        document = None
    if not isinstance(document, Mapping):
        return len(raw) // _BYTES_PER_TOKEN, None
    for path in _MAXIMA:
        value: Any = document
        for key in path:
            value = value.get(key) if isinstance(value, Mapping) else None
        if isinstance(value, int):
            return estimate(document), value
    generates = "textGenerationConfig" in document or "messages" in document
    none = not generates and any(key in document for key in _NO_OUTPUT)
    return estimate(document), 0 if none else None


def estimate(value: Any) -> int:
    """About how many tokens the texts and attachments of a request are."""
    if isinstance(value, str):
        return -(-len(value.encode("utf-8", "replace")) // _BYTES_PER_TOKEN)
    if isinstance(value, bytes | bytearray):
        return len(value) // _ATTACHMENT_BYTES_PER_TOKEN
    if isinstance(value, Mapping):
        if "image" in value or value.get("type") == "image":
            return _IMAGE
        return sum(estimate(inner) for inner in value.values())
    if isinstance(value, Sequence):
        return sum(estimate(inner) for inner in value)
    return 0


def of_answer(answer: Mapping[str, Any]) -> Tokens | None:
    """The usage in an answer of Converse or InvokeModel; None if there is none."""
    if isinstance(answer.get("usage"), Mapping):
        return _of_usage(answer["usage"])
    headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    found = [
        headers.get(f"x-amzn-bedrock-{name}-token-count")
        for name in ("input", "output", "cache-write-input")
    ]
    return _tokens(found) if found[0] is not None else None


def of_event(event: Mapping[str, Any]) -> Tokens | None:
    """The usage in one event of a stream; None if it has none."""
    metadata = event.get("metadata")
    if isinstance(metadata, Mapping) and isinstance(metadata.get("usage"), Mapping):
        return _of_usage(metadata["usage"])
    chunk = event.get("chunk")
    raw = chunk.get("bytes") if isinstance(chunk, Mapping) else None
    # Last in the stream of InvokeModelWithResponseStream, whoever made the model.
    if not isinstance(raw, bytes) or b"amazon-bedrock-invocationMetrics" not in raw:
        return None
    try:
        metrics = json.loads(raw)["amazon-bedrock-invocationMetrics"]
    except (ValueError, LookupError, TypeError):
        return None
    names = ("inputTokenCount", "outputTokenCount", "cacheWriteInputTokenCount")
    return _tokens([metrics.get(name) for name in names]) if isinstance(metrics, Mapping) else None


def _of_usage(usage: Mapping[str, Any]) -> Tokens | None:
    names = ("inputTokens", "outputTokens", "cacheWriteInputTokens")
    return _tokens([usage.get(name) for name in names])


def _tokens(counts: Sequence[Any]) -> Tokens | None:
    try:
        return Tokens(*(int(count or 0) for count in counts))
    except (TypeError, ValueError):
        return None
