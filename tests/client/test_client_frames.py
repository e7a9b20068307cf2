"""No frame of this library's keeps a prompt or an answer, on LangChain's paths and in streams.

That of boto3 calls is in `test_client_fleet`.
"""

from __future__ import annotations

import asyncio
import os
import traceback
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import EventStreamError

from bulkhead import Bulkhead, Walls

MODEL = "anthropic.claude-3-5-sonnet-20240620-v1:0"
CANARY = "canary-6b21"
PROMPT = [{"role": "user", "content": [{"text": CANARY}]}]
OURS = f"{os.sep}client{os.sep}bulkhead{os.sep}"


def held(error: BaseException) -> tuple[list[str], str]:
    """What each frame of ours holds, and what all frames of an exception hold."""
    own, everything = [], ""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        variables = repr(frame.f_locals)
        everything += variables
        if OURS in frame.f_code.co_filename:
            own.append(f"{frame.f_code.co_name}: {variables}")
    return own, everything


async def _read(stream: Any) -> None:
    async for _ in stream:
        pass


WAYS: dict[str, Callable[[Any], Any]] = {
    "invoke": lambda chat: chat.invoke(CANARY),
    "stream": lambda chat: list(chat.stream(CANARY)),
    "batch": lambda chat: chat.batch([CANARY]),
    "ainvoke": lambda chat: asyncio.run(chat.ainvoke(CANARY)),
    "astream": lambda chat: asyncio.run(_read(chat.astream(CANARY))),
}
# Refused by `leaks` itself: the prompt is in the call's options, too.
REFUSED: dict[str, Callable[[Any], Any]] = {
    "invoke": lambda chat: chat.invoke(CANARY, modelId="x", system=[CANARY]),
    "stream": lambda chat: list(chat.stream(CANARY, modelId="x", system=[CANARY])),
    "ainvoke": lambda chat: asyncio.run(chat.ainvoke(CANARY, modelId="x", system=[CANARY])),
    "astream": lambda chat: asyncio.run(_read(chat.astream(CANARY, modelId="x"))),
}


@pytest.fixture
def app(cloud: Any, document: Any, session_of: Any) -> Any:
    document["quotas"] = {MODEL: {"tokens_per_minute": 1000}}
    app = Bulkhead.from_config(document, session_of("222222222222"), walls=Walls(quota_wait=0))
    yield app
    app.close()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("why", ["quota", "aws"])
def test_around_a_langchain_model(
    way: str, why: str, app: Bulkhead, cloud: Any, fault: Any
) -> None:
    for operation in ("Converse", "ConverseStream"):
        cloud.faults[operation] = [fault(400, "ValidationException")]
    with pytest.raises(Exception, match="quota" if why == "quota" else "ValidationEx") as caught:
        WAYS[way](app.chat(MODEL, max_tokens=10 if why == "aws" else 2000))
    own, everything = held(caught.value)
    assert own
    assert CANARY in everything
    assert not [frame for frame in own if CANARY in frame]


@pytest.mark.parametrize("way", REFUSED)
def test_where_the_model_itself_refuses(way: str, app: Bulkhead, cloud: Any) -> None:
    with pytest.raises(TypeError, match="modelId cannot be chosen") as caught:
        REFUSED[way](app.chat(MODEL))
    own, _ = held(caught.value)
    assert own
    assert not [frame for frame in own if CANARY in frame]
    assert not cloud.requests("bedrock")


def test_in_a_stream_that_breaks(app: Bulkhead, cloud: Any) -> None:
    delta = {"contentBlockIndex": 0, "delta": {"text": CANARY}}
    cloud.stream_events = [
        ("contentBlockDelta", delta),
        ("throttlingException", {"message": "slow"}),
    ]
    asked = {"modelId": app.inference_profile(MODEL), "inferenceConfig": {"maxTokens": 5}}
    stream = app.runtime.converse_stream(messages=PROMPT, **asked)["stream"]
    seen = []
    with pytest.raises(EventStreamError) as caught:
        for event in stream:
            seen.append(event)
            del event
    assert CANARY in str(seen)
    own, _ = held(caught.value)
    assert own
    assert not [frame for frame in own if CANARY in frame]
