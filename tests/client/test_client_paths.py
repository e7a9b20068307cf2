"""Exactly one record per call on every path, over HTTP against the embedded cloud's Bedrock.

The paths are those on which langchain-aws reports differently: three model classes, six ways to
call. Every record is validated against the schema that is shipped. How calls end otherwise is in
test_client_endings.py.
"""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.messages import HumanMessage
from langchain_core.prompts import ChatPromptTemplate
from pydantic import BaseModel
from support.client_calls import PROMPT, taken, the_record, whole
from support.client_lab import CLAUDE, TITAN, Lab
from support.client_paths import MAKERS, PATHS, WAYS, look_up

from bulkhead import Bulkhead

pytestmark = pytest.mark.usefixtures("looked")


@pytest.mark.filterwarnings("ignore:.*is in beta")
@pytest.mark.parametrize(("kind", "way"), PATHS)
def test_every_path_leaves_one_whole_record(lab: Lab, app: Bulkhead, kind: str, way: str) -> None:
    model, make = MAKERS[kind]
    WAYS[way](make(app))
    (record,) = taken(lab, app)
    whole(record, lab, model)
    assert record["bulkhead.source"] == "langchain"
    assert record["bulkhead.run.duration"] >= record["gen_ai.client.operation.duration"]
    priced = record["gen_ai.request.model"] == CLAUDE
    assert (record.get("bulkhead.cost.usd", 0) > 0) is priced


@pytest.mark.parametrize("kind", list(MAKERS))
def test_batches_leave_one_record_per_item(lab: Lab, app: Bulkhead, kind: str) -> None:
    model, make = MAKERS[kind]
    made = make(app)
    made.batch([f"{PROMPT} {n}" for n in range(5)], config={"max_concurrency": 3})
    if kind != "BedrockLLM":
        asyncio.run(made.abatch([f"{PROMPT} {n}" for n in range(5, 8)]))
    records = taken(lab, app)
    assert len(records) == (5 if kind == "BedrockLLM" else 8)
    for record in records:
        whole(record, lab, model)
    assert len({record["aws.request_id"] for record in records}) == len(records)


@pytest.mark.parametrize("kind", ["ChatBedrockConverse", "ChatBedrock"])
def test_generate_with_many_prompts_tells_its_calls_apart(
    lab: Lab, app: Bulkhead, kind: str
) -> None:
    """LangChain starts all runs of a `generate` before the first call, and ends them after all."""
    chat = MAKERS[kind][1](app)
    prompts = [[HumanMessage("one")], [HumanMessage("two " * 30)], [HumanMessage("three " * 90)]]
    chat.generate(prompts)
    records = taken(lab, app)
    sizes = [record["gen_ai.usage.input_tokens"] for record in records]
    assert sizes == sorted(sizes)
    assert len({record["aws.request_id"] for record in records}) == 3
    asyncio.run(chat.agenerate(prompts))
    records = taken(lab, app)
    assert len({record["aws.request_id"] for record in records}) == 3
    assert sorted(record["gen_ai.usage.input_tokens"] for record in records) == sizes


class Answer(BaseModel):
    """canary-77e1"""

    city: str


@pytest.mark.parametrize("kind", ["ChatBedrockConverse", "ChatBedrock"])
def test_tools_and_structured_output(lab: Lab, app: Bulkhead, kind: str) -> None:
    chat = MAKERS[kind][1](app)
    chat.bind_tools([look_up], tool_choice="look_up").invoke(PROMPT)
    chat.with_structured_output(Answer).invoke(PROMPT)
    (ChatPromptTemplate.from_messages([("human", "{x}")]) | chat).invoke({"x": PROMPT})
    records = taken(lab, app)
    assert len(records) == 3
    for record in records:
        whole(record, lab, CLAUDE)
    reasons = [record["gen_ai.response.finish_reasons"] for record in records]
    assert reasons == [["tool_use"], ["tool_use"], ["end_turn"]]


