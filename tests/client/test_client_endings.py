"""Exactly one record per call however it ends: errors, retries, broken and abandoned calls.

Over HTTP against the embedded cloud's Bedrock, with a proxy between that breaks what it is told to.
"""

from __future__ import annotations

import asyncio
import gc
import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError, EventStreamError
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import HumanMessage
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
)
from support.client_lab import CLAUDE, LLAMA, Lab
from support.client_paths import MAKERS, PATHS, WAYS, ending, look_up, read_all
from support.fault_proxy import Fault

from bulkhead import Bulkhead

pytestmark = pytest.mark.usefixtures("looked")


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


def test_no_answer_atread_all(lab: Lab, app: Bulkhead) -> None:
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
        task = asyncio.create_task(read_all(app.chat(CLAUDE).astream(PROMPT)))
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


class Refusing(BaseCallbackHandler):
    """Another handler, which stops a run that ours has seen start: LangChain tells no end of it."""

    raise_error = run_inline = True

    def on_llm_start(self, *_: Any, **__: Any) -> None:
        raise ValueError("not now")


@pytest.mark.parametrize("way", ["invoke", "stream"])
def test_a_direct_call_after_a_text_model_that_never_called(
    way: str, lab: Lab, app: Bulkhead
) -> None:
    """In another thread, too, where a prompt is what a run is known by."""
    llm = app.llm(LLAMA, callbacks=[app.handler, Refusing()])
    with pytest.raises(ValueError, match="not now"):
        list(llm.stream(PROMPT)) if way == "stream" else llm.invoke(PROMPT)
    body = json.dumps({"prompt": PROMPT, "max_gen_len": 5})
    with ThreadPoolExecutor(1) as other:
        asked = {"modelId": app.inference_profile(LLAMA), "body": body}
        other.submit(app.runtime.invoke_model, **asked).result()["body"].read()
    record = the_record(lab, app)
    assert (record["bulkhead.source"], record["bulkhead.status"]) == ("boto3", "success")


@pytest.mark.usefixtures("impatient")
def test_a_slow_prompt_does_not_make_its_mates_late(lab: Lab, app: Bulkhead) -> None:
    """LangChain reports the end of the first when the last is over."""
    lab.proxy.faults["/converse"] = [Fault(), Fault(delay=0.4)]
    prompts = [[HumanMessage("one")], [HumanMessage("two")]]
    app.chat(CLAUDE).generate(prompts)
    lab.proxy.faults["/converse"] = [Fault(), Fault(delay=0.4)]
    asyncio.run(app.chat(CLAUDE).agenerate(prompts))
    assert [each["bulkhead.status"] for each in taken(lab, app)] == ["success"] * 4
