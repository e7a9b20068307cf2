"""Reads the facts a record may hold out of what LangChain hands to callbacks, and nothing else.

Everything is picked by name; nothing is copied whole. What the call on the wire told (`hooks`) is
finer and goes first; this serves clients that are not watched, and answers from LangChain's cache.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from bulkhead.facts import Facts, count, http, identifier, mapping, tokens

if TYPE_CHECKING:
    from langchain_core.outputs import LLMResult

_METRICS = "amazon-bedrock-invocationMetrics"


class Told(NamedTuple):
    """The parts of an answer that facts are read from: small, and no text among them.

    metadata  `response_metadata` of the message
    usage     `usage_metadata` of the message
    output    `llm_output` of the result
    info      `generation_info` of a text model's answer
    """

    metadata: Mapping[str, Any]
    usage: Mapping[str, Any]
    output: Mapping[str, Any]
    info: Mapping[str, Any]

    @property
    def cached(self) -> bool:
        """Whether LangChain's own cache answered: it repeats the old answer, at no cost."""
        return self.usage.get("total_cost") == 0

    @property
    def request_id(self) -> str | None:
        """The request id, on the paths where langchain-aws passes it on."""
        return identifier(mapping(self.metadata.get("ResponseMetadata")).get("RequestId"))


_NOTHING = Told({}, {}, {}, {})


def told(response: LLMResult | None) -> Told:
    """Take what may be read later; copied, since the application may change its own."""
    if response is None or not response.generations or not response.generations[0]:
        return _NOTHING
    answers = response.generations[0]
    message = getattr(answers[0], "message", None)
    return Told(
        _copy(getattr(message, "response_metadata", None)),
        _copy(getattr(message, "usage_metadata", None)),
        _copy(response.llm_output),
        _copy(answers[-1].generation_info) if message is None else {},
    )


def _copy(value: object) -> dict[str, Any]:
    return value.copy() if isinstance(value, dict) else {}


def facts_of_response(response: LLMResult) -> Facts:
    """Return model, request id, tokens, stop reason, retries and latency, as far as present."""
    return facts_of(told(response))


def facts_of(given: Told) -> Facts:
    """Return the facts that `told` took."""
    metadata, usage, output, info = given
    facts: Facts = {
        "gen_ai.response.model": identifier(
            metadata.get("model_name") or metadata.get("model_id") or output.get("model_id")
        ),
        "bulkhead.inference_profile.arn": identifier(metadata.get("inference_profile_id")),
    }
    if given.cached:
        return {**facts, "bulkhead.cache_hit": True}
    stop = identifier(
        metadata.get("stopReason")
        or metadata.get("stop_reason")
        or output.get("stop_reason")
        or info.get("stop_reason")
    )
    if stop:
        facts["gen_ai.response.finish_reasons"] = [stop]
        if stop == "guardrail_intervened":
            facts["bulkhead.guardrail_intervened"] = True
    facts.update(http(mapping(metadata.get("ResponseMetadata"))))
    measured = mapping(info.get(_METRICS))
    facts["bulkhead.service.latency_ms"] = _latency(metadata) or count(
        measured.get("invocationLatency")
    )
    if usage:
        facts.update(_usage(usage))
    elif measured:
        facts.update(tokens(measured.get("inputTokenCount"), measured.get("outputTokenCount")))
    else:
        facts.update(_old_usage(mapping(output.get("usage"))))
    return facts


def _latency(metadata: Mapping[str, Any]) -> int | None:
    """Milliseconds inside Bedrock: an int when streamed, a list of one after merging otherwise."""
    value = mapping(metadata.get("metrics")).get("latencyMs")
    if isinstance(value, list):
        value = value[-1] if value else None
    return count(value)


def _usage(usage: Mapping[str, Any]) -> Facts:
    """Tokens as LangChain counts them: input includes what the cache read and wrote."""
    reasoning = mapping(usage.get("output_token_details")).get("reasoning")
    facts: Facts = {"gen_ai.usage.reasoning.output_tokens": count(reasoning)}
    details = mapping(usage.get("input_token_details"))
    if not details:
        facts |= tokens(usage.get("input_tokens"), usage.get("output_tokens"))
        return facts
    # With per-lifetime details, `cache_creation` is 0 and the writes are in these two.
    plain = count(details.get("cache_creation")) or 0
    five = count(details.get("ephemeral_5m_input_tokens")) or 0
    hour = count(details.get("ephemeral_1h_input_tokens")) or 0
    read = count(details.get("cache_read")) or 0
    whole = count(usage.get("input_tokens"))
    facts |= tokens(
        None if whole is None else max(0, whole - read - plain - five - hour),
        usage.get("output_tokens"),
        read,
        plain + five + hour,
        {"5m": plain + five, "1h": hour},
    )
    return facts


def _old_usage(usage: Mapping[str, Any]) -> Facts:
    """Tokens of paths without usage_metadata: prompt_tokens leaves out what the cache did."""
    if count(usage.get("prompt_tokens")) is None:
        return {}
    return tokens(
        usage.get("prompt_tokens"),
        usage.get("completion_tokens"),
        usage.get("cache_read_input_tokens"),
        usage.get("cache_write_input_tokens"),
    )
