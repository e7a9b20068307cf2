"""One application with all of the client: its walls, its records and their delivery at once."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from langchain_core.globals import set_debug
from langchain_core.messages import HumanMessage, SystemMessage
from langchain_core.tools import tool
from support.writing import until

from bulkhead import Bulkhead, Delivery, LeakError, QuotaError, Walls
from bulkhead.exchange import Exchange
from bulkhead.janitor import Janitor
from bulkhead.salt import salt_of

MODEL = "anthropic.claude-3-5-sonnet-20240620-v1:0"
NOVA = "amazon.nova-lite-v1:0"
LLAMA = "meta.llama3-8b-instruct-v1:0"
PROFILE = "arn:aws:bedrock:eu-central-1:111111111111:application-inference-profile/acmesonnet1"
CONTENT = "/bulkhead/acme/content"
CANARY = "canary-19cd"
POINT = {"cachePoint": {"type": "default"}}


@pytest.fixture
def app_of(cloud: Any, session_of: Any, document: Any) -> Iterator[Callable[..., Bulkhead]]:
    """Make an application with these options; it is closed in the end."""
    document["inference_profiles"] |= {NOVA: PROFILE + "n", LLAMA: PROFILE + "m"}
    made: list[Bulkhead] = []

    def make(**options: Any) -> Bulkhead:
        delivery = Delivery(linger=0, heartbeat=0)
        options = {"delivery": delivery, **options}
        made.append(Bulkhead.from_config(document, session_of("222222222222"), **options))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def debugging() -> Iterator[None]:
    """LangChain's debug mode, which prints prompts."""
    set_debug(True)
    yield
    set_debug(False)


@tool
def look_up(city: str) -> str:
    """Look a city up."""
    return city


MODELS: dict[str, Callable[[Bulkhead], Any]] = {
    "ChatBedrockConverse": lambda app: app.chat(MODEL),
    "ChatBedrock": lambda app: app.chat(MODEL, api="invoke"),
    "ChatBedrock over Converse": lambda app: app.chat(NOVA, api="invoke"),
    "ChatBedrock over Converse, with tools": lambda app: app.chat(NOVA, api="invoke").bind_tools(
        [look_up]
    ),
    "BedrockLLM": lambda app: app.llm(LLAMA),
}


