"""What is refused before anything is sent is no call: no record and no metric, whoever made it."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import HumanMessage

from bulkhead import Bulkhead, Delivery, InvalidRequestError, NotSentError, QuotaError, Walls

MODEL = "anthropic.claude-3-5-sonnet-20240620-v1:0"
LLAMA = "meta.llama3-8b-instruct-v1:0"
AIP = "arn:aws:bedrock:eu-central-1:111111111111:application-inference-profile/"
LIMIT = {"tokens_per_minute": 1000}
WRONG = {"guardrail_config": {"no such": "member"}}


@pytest.fixture
def app(cloud: Any, session_of: Any, document: Any) -> Iterator[Bulkhead]:
    document["inference_profiles"] = {MODEL: f"{AIP}sonnet", LLAMA: f"{AIP}llama"}
    document["quotas"] = {MODEL: LIMIT, LLAMA: LIMIT}
    options: Any = {"walls": Walls(quota_wait=0), "delivery": Delivery(heartbeat=0)}
    with Bulkhead.from_config(document, session_of("222222222222"), **options) as app:
        yield app


async def _read(stream: Any) -> None:
    async for _ in stream:
        pass


WAYS: dict[str, Callable[[Any], object]] = {
    "invoke": lambda model: model.invoke("hello"),
    "stream": lambda model: list(model.stream("hello")),
    "ainvoke": lambda model: asyncio.run(model.ainvoke("hello")),
    "astream": lambda model: asyncio.run(_read(model.astream("hello"))),
    "batch": lambda model: model.batch(["one", "two"]),
    "retry": lambda model: model.with_retry(
        stop_after_attempt=2, wait_exponential_jitter=False
    ).invoke("hello"),
}
REFUSED: dict[str, tuple[type[Exception], Callable[[Bulkhead], Any]]] = {
    "Converse, quota": (QuotaError, lambda app: app.chat(MODEL, max_tokens=5000)),
    "Converse, parameters": (
        InvalidRequestError,
        lambda app: app.chat(MODEL, max_tokens=5, **WRONG),
    ),
    "ChatBedrock, quota": (QuotaError, lambda app: app.chat(MODEL, api="invoke", max_tokens=5000)),
    "BedrockLLM, quota": (QuotaError, lambda app: app.llm(LLAMA, max_tokens=5000)),
}
PATHS = [
    (kind, way)
    for kind in REFUSED
    for way in WAYS
    # A text model refuses to be awaited unless it streams.
    if (kind, way) != ("BedrockLLM, quota", "ainvoke")
]


@pytest.mark.parametrize(("kind", "way"), PATHS)
def test_a_refused_run_is_no_call(app: Bulkhead, cloud: Any, kind: str, way: str) -> None:
    error, make = REFUSED[kind]
    with pytest.raises(Exception) as caught:
        WAYS[way](make(app))
    assert isinstance(caught.value, error) or isinstance(caught.value.__cause__, error)
    # The twin: what is called next is a call, and nobody else's.
    app.chat(MODEL, max_tokens=5).invoke("hello")
    assert app.flush(60)
    (record,) = cloud.records()
    assert (record["bulkhead.status"], record["bulkhead.calls"]) == ("success", 1)
    assert len(cloud.requests("bedrock")) == app.stats.offered == 1
    assert not app.handler._running


@pytest.mark.parametrize("kind", ["quota", "parameters", "salt"])
def test_a_refused_call_of_boto3_is_none_either(app: Bulkhead, cloud: Any, kind: str) -> None:
    call: dict[str, Any] = {
        "modelId": app.inference_profile(MODEL),
        "messages": [{"role": "user", "content": [{"text": "hello"}]}],
        "inferenceConfig": {"maxTokens": 5},
    }
    wrong: dict[str, dict[str, Any]] = {
        "quota": {"inferenceConfig": {}},
        "parameters": {"system": "no list"},
        "salt": {"messages": [], "requestMetadata": {"cachePoint": "x"}},
    }
    with pytest.raises(NotSentError):
        app.runtime.converse(**{**call, **wrong[kind]})
    app.runtime.converse(**call)
    assert app.flush(60)
    assert [each["bulkhead.status"] for each in cloud.records()] == ["success"]


def test_of_several_prompts_those_before_the_refused_one_are_recorded(
    app: Bulkhead, cloud: Any
) -> None:
    """LangChain reports the refusal, and of the others nothing; their calls are billed."""
    prompts = [[HumanMessage("one")], [HumanMessage("too long " * 1000)]]
    with pytest.raises(QuotaError, match="a minute"):
        app.chat(MODEL, max_tokens=50).generate(prompts)
    app.close()
    (record,) = cloud.records()
    assert (record["bulkhead.status"], record["bulkhead.errors"]) == ("cancelled", 0)
    assert record["gen_ai.usage.output_tokens"] == 11
    assert len(cloud.requests("bedrock")) == 1


def test_what_langchain_itself_refuses_is_no_call(app: Bulkhead, cloud: Any) -> None:
    message = HumanMessage(content=[{"type": "no such kind"}])
    with pytest.raises(ValueError, match="no such kind"):
        app.chat(MODEL, max_tokens=5).invoke([message])
    assert app.close()
    assert not cloud.records()
    assert not cloud.requests("bedrock")


@pytest.mark.parametrize("way", ["ainvoke", "astream"])
def test_what_is_cancelled_before_it_is_sent_is_no_call(
    way: str, app: Bulkhead, cloud: Any
) -> None:
    """It waits for a thread of the pool, and nobody called before."""
    chat = app.chat(MODEL, max_tokens=5)
    free = threading.Event()

    async def cancel() -> None:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(1))
        busy = loop.run_in_executor(None, free.wait)
        task = asyncio.ensure_future(
            chat.ainvoke("hello") if way == "ainvoke" else _read(chat.astream("hello"))
        )
        while not app.handler._running:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        free.set()
        await busy

    asyncio.run(cancel())
    gc.collect()
    # Nobody can end it any more: it does not wait for closing.
    chat.invoke("hello")
    assert not app.handler._running
    app.close()
    assert len(cloud.requests("bedrock")) == len(cloud.records()) == 1


class Refusing(BaseCallbackHandler):
    """Another handler, which stops a run that ours has seen start: LangChain tells no end of it."""

    raise_error = True
    run_inline = True

    def on_chat_model_start(self, *_: Any, **__: Any) -> None:
        raise ValueError("not now")


@pytest.mark.parametrize("kind", ["converse", "invoke"])
@pytest.mark.parametrize(
    "how", ["invoke", "stream", "ainvoke", "astream", "cancelled in the queue"]
)
def test_a_direct_call_after_a_run_that_never_called_is_its_own(
    kind: Any, how: str, app: Bulkhead, cloud: Any
) -> None:
    callbacks = [] if how == "cancelled in the queue" else [app.handler, Refusing()]
    chat = app.chat(MODEL, api=kind, max_tokens=5, callbacks=callbacks)

    def direct() -> None:
        app.runtime.converse(
            modelId=app.inference_profile(MODEL),
            messages=[{"role": "user", "content": [{"text": "hello"}]}],
            inferenceConfig={"maxTokens": 5},
        )

    async def awaited() -> None:
        free = threading.Event()
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(1))
        busy = loop.run_in_executor(None, free.wait)
        try:
            with pytest.raises(ValueError if callbacks else TimeoutError):
                # In the same task, and so in the same context.
                async with asyncio.timeout(None if callbacks else 0.1):
                    await (
                        _read(chat.astream("hello")) if how == "astream" else chat.ainvoke("hello")
                    )
        finally:
            free.set()
        await busy
        direct()

    if how in ("invoke", "stream"):
        with pytest.raises(ValueError, match="not now"):
            list(chat.stream("hello")) if how == "stream" else chat.invoke("hello")
        direct()
    else:
        asyncio.run(awaited())
    app.close()
    (record,) = cloud.records()
    assert (record["bulkhead.source"], record["bulkhead.status"]) == ("boto3", "success")
    assert len(cloud.requests("bedrock")) == 1


def test_a_role_that_cannot_be_assumed_is_a_failed_call(
    app: Bulkhead, cloud: Any, fault: Any
) -> None:
    """It was on its way: alarms must see that an application cannot call at all."""
    cloud.faults["AssumeRole"] = [fault(403, "AccessDenied")]
    with pytest.raises(Exception, match="AccessDenied"):
        app.chat(MODEL, max_tokens=5).invoke("hello")
    assert app.flush(60)
    (record,) = cloud.records()
    assert (record["error.type"], record["bulkhead.error.code"]) == (
        "AssumeRoleError",
        "AccessDenied",
    )
    assert (record["bulkhead.calls"], record["bulkhead.errors"]) == (1, 1)
    assert "bulkhead.cost.usd" not in record