def test_an_answer_that_does_not_parse_is_still_a_good_call(lab: Lab, app: Bulkhead) -> None:
    class Strict(BaseModel):
        """Cannot be."""

        when: str

        def model_post_init(self, _: Any) -> None:
            raise ValueError("canary")

    chain = app.chat(CLAUDE).with_structured_output(Strict)
    with pytest.raises(Exception, match="canary"):
        chain.invoke(PROMPT)
    whole(the_record(lab, app), lab, CLAUDE)


# --- prompt cache, LangChain's cache, guardrails --------------------------------------------------


@pytest.mark.parametrize("way", ["invoke", "stream"])
@pytest.mark.parametrize("kind", ["converse", "invoke"])
def test_the_prompt_cache_is_counted_by_lifetime(
    lab: Lab, app: Bulkhead, kind: str, way: str
) -> None:
    system = f"{kind} {way} " + "wall " * 1100
    fresh = f"{kind} {way} " + "gate " * 1100
    # langchain-aws forgets the lifetime on the way to InvokeModel.
    if kind == "converse":
        messages: list[Any] = [
            ("system", [{"text": system}, {"cachePoint": {"type": "default", "ttl": "1h"}}]),
            ("human", [{"text": fresh}, {"cachePoint": {"type": "default"}}, {"text": "and?"}]),
        ]
    else:
        control = {"type": "ephemeral"}
        messages = [
            ("system", [{"type": "text", "text": system, "cache_control": control}]),
            (
                "human",
                [
                    {"type": "text", "text": fresh, "cache_control": control},
                    {"type": "text", "text": "and?"},
                ],
            ),
        ]
    chat = app.chat(CLAUDE, api=kind, max_tokens=32)
    for _ in range(2):
        if way == "stream":
            list(chat.stream(messages))
        else:
            chat.invoke(messages)
    first, second = taken(lab, app)
    written = first["gen_ai.usage.cache_creation.input_tokens"]
    hour_long = first["bulkhead.usage.cache_creation_1h.input_tokens"]
    short = first["bulkhead.usage.cache_creation_5m.input_tokens"]
    assert (hour_long > 1024) is (kind == "converse")
    assert short > 1024
    assert hour_long + short == written == second["gen_ai.usage.cache_read.input_tokens"]
    assert first["gen_ai.usage.cache_read.input_tokens"] == 0
    assert second["gen_ai.usage.cache_creation.input_tokens"] == 0
    assert first["gen_ai.usage.input_tokens"] == second["gen_ai.usage.input_tokens"] > written
    rest = first["gen_ai.usage.input_tokens"] - written
    out = 15 * first["gen_ai.usage.output_tokens"]
    cost = (3 * rest + 3.75 * short + 6 * hour_long + out) / 1e6
    assert first["bulkhead.cost.usd"] == pytest.approx(cost)
    cost = (3 * rest + 0.3 * written + 15 * second["gen_ai.usage.output_tokens"]) / 1e6
    assert second["bulkhead.cost.usd"] == pytest.approx(cost)
    assert second["bulkhead.cost.prices_as_of"] == "2026-01-31"


@pytest.mark.parametrize("kind", ["converse", "invoke"])
def test_langchains_cache_costs_nothing(lab: Lab, app: Bulkhead, kind: str) -> None:
    chat = app.chat(CLAUDE, api=kind, cache=InMemoryCache())
    chat.invoke(PROMPT)
    chat.invoke(PROMPT)
    asyncio.run(chat.ainvoke(PROMPT))
    first, *hits = taken(lab, app, calls=3)
    whole(first, lab, CLAUDE)
    for hit in hits:
        assert hit["bulkhead.cache_hit"] is True
        assert hit["bulkhead.cost.usd"] == 0
        assert hit["gen_ai.request.model"] == CLAUDE
        unwanted = {"bulkhead.calls", "aws.request_id", "gen_ai.usage.input_tokens", "_aws"}
        assert not unwanted & hit.keys()


