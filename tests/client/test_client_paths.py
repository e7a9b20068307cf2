"""Exactly one record per call on every path, over HTTP against the embedded cloud's Bedrock.

The paths are those on which langchain-aws reports differently: three model classes, six ways to
call, and each way to end. Every record is validated against the schema that is shipped.
"""

from __future__ import annotations

import asyncio
import gc
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError, EventStreamError
from langchain_core.caches import InMemoryCache
from langchain_core.messages import HumanMessage
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.tools import tool
from pydantic import BaseModel
from support.client_calls import (
    BUSY,
    DENIED,
    NO_TOOLS,
    PROMPT,
    REFUSED,
    THROTTLED,
    TOO_LONG,
    broken,
    converse_request,
    eventually,
    short,
    taken,
    the_record,
    whole,
)
from support.client_lab import CLAUDE, LLAMA, NOVA, TITAN, Lab
from support.fault_proxy import Fault

from bulkhead import Bulkhead

pytestmark = pytest.mark.usefixtures("looked")


async def _all(stream: Any) -> int:
    return len([event async for event in stream])


async def _all_v3(model: Any) -> int:
    return await _all(await model.astream_events(PROMPT, version="v3"))


WAYS: dict[str, Callable[[Any], object]] = {
    "invoke": lambda model: model.invoke(PROMPT),
    "ainvoke": lambda model: asyncio.run(model.ainvoke(PROMPT)),
    "stream": lambda model: list(model.stream(PROMPT)),
    "astream": lambda model: asyncio.run(_all(model.astream(PROMPT))),
    "events": lambda model: asyncio.run(_all(model.astream_events(PROMPT, version="v2"))),
    "events v3": lambda model: list(model.stream_events(PROMPT, version="v3")),
    "async events v3": lambda model: asyncio.run(_all_v3(model)),
}
MAKERS: dict[str, tuple[str, Callable[[Bulkhead], Any]]] = {
    "ChatBedrockConverse": (CLAUDE, lambda app: app.chat(CLAUDE, max_tokens=64)),
    "ChatBedrock": (CLAUDE, lambda app: app.chat(CLAUDE, api="invoke", max_tokens=64)),
    "ChatBedrock that streams": (
        CLAUDE,
        lambda app: app.chat(CLAUDE, api="invoke", max_tokens=64, streaming=True),
    ),
    "ChatBedrock over Converse": (NOVA, lambda app: app.chat(NOVA, api="invoke", max_tokens=64)),
    "ChatBedrock told to use Converse": (
        CLAUDE,
        lambda app: app.chat(CLAUDE, api="invoke", max_tokens=64, beta_use_converse_api=True),
    ),
    "BedrockLLM": (LLAMA, lambda app: app.llm(LLAMA, max_tokens=64)),
    "BedrockLLM that streams": (LLAMA, lambda app: app.llm(LLAMA, streaming=True)),
}
PATHS = [
    (kind, way)
    for kind in MAKERS
    for way in WAYS
    # BedrockLLM refuses to be awaited unless it streams, and LangChain's events leave it early.
    if (kind, way) != ("BedrockLLM", "ainvoke") and not ("LLM" in kind and "events" in way)
]


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


@tool
def look_up(city: str) -> str:
    """Look up canary-77e1."""
    return city


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


# --- errors and retries ---------------------------------------------------------------------------


def ending(kind: str, way: str) -> str:
    """How the path of the request ends."""
    streams = way in ("stream", "astream")
    if "Converse" in kind:
        return "/converse-stream" if streams else "/converse"
    return "/invoke-with-response-stream" if streams else "/invoke"


@pytest.mark.parametrize(
    ("kind", "way"),
    [each for each in PATHS if "streams" not in each[0] and "events" not in each[1]],
)
def test_a_throttled_call(lab: Lab, app: Bulkhead, kind: str, way: str) -> None:
    """ChatBedrock and BedrockLLM report an error twice."""
    model, make = MAKERS[kind]
    lab.proxy.faults[ending(kind, way)] = [Fault(answer=THROTTLED)] * 4
    with pytest.raises(Exception, match=r"[Tt]hrottl"):
        WAYS[way](make(app))
    record = the_record(lab, app)
    assert record["bulkhead.status"] == "error"
    assert record["error.type"] == "ThrottlingException"
    assert (record["bulkhead.errors"], record["bulkhead.throttles"]) == (1, 1)
    assert record["bulkhead.retries"] == 3
    assert record["http.response.status_code"] == 429
    assert record["aws.request_id"].startswith("fault-")
    assert record["gen_ai.request.model"] == model
    assert "bulkhead.cost.usd" not in record


