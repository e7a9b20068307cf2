"""Reads the facts a record may hold out of what LangChain hands to callbacks, and nothing else.

Everything is picked by name; nothing is copied whole. Prompts, completions, tool schemas, guardrail
traces and exception texts never pass through here. Which path delivers what is in the README.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from langchain_core.outputs import LLMResult

Facts = dict[str, object]

# What a service may put into a name, a code or an identifier. Anything else is not recorded.
_IDENTIFIER = re.compile(r"[A-Za-z0-9:/_.@+=,#-]{1,512}")


def identifier(value: object) -> str | None:
    """Return a string that looks like an identifier, else None."""
    return value if isinstance(value, str) and _IDENTIFIER.fullmatch(value) else None


def facts_of_response(response: LLMResult) -> Facts:
    """Return model, request id, tokens, stop reason, retries and latency, as far as present."""
    facts: Facts = {}
    message = _message(response)
    metadata = _mapping(getattr(message, "response_metadata", None))
    output = _mapping(getattr(response, "llm_output", None))
    facts["gen_ai.response.model"] = identifier(
        metadata.get("model_name") or metadata.get("model_id") or output.get("model_id")
    )
    facts["bulkhead.inference_profile.arn"] = identifier(metadata.get("inference_profile_id"))
    stop = identifier(
        metadata.get("stopReason") or metadata.get("stop_reason") or output.get("stop_reason")
    )
    if stop:
        facts["gen_ai.response.finish_reasons"] = [stop]
    facts.update(_http(_mapping(metadata.get("ResponseMetadata"))))
    facts["bulkhead.service.latency_ms"] = _latency(metadata)
    usage = _mapping(getattr(message, "usage_metadata", None))
    # LangChain's own cache repeats the old answer and prices it at nothing: no call was made.
    if usage.get("total_cost") == 0:
        cached: Facts = {
            key: facts[key] for key in ("gen_ai.response.model", "bulkhead.inference_profile.arn")
        }
        return {**cached, "bulkhead.cache_hit": True}
    facts.update(_usage(usage) if usage else _old_usage(_mapping(output.get("usage"))))
    return facts


def facts_of_error(error: BaseException) -> Facts:
    """Return the kind of an error and, for an answer of AWS, its request id, status and retries."""
    facts: Facts = {"error.type": error_type(error)}
    answer = _client_error(error)
    if answer is not None:
        facts.update(_http(_mapping(answer.response.get("ResponseMetadata"))))
    return facts


def error_type(error: BaseException) -> str:
    """Return the AWS error code, or the class name. Stream errors come as `throttlingException`."""
    answer = _client_error(error)
    if answer is not None:
        code = identifier(_mapping(answer.response.get("Error")).get("Code"))
        if code:
            return code[0].upper() + code[1:]
    return type(error).__name__


def _client_error(error: BaseException) -> ClientError | None:
    # langchain-aws raises some errors "from" the ClientError.
    for candidate in (error, error.__cause__):
        if isinstance(candidate, ClientError):
            return candidate
    return None


def _message(response: LLMResult) -> Any:
    generations = getattr(response, "generations", None)
    if not generations or not generations[0]:
        return None
    return getattr(generations[0][0], "message", None)


def _http(metadata: Mapping[str, Any]) -> Facts:
    return {
        "aws.request_id": identifier(metadata.get("RequestId")),
        "http.response.status_code": _count(metadata.get("HTTPStatusCode")),
        "bulkhead.retries": _count(metadata.get("RetryAttempts")),
    }


def _latency(metadata: Mapping[str, Any]) -> int | None:
    """Milliseconds inside Bedrock: an int when streamed, a list of one after merging otherwise."""
    value = _mapping(metadata.get("metrics")).get("latencyMs")
    if isinstance(value, list):
        value = value[-1] if value else None
    return _count(value)


def _usage(usage: Mapping[str, Any]) -> Facts:
    """Tokens as LangChain counts them: input includes what the cache read and wrote."""
    details = _mapping(usage.get("input_token_details"))
    # With per-lifetime details, `cache_creation` is 0 and the writes are in these two.
    written = [
        _count(details.get(key))
        for key in ("cache_creation", "ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens")
    ]
    return {
        "gen_ai.usage.input_tokens": _count(usage.get("input_tokens")),
        "gen_ai.usage.output_tokens": _count(usage.get("output_tokens")),
        "gen_ai.usage.cache_read.input_tokens": _count(details.get("cache_read")) or 0,
        "gen_ai.usage.cache_creation.input_tokens": sum(each or 0 for each in written),
    }


def _old_usage(usage: Mapping[str, Any]) -> Facts:
    """Tokens of paths without usage_metadata: prompt_tokens leaves out what the cache did."""
    prompt = _count(usage.get("prompt_tokens"))
    if prompt is None:
        return {}
    read = _count(usage.get("cache_read_input_tokens")) or 0
    written = _count(usage.get("cache_write_input_tokens")) or 0
    return {
        "gen_ai.usage.input_tokens": prompt + read + written,
        "gen_ai.usage.output_tokens": _count(usage.get("completion_tokens")),
        "gen_ai.usage.cache_read.input_tokens": read,
        "gen_ai.usage.cache_creation.input_tokens": written,
    }


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _count(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        return None
    return int(value)
