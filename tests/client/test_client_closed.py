"""After closing nobody records a call, so none leaves."""

from __future__ import annotations

import asyncio
import os
import threading
import warnings
from collections.abc import Callable
from typing import Any

import pytest

from bulkhead import Bulkhead
from bulkhead.errors import ClosedError

CUSTOMER = "222222222222"
MODEL = "anthropic.claude-3-5-sonnet-20240620-v1:0"
PROMPT = [{"role": "user", "content": [{"text": "hello"}]}]


@pytest.fixture
def app(cloud: Any, document: dict[str, Any], session_of: Any) -> Any:
    app = Bulkhead.from_config(document, session_of(CUSTOMER))
    yield app
    app.close()


def converse(app: Bulkhead) -> Any:
    return app.runtime.converse(modelId=app.inference_profile(MODEL), messages=PROMPT)


async def _read(app: Bulkhead) -> None:
    async for _ in app.chat(MODEL).astream("hello"):
        pass


CALLS: dict[str, Callable[[Bulkhead], Any]] = {
    "Converse": converse,
    "ConverseStream": lambda app: app.runtime.converse_stream(
        modelId=app.inference_profile(MODEL), messages=PROMPT
    ),
    "InvokeModel": lambda app: app.runtime.invoke_model(
        modelId=app.inference_profile(MODEL), body=b'{"messages": []}'
    ),
    "invoke": lambda app: app.chat(MODEL).invoke("hello"),
    "stream": lambda app: list(app.chat(MODEL).stream("hello")),
    "ainvoke": lambda app: asyncio.run(app.chat(MODEL).ainvoke("hello")),
    "astream": lambda app: asyncio.run(_read(app)),
    "batch": lambda app: app.chat(MODEL).batch(["hello", "hello"]),
    "ChatBedrock": lambda app: app.chat(MODEL, api="invoke").invoke("hello"),
}
CLOSINGS: dict[str, Callable[[Bulkhead], object]] = {
    "the app": lambda app: app.close(),
    "the writer": lambda app: app.writer.close(),
}


@pytest.mark.parametrize(
    ("call", "closing"),
    [*((call, "the app") for call in CALLS), ("Converse", "the writer"), ("invoke", "the writer")],
)
def test_a_call_after_closing_is_not_sent(
    app: Bulkhead, cloud: Any, call: str, closing: str
) -> None:
    CLOSINGS[closing](app)
    with pytest.raises(ClosedError, match="it was not sent"):
        CALLS[call](app)
    assert cloud.requests("bedrock") == []
    assert cloud.requests("sts", "AssumeRole") == []


def test_before_closing_it_is_sent_and_recorded(app: Bulkhead, cloud: Any) -> None:
    converse(app)
    app.chat(MODEL).invoke("hello")
    assert app.close()
    kinds = [each["bulkhead.record.type"] for each in cloud.records()]
    assert kinds.count("call") == len(cloud.requests("bedrock")) == 2


def test_closing_in_the_middle_of_a_call(app: Bulkhead, cloud: Any) -> None:
    """It passed the first look, and has not been sent."""
    app.runtime.meta.events.register("before-sign", lambda **_: app.close())
    with pytest.raises(ClosedError):
        converse(app)
    assert cloud.requests("bedrock") == []


def test_what_is_under_way_has_its_record(app: Bulkhead, cloud: Any) -> None:
    cloud.delay = 0.5
    converses = threading.Thread(target=converse, args=(app,))
    app.session._credentials.get_frozen_credentials()
    converses.start()
    while not cloud.requests("bedrock"):
        pass
    cloud.delay = 0.0
    assert app.close()
    converses.join(10)
    (call,) = [each for each in cloud.records() if each["bulkhead.record.type"] == "call"]
    assert (call["bulkhead.status"], call["error.type"]) == ("cancelled", "unfinished")
    assert app.stats.lost == 0


def test_a_forked_child_is_open_again(app: Bulkhead, cloud: Any) -> None:
    """Its writer is a new one, which records."""
    app.close()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        code = 1
        try:
            stream = app.runtime.converse_stream(
                modelId=app.inference_profile(MODEL), messages=PROMPT
            )
            code = 0 if app.close() and stream else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    (call,) = [each for each in cloud.records() if each["bulkhead.record.type"] == "call"]
    assert call["bulkhead.status"] == "cancelled"  # nobody read the stream; closing recorded it
