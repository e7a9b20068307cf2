"""Every field that is documented for the record of a call is written, by calls over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.caches import InMemoryCache

from bulkhead import Bulkhead, Delivery, PriceTable, bodies, fields
from bulkhead.replay import replayed

MODEL = "anthropic.claude-3-5-sonnet-20240620-v1:0"
THOUGHT = {"usage": {"output_tokens_details": {"thinking_tokens": 7}}}
USAGE = {
    "inputTokens": 25,
    "outputTokens": 11,
    "totalTokens": 186,
    "cacheReadInputTokens": 100,
    "cacheWriteInputTokens": 50,
    "cacheDetails": [{"ttl": "5m", "inputTokens": 30}, {"ttl": "1h", "inputTokens": 20}],
}
OPTIONS: dict[str, Any] = {
    "temperature": 0.5,
    "top_p": 0.9,
    "max_tokens": 64,
    "guardrail_config": {"guardrailIdentifier": "gr1", "guardrailVersion": "1"},
    "performance_config": {"latency": "standard"},
    "service_tier": "default",
}
# What the writer's own records and contents have besides is tested where they are made.
DOCUMENTED = {each.name for each in (*fields.HEAD, *fields.CALL)}


def test_every_documented_field_of_a_call_is_written(
    cloud: Any, session_of: Any, document: Any, fault: Any
) -> None:
    cloud.reply |= {
        "usage": USAGE,
        "stopReason": "guardrail_intervened",
        "additionalModelResponseFields": THOUGHT,
    }
    names = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h")
    entry = {"models": [MODEL], "regions": ["*"], **dict.fromkeys(names, 1)}
    prices = PriceTable.from_mapping({"as_of": "2026-01-31", "prices": [entry]})
    options: Any = {"prices": prices, "delivery": Delivery(heartbeat=0)}
    with Bulkhead.from_config(document, session_of("222222222222"), **options) as app:
        cloud.faults["AssumeRole"] = [fault(403, "AccessDenied")]
        with pytest.raises(Exception, match="AccessDenied"):
            app.chat(MODEL).invoke("hello")
        app.session._credentials._not_before = 0.0  # no pause
        cloud.faults["Converse"] = [fault(400, "ValidationException")]
        chat = app.chat(MODEL, **OPTIONS)
        named: Any = {"metadata": {"conversation_id": "c-1"}}
        chat.with_retry(wait_exponential_jitter=False).invoke("hello", config=named)
        list(chat.stream("hello"))
        cached = app.chat(MODEL, cache=InMemoryCache())
        cached.invoke("hello")
        cached.invoke("hello")
    records = cloud.records()
    assert len(records) == 6
    written = {name for record in (*records, replayed(records[0])) for name in record}
    assert DOCUMENTED - written == set()
    answered = next(each for each in records if each.get("bulkhead.attempt") == 2)
    told = {
        "gen_ai.conversation.id": "c-1",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.top_p": 0.9,
        "gen_ai.request.max_tokens": 64,
        "gen_ai.usage.input_tokens": 175,
        "gen_ai.usage.output_tokens": 11,
        "gen_ai.usage.reasoning.output_tokens": 7,
        "gen_ai.usage.cache_read.input_tokens": 100,
        "gen_ai.usage.cache_creation.input_tokens": 50,
        "bulkhead.usage.cache_creation_5m.input_tokens": 30,
        "bulkhead.usage.cache_creation_1h.input_tokens": 20,
        "gen_ai.response.finish_reasons": ["guardrail_intervened"],
        "aws.bedrock.guardrail.id": "gr1",
        "bulkhead.service.tier": "default",
        "bulkhead.service.latency_mode": "standard",
        "bulkhead.service.latency_ms": 609,
    }
    assert {name: answered.get(name) for name in told} == told


def test_reasoning_is_told_on_streams_and_in_bodies_too(
    cloud: Any, session_of: Any, document: Any
) -> None:
    stop = {"stopReason": "end_turn", "additionalModelResponseFields": THOUGHT}
    cloud.stream_events = [
        ("messageStop", stop) if kind == "messageStop" else (kind, payload)
        for kind, payload in cloud.stream_events
    ]
    delivery = Delivery(heartbeat=0)
    with Bulkhead.from_config(document, session_of("222222222222"), delivery=delivery) as app:
        list(app.chat(MODEL).stream("hello"))
    (record,) = cloud.records()
    assert record["gen_ai.usage.reasoning.output_tokens"] == 7
    openai = {"prompt_tokens": 5, "completion_tokens": 9}
    anthropic = {"input_tokens": 5, "output_tokens": 9}
    for usage in (
        openai | {"completion_tokens_details": {"reasoning_tokens": 7}},
        anthropic | {"output_tokens_details": {"thinking_tokens": 7}},
    ):
        found = bodies.facts_of_body({"usage": usage})
        assert found["gen_ai.usage.reasoning.output_tokens"] == 7
    assert "gen_ai.usage.reasoning.output_tokens" not in bodies.facts_of_body({"usage": openai})