@pytest.mark.parametrize(
    ("kind", "answer", "error", "raised"),
    [
        # langchain-aws raises its own class for this one, under AWS's name.
        ("ChatBedrockConverse", TOO_LONG, "ValidationException", "BedrockContextOverflowError"),
        ("ChatBedrockConverse", DENIED, "AccessDeniedException", "ClientError"),
        ("ChatBedrock", TOO_LONG, "ValidationException", "Exception"),
        ("ChatBedrock", DENIED, "AccessDeniedException", "Exception"),
        # Here it raises a ValueError, whose cause says what it was.
        ("tools", NO_TOOLS, "AccessDeniedException", "ValueError"),
        ("BedrockLLM", DENIED, "AccessDeniedException", "Exception"),
    ],
)
def test_an_error_goes_by_the_code_of_aws(
    lab: Lab, app: Bulkhead, kind: str, answer: Any, error: str, raised: str
) -> None:
    """Whatever class LangChain makes of it."""
    made = MAKERS["ChatBedrockConverse" if kind == "tools" else kind][1](app)
    if kind == "tools":
        made = made.bind_tools([look_up])
    lab.proxy.faults[ending(kind.replace("tools", "Converse"), "invoke")] = [Fault(answer=answer)]
    with pytest.raises(Exception, match=r"canary|InvokeTool") as caught:
        made.invoke(PROMPT)
    assert raised in [each.__name__ for each in type(caught.value).__mro__]
    record = the_record(lab, app)
    assert (record["bulkhead.status"], record["error.type"]) == ("error", error)
    assert (record["bulkhead.errors"], record["bulkhead.throttles"]) == (1, 0)
    assert record["aws.request_id"].startswith("fault-")
    assert record["bulkhead.retries"] == 0


@pytest.mark.parametrize("kind", ["ChatBedrockConverse", "ChatBedrock", "BedrockLLM"])
def test_retries_of_the_sdk(lab: Lab, app: Bulkhead, kind: str) -> None:
    lab.proxy.faults[ending(kind, "invoke")] = [Fault(answer=BUSY)] * 2
    MAKERS[kind][1](app).invoke(PROMPT)
    record = the_record(lab, app)
    assert (record["bulkhead.status"], record["bulkhead.retries"]) == ("success", 2)


@pytest.mark.parametrize("kind", ["ChatBedrockConverse", "ChatBedrock"])
def test_retries_of_langchain_are_calls_of_their_own(lab: Lab, app: Bulkhead, kind: str) -> None:
    lab.proxy.faults[ending(kind, "invoke")] = [Fault(answer=REFUSED)] * 2
    chat = MAKERS[kind][1](app).with_retry(wait_exponential_jitter=False, stop_after_attempt=3)
    chat.invoke(PROMPT)
    one, two, three = taken(lab, app)
    assert [each["bulkhead.status"] for each in (one, two, three)] == ["error", "error", "success"]
    assert [each.get("bulkhead.attempt") for each in (one, two, three)] == [None, 2, 3]


def test_no_answer_at_all(lab: Lab, app: Bulkhead) -> None:
    lab.proxy.faults["/converse"] = [Fault(silent=True)] * 4
    with pytest.raises(Exception, match=r"closed|Connection"):
        app.chat(CLAUDE).invoke(PROMPT)
    record = the_record(lab, app)
    assert record["bulkhead.status"] == "error"
    assert record["bulkhead.errors"] == 1
    assert record["bulkhead.retries"] == 3
    assert "gen_ai.usage.input_tokens" not in record


# --- streams that end otherwise -------------------------------------------------------------------


@pytest.mark.parametrize("way", ["stream", "astream"])
@pytest.mark.parametrize("kind", ["ChatBedrockConverse", "ChatBedrock", "BedrockLLM"])
def test_a_stream_that_breaks(lab: Lab, app: Bulkhead, kind: str, way: str) -> None:
    lab.proxy.faults[ending(kind, way)] = [Fault(body=broken)]
    with pytest.raises(EventStreamError):
        WAYS[way](MAKERS[kind][1](app))
    record = the_record(lab, app)
    assert record["bulkhead.status"] == "error"
    assert record["error.type"] == "ThrottlingException"
    assert record["bulkhead.throttles"] == 1
    assert len(record["aws.request_id"]) == 36
    assert record["gen_ai.response.time_to_first_chunk"] > 0
    assert "gen_ai.usage.output_tokens" not in record
    assert "bulkhead.cost.usd" not in record


def test_a_connection_that_breaks_in_a_stream(lab: Lab, app: Bulkhead) -> None:
    lab.proxy.faults["/converse-stream"] = [Fault(cut=300)]
    with pytest.raises(Exception, match=r"ncomplete|broken|IncompleteRead"):
        list(app.chat(CLAUDE).stream(PROMPT))
    record = the_record(lab, app)
    assert (record["bulkhead.status"], record["bulkhead.errors"]) == ("error", 1)
    assert len(record["aws.request_id"]) == 36


def test_a_stream_that_is_short(lab: Lab, app: Bulkhead) -> None:
    lab.proxy.faults["/converse-stream"] = [Fault(body=short)]
    with pytest.raises(ConnectionError):
        list(app.chat(CLAUDE).stream(PROMPT))
    record = the_record(lab, app)
    assert (record["bulkhead.status"], record["error.type"]) == ("error", "ConnectionError")