@pytest.mark.usefixtures("debugging")
@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("way", ["invoke", "stream"])
def test_every_model_is_walled(
    kind: str, way: str, app_of: Any, cloud: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    app = app_of()
    model = MODELS[kind](app)
    with pytest.raises(LeakError, match="langchain-debug"):
        list(getattr(model, way)(CANARY))
    assert CANARY not in capsys.readouterr().out
    assert not cloud.requests("bedrock")
    assert app.flush(60)
    assert not cloud.records()  # nothing was called
    # The twin: allowed by name, the same model calls.
    allowed = app_of(walls=Walls(allow={"langchain-debug"}))
    text = {"type": "text", "text": "x"}
    cloud.answers["invoke"] = {"content": [text], "stop_reason": "end_turn", "generation": "x"}
    try:
        list(getattr(MODELS[kind](allowed), way)(CANARY))
    except LeakError:
        raise
    except Exception:  # the tiny cloud streams no InvokeModel
        assert way == "stream"
    assert cloud.requests("bedrock")


def test_embeddings_are_not_made_where_something_else_sees_all(
    app_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = app_of()
    app.embeddings(NOVA)
    monkeypatch.setenv("LANGSMITH_TRACING", "true")
    for make in (app.embeddings, app.llm, app.chat):
        with pytest.raises(LeakError, match="LANGSMITH_TRACING is set"):
            make(NOVA)


def test_what_binds_tools_is_recorded_as_the_models_own_run(app_of: Any, cloud: Any) -> None:
    app = app_of()
    chat = app.chat(NOVA, api="invoke").bind_tools([look_up])
    chat.invoke("hello", config={"metadata": {"conversation_id": "c-1"}})
    assert app.flush(60)
    (record,) = cloud.records()
    assert record["bulkhead.source"] == "langchain"
    assert record["gen_ai.conversation.id"] == "c-1"
    assert record["gen_ai.request.model"] == NOVA


@pytest.mark.parametrize("how", ["copied", "changed"])
@pytest.mark.parametrize("kind", [kind for kind in MODELS if "tools" not in kind])
def test_a_model_that_is_given_another_id_later_is_recorded_once(
    kind: str, how: str, app_of: Any, cloud: Any
) -> None:
    text = {"type": "text", "text": "x"}
    cloud.answers["invoke"] = {"content": [text], "stop_reason": "end_turn", "generation": "x"}
    app = app_of()
    model = MODELS[kind](app)
    model.invoke("hello")
    # The twin: what has not changed is not looked up anew.
    told = model._serialized
    model.invoke("hello")
    assert model._serialized is told
    if how == "copied":
        model = model.model_copy(update={"model_id": PROFILE + "o"})
    else:
        model.model_id = PROFILE + "o"
    model.invoke("hello")
    assert app.flush(60)
    records = cloud.records()
    assert {record["bulkhead.source"] for record in records} == {"langchain"}
    asked = [call.body["modelId"] for call in cloud.requests("bedrock")]
    assert [record["bulkhead.inference_profile.arn"] for record in records] == asked
    assert asked[0] == asked[1] != asked[2] == PROFILE + "o"


@pytest.mark.parametrize("way", ["converse", "converse_stream", "langchain"])
def test_a_call_is_salted_and_recorded_once(way: str, app_of: Any, cloud: Any) -> None:
    app = app_of()
    if way == "langchain":
        system = SystemMessage([{"type": "text", "text": "Be brief."}, POINT])
        app.chat(MODEL).invoke([system, HumanMessage("hello")])
    else:
        answer = getattr(app.runtime, way)(
            modelId=app.inference_profile(MODEL),
            system=[{"text": "Be brief."}, POINT],
            messages=[{"role": "user", "content": [{"text": "hello"}]}],
        )
        list(answer.get("stream", ()))
    assert app.flush(60)
    (call,) = cloud.requests("bedrock")
    assert call.body["system"][0]["text"] == salt_of(app.config)
    (record,) = cloud.records()
    assert record["bulkhead.status"] == "success"
    assert "cache partition" not in json.dumps(record)


def test_a_call_without_room_in_the_quota_is_no_throttle(
    app_of: Any, cloud: Any, document: Any, fault: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Retries at once: how long to wait is botocore's matter.
    clock = SimpleNamespace(sleep=lambda _: None, time=time.time)
    monkeypatch.setattr("botocore.endpoint.time", clock)
    document["quotas"] = {MODEL: {"tokens_per_minute": 100}}
    app = app_of(walls=Walls(quota_wait=0))
    with pytest.raises(QuotaError):
        app.chat(MODEL, max_tokens=900).invoke(CANARY)
    with pytest.raises(QuotaError):
        app.runtime.converse(
            modelId=app.inference_profile(MODEL),
            messages=[{"role": "user", "content": [{"text": CANARY}]}],
            inferenceConfig={"maxTokens": 900},
        )
    assert app.flush(60)
    assert not cloud.requests("bedrock")
    assert not cloud.records()  # nor a call
    assert app.stats.offered == 0
    # The twin: what there is room for is both, and what Bedrock throttles counts.
    cloud.faults["Converse"] = [fault(429, "ThrottlingException")] * 4
    with pytest.raises(ClientError, match="ThrottlingException"):
        app.chat(MODEL, max_tokens=5).invoke("x")
    assert app.flush(60)
    (record,) = cloud.records()
    assert (record["bulkhead.errors"], record["bulkhead.throttles"]) == (1, 1)


def test_content_has_a_writer_a_spool_and_no_heartbeat_of_its_own(
    app_of: Any, cloud: Any, document: Any, tmp_path: Path
) -> None:
    document["content"] = {"log_group_name": CONTENT}
    cloud.groups[("222222222222", "eu-central-1", CONTENT)] = {}
    app = app_of(content=True, spool=tmp_path, delivery=Delivery(linger=0, heartbeat=0.05))
    app.chat(MODEL).invoke(f"ask ada@example.com about {CANARY}")
    assert app.flush(60)
    (content,) = cloud.records(group=CONTENT)
    calls = [each for each in cloud.records() if each["bulkhead.record.type"] == "call"]
    assert content["bulkhead.call.record.id"] == calls[0]["bulkhead.record.id"]
    assert CANARY in json.dumps(content)
    assert len(list(tmp_path.iterdir())) == 2
    until(lambda: any(each["bulkhead.record.type"] == "heartbeat" for each in cloud.records()))
    app.close()
    assert {each["bulkhead.record.type"] for each in cloud.records(group=CONTENT)} == {"content"}


def test_closing_and_flushing_share_their_time_between_both_writers(
    app_of: Any, cloud: Any, document: Any
) -> None:
    document["content"] = {"log_group_name": CONTENT}
    app = app_of(content=True)
    asked: list[float] = []

    def slow(timeout: float) -> bool:
        asked.append(timeout)
        threading.Event().wait(min(timeout, 0.1))
        return False

    for writer in (app.writer, app.content_writer):
        writer.flush = writer.close = slow
    assert not app.flush(0.1)
    assert not app.close(0.1)
    assert asked == pytest.approx([0.1, 0, 0.1, 0], abs=0.02)
    for writer in (app.writer, app.content_writer):
        del writer.flush, writer.close


def test_tidying_waits_for_the_janitor() -> None:
    """What it has taken off its queue is handed over when `tidy` returns, or a flush misses it."""
    janitor = Janitor()
    taken, go, ended = threading.Event(), threading.Event(), threading.Event()

    def slowly(_: Exchange) -> None:
        taken.set()
        assert go.wait(10)
        ended.set()

    janitor.start()
    Exchange("m", slowly, janitor.dropped)  # dropped at once
    assert taken.wait(10)
    opener = threading.Timer(0.1, go.set)
    opener.start()
    janitor.tidy()
    assert ended.is_set()
    opener.join()
    janitor.stop()
