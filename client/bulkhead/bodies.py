"""Reads what InvokeModel answers: each provider's own body or stream chunks. Pure.

Only counts and names are picked; an unknown form yields nothing, and then the headers still say how
many tokens a call took.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bulkhead.facts import (
    Facts,
    converse_usage,
    count,
    identifier,
    mapping,
    reasoning,
    tokens,
)

_METRICS = "amazon-bedrock-invocationMetrics"
_GUARDED = "amazon-bedrock-guardrailAction"
# A larger body holds vectors or images; what the record needs of it is in the headers.
_MAX_BODY = 1_048_576
# "Maximum length of 25000000" for what is sent, in which images make most of it.
# https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html
_MAX_REQUEST = 25_000_000
# Chunks with none of these bytes hold text only, and are not parsed.
_TELLING = (b"sage", b"Metrics", b"eason", b"oken_count", b"guardrailAction")
_STOPS = ("stop_reason", "stopReason", "completionReason", "finish_reason", "finishReason")


def asked(data: object) -> Mapping[str, Any]:
    """Return the JSON object that a request's body is, however large Bedrock takes it."""
    return parsed(data, _MAX_REQUEST)


def parsed(data: object, most: int = _MAX_BODY) -> Mapping[str, Any]:
    """Return the JSON object that a body is; an empty one for anything else."""
    if not isinstance(data, bytes | bytearray | str) or len(data) > most:
        return {}  # a file, for one, is the SDK's to read
    try:
        return mapping(json.loads(data))
    except (ValueError, RecursionError):
        return {}


def prompt(data: object) -> str:
    """Return what a text model is asked by a request's body."""
    body = asked(data)
    return str(body.get("prompt") or body.get("inputText") or "")


def tells(chunk: bytes) -> bool:
    """Whether a chunk of a stream may hold more than text."""
    return any(part in chunk for part in _TELLING)


def facts_of_headers(headers: Mapping[str, Any]) -> Facts:
    """Return tokens and latency of InvokeModel's response headers."""
    prefix = "x-amzn-bedrock-"
    facts: Facts = {
        "bulkhead.service.latency_ms": count(headers.get(f"{prefix}invocation-latency"))
    }
    fresh = headers.get(f"{prefix}input-token-count")
    if fresh is not None:
        facts |= tokens(
            fresh,
            headers.get(f"{prefix}output-token-count"),
            headers.get(f"{prefix}cache-read-input-token-count"),
            headers.get(f"{prefix}cache-write-input-token-count"),
        )
    return facts


def facts_of_body(body: Mapping[str, Any]) -> Facts:
    """Return model, stop reason and tokens of a whole answer or of one chunk of a stream."""
    # A stream of Anthropic's opens with an empty message that bears model and input tokens.
    opening = mapping(body.get("message")) if body.get("type") == "message_start" else {}
    event = mapping(body.get("messageStop")) or mapping(body.get("delta"))
    facts: Facts = {"gen_ai.response.model": identifier(opening.get("model") or body.get("model"))}
    for place in (body, event, *_first(body, "results"), *_first(body, "outputs"), *_choices(body)):
        stop = next((found for key in _STOPS if (found := identifier(place.get(key)))), None)
        if stop:
            facts["gen_ai.response.finish_reasons"] = [stop]
            if stop == "guardrail_intervened":
                facts["bulkhead.guardrail_intervened"] = True
            break
    if body.get(_GUARDED) == "INTERVENED":
        facts["bulkhead.guardrail_intervened"] = True
    facts |= _usage(body, opening)
    measured = mapping(body.get(_METRICS))
    if measured:
        facts["bulkhead.service.latency_ms"] = count(measured.get("invocationLatency"))
        told = tokens(
            measured.get("inputTokenCount"),
            measured.get("outputTokenCount"),
            measured.get("cacheReadInputTokenCount"),
            measured.get("cacheWriteInputTokenCount"),
        )
        # By lifetime only the provider's own usage tells; keep that where it is known already.
        facts |= {key: value for key, value in told.items() if "cache_creation" not in key}
        for key, value in told.items():
            facts.setdefault(key, value)
    if "embedding" in body or "embeddings" in body or "embeddingsByType" in body:
        facts["gen_ai.operation.name"] = "embeddings"
    return {key: value for key, value in facts.items() if value is not None}


def _usage(body: Mapping[str, Any], opening: Mapping[str, Any]) -> Facts:
    usage = mapping(opening.get("usage") or body.get("usage"))
    if not usage:
        usage = mapping(mapping(body.get("metadata")).get("usage"))
    if "inputTokens" in usage:  # Nova speaks Converse's language
        return converse_usage(usage)
    if "prompt_tokens" in usage:  # OpenAI's, also DeepSeek, Mistral and AI21: cached tokens inside
        read = count(mapping(usage.get("prompt_tokens_details")).get("cached_tokens")) or 0
        fresh = (count(usage.get("prompt_tokens")) or 0) - read
        return tokens(max(0, fresh), usage.get("completion_tokens"), read) | reasoning(usage)
    if "input_tokens" in usage or "output_tokens" in usage:  # Anthropic
        made = mapping(usage.get("cache_creation"))
        lives = {
            life: made[key]
            for life, key in (
                ("5m", "ephemeral_5m_input_tokens"),
                ("1h", "ephemeral_1h_input_tokens"),
            )
            if key in made
        }
        facts = tokens(
            usage.get("input_tokens"),
            usage.get("output_tokens"),
            usage.get("cache_read_input_tokens"),
            usage.get("cache_creation_input_tokens"),
            lives,
        )
        if opening:
            facts.pop("gen_ai.usage.output_tokens")  # a placeholder
        return facts | reasoning(usage)
    if "generation_token_count" in body:  # Meta
        if not body.get("stop_reason"):  # so far
            return tokens(body.get("prompt_token_count"), None)
        return tokens(body.get("prompt_token_count"), body.get("generation_token_count"))
    if "inputTextTokenCount" in body:  # Titan
        results = _first(body, "results")
        written = results[0].get("tokenCount") if results else body.get("totalOutputTextTokenCount")
        return tokens(body.get("inputTextTokenCount"), written)
    return {}


def _first(body: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    found = body.get(key)
    return [mapping(found[0])] if isinstance(found, list) and found else []


def _choices(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return _first(body, "choices") + _first(body, "generations")