def test_a_cached_answer_among_several_prompts_takes_nobodys_call(lab: Lab, app: Bulkhead) -> None:
    chat = app.chat(CLAUDE, api="invoke", cache=InMemoryCache())
    chat.invoke([HumanMessage("known")])
    (known,) = taken(lab, app)
    chat.generate([[HumanMessage("known")], [HumanMessage("new " * 50)]])
    hit, new = taken(lab, app, calls=2)
    assert hit["bulkhead.cache_hit"] is True
    assert new["gen_ai.usage.input_tokens"] > known["gen_ai.usage.input_tokens"]
    assert new["aws.request_id"] != known["aws.request_id"]


@pytest.mark.parametrize("way", ["invoke", "stream"])
@pytest.mark.parametrize("kind", ["converse", "invoke"])
def test_a_guardrail_that_intervenes(lab: Lab, app: Bulkhead, kind: str, way: str) -> None:
    name = "guardrail_config" if kind == "converse" else "guardrails"
    settings = {"guardrailIdentifier": lab.guardrail, "guardrailVersion": "DRAFT"}
    trace = {"trace": "enabled"} if kind == "converse" else {"trace": True}
    chat = app.chat(CLAUDE, api=kind, **{name: {**settings, **trace}})
    for prompt in ("dynamite canary", PROMPT):
        if way == "stream":
            list(chat.stream(prompt))
        else:
            chat.invoke(prompt)
    blocked, passed = taken(lab, app)
    assert blocked["bulkhead.status"] == passed["bulkhead.status"] == "success"
    assert blocked["bulkhead.guardrail_intervened"] is True
    assert "bulkhead.guardrail_intervened" not in passed
    assert blocked["aws.bedrock.guardrail.id"] == lab.guardrail
    assert "dynamite" not in json.dumps(blocked)
    if kind == "converse":
        assert blocked["gen_ai.response.finish_reasons"] == ["guardrail_intervened"]


# --- several at a time ----------------------------------------------------------------------------


def test_many_threads_and_tasks_do_not_mix_their_calls(lab: Lab, app: Bulkhead) -> None:
    converse, invoke = app.chat(CLAUDE, max_tokens=16), app.chat(CLAUDE, api="invoke")
    runtime, profile = app.runtime, app.inference_profile(CLAUDE)

    def direct(n: int) -> None:
        message = {"role": "user", "content": [{"text": f"direct {n}"}]}
        runtime.converse(modelId=profile, messages=[message])

    def langchain(n: int) -> None:
        model = invoke if n % 2 else converse
        config: Any = {"metadata": {"conversation_id": f"c-{n}"}}
        for _ in model.stream(PROMPT, config=config):
            pass

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(direct, range(8)))
        list(pool.map(lambda n: (direct if n % 3 else langchain)(n), range(18)))
    records = taken(lab, app)
    assert len(records) == 26
    assert len({record["aws.request_id"] for record in records}) == 26
    named = {r["gen_ai.conversation.id"] for r in records if r["bulkhead.source"] == "langchain"}
    assert named == {f"c-{n}" for n in range(0, 18, 3)}


def test_a_call_inside_a_langchain_stream_is_a_call_of_its_own(lab: Lab, app: Bulkhead) -> None:
    message = {"role": "user", "content": [{"text": "direct"}]}
    chat = app.chat(CLAUDE)
    for number, _ in enumerate(chat.stream(PROMPT)):
        if number == 0:
            app.runtime.converse(modelId=app.inference_profile(CLAUDE), messages=[message])
            chat.invoke("nested")
            app.embeddings(TITAN).embed_query("hello")
    records = taken(lab, app)
    sources = sorted((each["bulkhead.source"], each["rpc.method"]) for each in records)
    assert sources == [
        ("boto3", "Converse"),
        ("boto3", "InvokeModel"),
        ("langchain", "Converse"),
        ("langchain", "ConverseStream"),
    ]
    assert all(each["bulkhead.status"] == "success" for each in records)