@pytest.mark.parametrize("kind", ["ChatBedrockConverse", "ChatBedrock", "BedrockLLM"])
def test_a_consumer_that_stops_early(lab: Lab, app: Bulkhead, kind: str) -> None:
    made = MAKERS[kind][1](app)
    stream = made.stream(PROMPT)
    next(stream)
    stream.close()

    async def leave() -> None:
        async for _ in made.astream(PROMPT):
            break

    asyncio.run(leave())
    del stream
    gc.collect()
    for record in taken(lab, app):
        assert record["bulkhead.status"] == "cancelled"
        assert record["bulkhead.errors"] == 0
        assert len(record["aws.request_id"]) == 36
        assert record["gen_ai.response.time_to_first_chunk"] > 0
        assert "bulkhead.cost.usd" not in record


@pytest.mark.parametrize("kind", ["ChatBedrockConverse", "ChatBedrock"])
@pytest.mark.usefixtures("impatient")
def test_a_cancelled_ainvoke_is_recorded_with_what_it_used(
    lab: Lab, app: Bulkhead, kind: str
) -> None:
    """LangChain reports neither its end nor an error, and the call goes on and is billed."""
    chat = MAKERS[kind][1](app)
    lab.proxy.faults[ending(kind, "invoke")] = [Fault(delay=0.3)]

    async def cancel() -> None:
        task = asyncio.create_task(chat.ainvoke(PROMPT))
        while not any(path.startswith("/model/") for path in lab.proxy.calls):
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    record = eventually(lab, app)
    assert (record["bulkhead.status"], record["error.type"]) == ("cancelled", "unfinished")
    assert record["gen_ai.usage.output_tokens"] > 0
    assert record["gen_ai.response.finish_reasons"] == ["end_turn"]
    assert record["bulkhead.cost.usd"] > 0
    assert len(record["aws.request_id"]) == 36


def test_a_cancelled_astream(lab: Lab, app: Bulkhead) -> None:
    lab.proxy.faults["/converse-stream"] = [Fault(delay=0.3)]

    async def cancel() -> None:
        task = asyncio.create_task(_all(app.chat(CLAUDE).astream(PROMPT)))
        while not any(path.startswith("/model/") for path in lab.proxy.calls):
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    gc.collect()
    record = the_record(lab, app)
    assert (record["bulkhead.status"], record["error.type"]) == ("cancelled", "CancelledError")
    assert record["gen_ai.request.model"] == CLAUDE


@pytest.mark.usefixtures("impatient")
def test_prompts_whose_end_is_never_reported(lab: Lab, app: Bulkhead) -> None:
    """An error ends a `generate`: of calls before it LangChain says nothing, none come after."""
    before = app.stats.offered
    lab.proxy.faults["/converse"] = [Fault(), Fault(answer=REFUSED)]
    with pytest.raises(ClientError):
        app.chat(CLAUDE).generate([[HumanMessage(f"{PROMPT} {n}")] for n in range(3)])
    until = time.monotonic() + 10
    while app.stats.offered < before + 2 and time.monotonic() < until:
        time.sleep(0.02)
    records = lab.records(app)
    failed, silent = sorted(records, key=lambda each: str(each["bulkhead.status"]), reverse=True)
    assert (failed["bulkhead.status"], failed["error.type"]) == ("error", "ModelErrorException")
    assert (silent["bulkhead.status"], silent["error.type"]) == ("cancelled", "unfinished")
    assert silent["gen_ai.usage.output_tokens"] > 0
    # The third never called: what is called next in this thread is not its own.
    app.runtime.converse(**converse_request(app))
    assert the_record(lab, app)["bulkhead.source"] == "boto3"


def test_an_error_among_a_text_models_prompts(lab: Lab, app: Bulkhead) -> None:
    """LangChain reports it for all of them, those that were answered or never sent too."""
    lab.proxy.faults["/invoke"] = [Fault(), Fault(answer=REFUSED)]
    with pytest.raises(ClientError):
        app.llm(LLAMA).generate([f"{PROMPT} {n}" for n in range(3)])
    good, bad = taken(lab, app)
    assert (good["bulkhead.status"], bad["bulkhead.status"]) == ("success", "error")
    app.runtime.converse(**converse_request(app))
    assert the_record(lab, app)["bulkhead.source"] == "boto3"


@pytest.mark.usefixtures("impatient")
def test_a_slow_prompt_does_not_make_its_mates_late(lab: Lab, app: Bulkhead) -> None:
    """LangChain reports the end of the first when the last is over."""
    lab.proxy.faults["/converse"] = [Fault(), Fault(delay=0.4)]
    prompts = [[HumanMessage("one")], [HumanMessage("two")]]
    app.chat(CLAUDE).generate(prompts)
    lab.proxy.faults["/converse"] = [Fault(), Fault(delay=0.4)]
    asyncio.run(app.chat(CLAUDE).agenerate(prompts))
    assert [each["bulkhead.status"] for each in taken(lab, app)] == ["success"] * 4


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
