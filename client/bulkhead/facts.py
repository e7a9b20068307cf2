"""What may stand in a record: identifiers, counts and names, picked one by one. Pure.

Prompts, completions, tool schemas, guardrail traces and exception texts never pass through here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

Facts = dict[str, object]

# What a service may put into a name, a code or an identifier. Anything else is not recorded.
_IDENTIFIER = re.compile(r"[A-Za-z0-9:/_.@+=,#-]{1,512}")
_MOST = 10**15
# https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html and STS
_THROTTLES = frozenset(
    {
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)


def identifier(value: object) -> str | None:
    """Return a string that looks like an identifier, else None."""
    return value if isinstance(value, str) and _IDENTIFIER.fullmatch(value) else None


def mapping(value: object) -> Mapping[str, Any]:
    """Return a mapping, or an empty one for anything else."""
    if type(value) is dict:  # what it nearly always is, or nothing: quicker to tell
        return value
    if value is None:
        return {}
    return value if isinstance(value, Mapping) else {}


def count(value: object) -> int | None:
    """Return a number that counts something; strings of digits (headers) too."""
    if type(value) is int:
        return value if 0 <= value < _MOST else None
    if value is None:
        return None
    if isinstance(value, str):
        return int(value) if value.isascii() and value.isdigit() and len(value) < 16 else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _MOST:
        return None
    return int(value)


def number(value: object) -> int | float | None:
    """Return a finite number as it is."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if abs(value) < _MOST else None


def http(metadata: Mapping[str, Any]) -> Facts:
    """Return request id, status and retries of botocore's `ResponseMetadata`."""
    return {
        "aws.request_id": identifier(metadata.get("RequestId")),
        "http.response.status_code": count(metadata.get("HTTPStatusCode")),
        "bulkhead.retries": count(metadata.get("RetryAttempts")),
    }


def tokens(
    fresh: object,
    output: object,
    read: object = None,
    written: object = None,
    lives: Mapping[str, object] | None = None,
) -> Facts:
    """Return the token fields; `fresh` are the input tokens that had nothing to do with the cache.

    lives  tokens written to the cache by lifetime (`5m`, `1h`), where the service tells
    """
    fresh_count, from_cache, to_cache = count(fresh), count(read) or 0, count(written) or 0
    if fresh_count is None:
        return {"gen_ai.usage.output_tokens": count(output)}
    by_life: Mapping[str, int] = {}
    if lives:
        by_life = {life: count(value) or 0 for life, value in lives.items()}
        to_cache = max(to_cache, sum(by_life.values()))
    elif to_cache:
        by_life = {"5m": to_cache}  # the lifetime unless another is asked for
    return {
        "gen_ai.usage.output_tokens": count(output),
        "gen_ai.usage.input_tokens": fresh_count + from_cache + to_cache,
        "gen_ai.usage.cache_read.input_tokens": from_cache,
        "gen_ai.usage.cache_creation.input_tokens": to_cache,
        "bulkhead.usage.cache_creation_5m.input_tokens": by_life.get("5m", 0),
        "bulkhead.usage.cache_creation_1h.input_tokens": by_life.get("1h", 0),
    }


def converse_usage(usage: Mapping[str, Any]) -> Facts:
    """Return the token fields of Converse's `usage`.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_TokenUsage.html
    """
    lives: dict[str, object] = {}
    details = usage.get("cacheDetails")
    for detail in details if isinstance(details, list) else ():
        life = mapping(detail).get("ttl")
        if life in ("5m", "1h"):
            lives[life] = (count(lives.get(life)) or 0) + (count(detail.get("inputTokens")) or 0)
    return tokens(
        usage.get("inputTokens"),
        usage.get("outputTokens"),
        usage.get("cacheReadInputTokens", usage.get("cacheReadInputTokenCount")),
        usage.get("cacheWriteInputTokens", usage.get("cacheWriteInputTokenCount")),
        lives,
    )


def reasoning(usage: Mapping[str, Any]) -> Facts:
    """Return the part of the output that was reasoning, as Anthropic's and OpenAI's usage tell it.

    Converse passes it on where `additionalModelResponseFieldPaths` asks for `/usage`.
    """
    details = mapping(usage.get("output_tokens_details") or usage.get("completion_tokens_details"))
    told = count(details.get("thinking_tokens", details.get("reasoning_tokens")))
    return {} if told is None else {"gen_ai.usage.reasoning.output_tokens": told}


def client_error(error: BaseException) -> ClientError | None:
    """Return the AWS error that an exception is, or was raised from: langchain-aws wraps some."""
    for candidate in (error, error.__cause__):
        if isinstance(candidate, ClientError):
            return candidate
    return None


def code_name(code: object) -> str | None:
    """Return an AWS error code in its usual form: streams send `throttlingException`."""
    name = identifier(code)
    return name[0].upper() + name[1:] if name else None


def error_type(error: BaseException) -> str:
    """Return the AWS error code, or the class name."""
    answer = client_error(error)
    if answer is not None:
        code = code_name(mapping(answer.response.get("Error")).get("Code"))
        if code:
            return code
    return type(error).__name__


def facts_of_error(error: BaseException) -> Facts:
    """Return the kind of an error and, for an answer of AWS, its request id, status and retries.

    For a fleet role that could not be assumed, the code of STS too.
    """
    facts: Facts = {"error.type": error_type(error)}
    answer = client_error(error)
    if answer is not None:
        facts.update(http(mapping(answer.response.get("ResponseMetadata"))))
    code = code_name(getattr(error, "code", None))
    if code and answer is None:
        facts["bulkhead.error.code"] = code
    return facts


def is_throttle(facts: Mapping[str, object]) -> bool:
    """Whether Bedrock or STS refused because of too many requests."""
    return bool({facts.get("error.type"), facts.get("bulkhead.error.code")} & _THROTTLES)
