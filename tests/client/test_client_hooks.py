"""Piece by piece: the recorder on any boto3 client, with and without LangChain."""

from __future__ import annotations

import gc
import json
import logging
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from langchain_core.messages import HumanMessage
from support.client_lab import valid

from bulkhead import (
    Bulkhead,
    CallRecorder,
    InvocationHandler,
    LeakError,
    ModelSession,
    RecordMaker,
    RequestRefusedError,
)
from bulkhead.config import BulkheadConfig
from bulkhead.hooks import asked

MODEL = "anthropic.claude-3-5-sonnet-20240620-v1:0"
PROFILE = "arn:aws:bedrock:eu-central-1:111111111111:application-inference-profile/acmesonnet1"
CANARY = "canary-5be2"
ASKED: dict[str, Any] = {
    "modelId": PROFILE,
    "messages": [{"role": "user", "content": [{"text": CANARY}]}],
}


@pytest.fixture
def session(session_of: Any) -> boto3.Session:
    made = session_of("222222222222")
    made._session.set_config_variable("region", "eu-central-1")
    return made  # type: ignore[no-any-return]


@pytest.fixture
def records() -> list[dict[str, Any]]:
    return []


@pytest.fixture
def recorder(records: list[dict[str, Any]]) -> CallRecorder:
    maker = RecordMaker({"bulkhead.app": "orders"}, {PROFILE: MODEL})
    return CallRecorder(lambda record, _: records.append(valid(dict(record))), maker)


@pytest.mark.parametrize("where", ["client", "session", "botocore session"])
def test_a_recorder_watches_what_it_is_attached_to(
    where: str, session: boto3.Session, recorder: CallRecorder, records: list[Any]
) -> None:
    if where == "client":
        client = session.client("bedrock-runtime")
        recorder.attach(client)
        recorder.attach(client)
    else:
        recorder.attach(session if where == "session" else session._session)
        client = session.client("bedrock-runtime")
    client.converse(**ASKED)
    (record,) = records
    assert record["gen_ai.request.model"] == MODEL
    assert record["gen_ai.usage.input_tokens"] == 175
    assert record["bulkhead.app"] == "orders"
    other = boto3.Session("a", "b", region_name="eu-central-1").client("bedrock-runtime")
    with pytest.raises(Exception, match="InvalidClientTokenId"):
        other.converse(**ASKED)
    assert len(records) == 1


def test_recorder_and_handler_share_a_call(
    session: boto3.Session, recorder: CallRecorder, records: list[Any], document: Any
) -> None:
    config = BulkheadConfig.from_mapping(document)
    own = ModelSession(config, session)
    recorder.attach(own.runtime)
    mine: list[Any] = []
    handlers = [InvocationHandler(lambda record, _: mine.append(valid(dict(record)))) for _ in "ab"]
    own.chat(MODEL, handler=handlers[0], callbacks=[handlers[1]]).invoke(CANARY)
    prompts = [[HumanMessage("one")], [HumanMessage("two")]]
    own.chat(MODEL, handler=handlers[0], callbacks=[handlers[1]]).generate(prompts)
    assert not records
    assert len(mine) == 2 + 4
    assert len({record["aws.request_id"] for record in mine}) == 3
    own.chat(MODEL).invoke(CANARY)
    assert len(records) == 1


def test_without_a_recorder_the_handler_records_what_langchain_tells(
    session: boto3.Session, document: Any
) -> None:
    mine: list[Any] = []
    handler = InvocationHandler(lambda record, _: mine.append(valid(dict(record))))
    own = ModelSession(BulkheadConfig.from_mapping(document), session)
    list(own.chat(MODEL, handler=handler).stream(CANARY))
    (record,) = mine
    assert record["aws.request_id"].startswith("request-")
    assert record["gen_ai.usage.input_tokens"] == 175
    assert "rpc.method" not in record


def test_a_sink_that_fails_does_not_reach_the_application(
    session: boto3.Session, caplog: pytest.LogCaptureFixture
) -> None:
    def sink(*_: object) -> None:
        raise RuntimeError(CANARY)

    recorder = CallRecorder(sink)
    client = session.client("bedrock-runtime")
    recorder.attach(client)
    with caplog.at_level(logging.INFO):
        client.converse(**ASKED)
        list(client.converse_stream(**ASKED)["stream"])
    assert recorder.failures == 2
    assert "RuntimeError" in caplog.text
    assert CANARY not in caplog.text


def test_facts_that_cannot_be_read_do_not_break_an_answer(
    session: boto3.Session,
    recorder: CallRecorder,
    records: list[Any],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(_: object) -> dict[str, object]:
        raise RuntimeError(CANARY)

    client = session.client("bedrock-runtime")
    recorder.attach(client)
    monkeypatch.setattr("bulkhead.streams.converse_usage", broken)
    monkeypatch.setattr("bulkhead.hooks.converse_usage", broken)
    assert len(list(client.converse_stream(**ASKED)["stream"])) == 6
    assert client.converse(**ASKED)["stopReason"] == "end_turn"
    assert CANARY not in caplog.text
    assert "RuntimeError" in caplog.text
    recorder.finish()
    gc.collect()
    recorder.tidy()
    assert len(records) == 2


def test_the_recorders_thread_ends_with_it(
    session: boto3.Session, recorder: CallRecorder, records: list[Any]
) -> None:
    def threads() -> int:
        return sum(each.name == "bulkhead-janitor" for each in threading.enumerate())

    client = session.client("bedrock-runtime")
    recorder.attach(client)
    before = threads()
    client.converse(**ASKED)
    assert threads() == before + 1
    recorder.finish()
    until = time.monotonic() + 5
    while threads() > before and time.monotonic() < until:
        time.sleep(0.01)
    assert threads() == before
    client.converse(**ASKED)  # and another begins
    assert threads() == before + 1
    recorder.finish()
    assert len(records) == 2


def test_what_another_hook_stops_is_no_call(
    session: boto3.Session, recorder: CallRecorder, records: list[Any], cloud: Any
) -> None:
    client = session.client("bedrock-runtime")
    recorder.attach(client)

    def stop(**_: object) -> None:
        raise RuntimeError("over quota")

    client.meta.events.register("before-call.bedrock-runtime", stop)
    with pytest.raises(RuntimeError, match="over quota"):
        client.converse(**ASKED)
    gc.collect()
    recorder.finish()
    assert not records
    assert not cloud.requests("bedrock")


def test_invocations_that_answer_later_are_recorded(
    session: boto3.Session, recorder: CallRecorder, records: list[Any], cloud: Any
) -> None:
    """Their answer goes to S3; the modules' guardrails forbid them."""
    client = session.client("bedrock-runtime")
    recorder.attach(client)
    call = {
        "modelId": PROFILE,
        "modelInput": {"inputText": CANARY},
        "outputDataConfig": {"s3OutputDataConfig": {"s3Uri": "s3://somewhere"}},
    }
    with pytest.raises(ClientError):
        client.start_async_invoke(**call)
    arn = "arn:aws:bedrock:eu-central-1:111111111111:async-invoke/abcdefghijkl"
    answer = ("application/json", json.dumps({"invocationArn": arn}).encode())
    setattr(cloud, "_async-invoke", lambda _: answer)
    assert client.start_async_invoke(**call)["invocationArn"] == arn
    assert [each["bulkhead.status"] for each in records] == ["error", "success"]
    for record in records:
        assert record["rpc.method"] == "StartAsyncInvoke"
        assert record["gen_ai.request.model"] == MODEL
        assert record["gen_ai.operation.name"] == "text_completion"
        assert record["gen_ai.request.stream"] is False
    assert CANARY not in json.dumps(records)


@pytest.mark.parametrize(
    ("model", "body", "operation"),
    [
        ("amazon.nova-canvas-v1:0", {"taskType": "TEXT_IMAGE"}, "generate_content"),
        ("amazon.titan-embed-text-v2:0", {"inputText": "x"}, "embeddings"),
        ("cohere.command-text-v14", {"prompt": "x"}, "text_completion"),
        ("amazon.nova-lite-v1:0", {"messages": []}, "chat"),
    ],
)
def test_what_a_call_does_follows_from_what_it_asks(
    model: str, body: dict[str, Any], operation: str
) -> None:
    facts = asked("InvokeModel", {"body": json.dumps(body)}, model)
    assert facts["gen_ai.operation.name"] == operation


def test_no_credentials_is_an_error_record(
    recorder: CallRecorder, records: list[Any], cloud: Any
) -> None:
    client = boto3.Session(region_name="eu-central-1").client("bedrock-runtime")
    recorder.attach(client)
    with pytest.raises(Exception, match="credentials"):
        client.converse(**ASKED)
    (record,) = records
    assert (record["bulkhead.status"], record["error.type"]) == ("error", "NoCredentialsError")


def test_an_interrupted_call_is_recorded(
    session: boto3.Session,
    recorder: CallRecorder,
    records: list[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """botocore tells of no end at all: the garbage collector does."""
    client = session.client("bedrock-runtime")
    recorder.attach(client)

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(client._endpoint.http_session, "send", interrupted)
    with pytest.raises(KeyboardInterrupt):
        client.converse(**ASKED)
    gc.collect()
    until = time.monotonic() + 5
    while not records and time.monotonic() < until:
        time.sleep(0.01)
    (record,) = records
    assert (record["bulkhead.status"], record["error.type"]) == ("cancelled", "unfinished")


def test_dropping_a_stream_takes_no_lock(session: boto3.Session) -> None:
    """The garbage collector may run while this very thread holds the writer's lock."""
    lock = threading.Lock()
    seen: list[Any] = []

    def sink(record: Any, _: int) -> None:
        with lock:
            seen.append(record)

    recorder = CallRecorder(sink)
    client = session.client("bedrock-runtime")
    recorder.attach(client)
    answer = client.converse_stream(**ASKED)
    with lock:
        del answer
        gc.collect()
    until = time.monotonic() + 5
    while not seen and time.monotonic() < until:
        time.sleep(0.01)
    assert len(seen) == 1


def test_boto3_is_enough(cloud: Any, session_of: Any, document: Any) -> None:
    """Where LangChain cannot even be imported, direct calls are recorded all the same."""
    program = """
import json, sys
for name in ("langchain_core", "langchain_aws", "pydantic"):
    sys.modules[name] = None
import boto3
from bulkhead import Bulkhead
document = json.load(sys.stdin)
with Bulkhead.from_config(document, boto3.Session(*sys.argv[1:3])) as app:
    for model in app.config.inference_profiles:
        profile = app.inference_profile(model)
        messages = [{"role": "user", "content": [{"text": "hello"}]}]
        app.runtime.converse(modelId=profile, messages=messages)
        list(app.runtime.converse_stream(modelId=profile, messages=messages)["stream"])
    try:
        app.chat(model)
    except ImportError as error:
        print("no LangChain:", type(error).__name__)
print(app.stats.delivered)
"""
    key = cloud.new_key("222222222222", "AKIA")
    done = subprocess.run(
        [sys.executable, "-c", program, key, "secret"],
        input=json.dumps(document),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["no LangChain: ModuleNotFoundError", "2"]
    assert [each["rpc.method"] for each in cloud.records()] == ["Converse", "ConverseStream"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_records_its_own_calls(
    cloud: Any, session_of: Any, document: Any, tmp_path: Any
) -> None:
    with Bulkhead.from_config(document, session_of("222222222222"), linger=0) as app:
        app.runtime.converse(**ASKED)
        open_stream = app.runtime.converse_stream(**ASKED)
        child = os.fork()
        if child == 0:
            try:
                app.runtime.converse(**ASKED)
                stream = app.runtime.converse_stream(**ASKED)["stream"]
                next(iter(stream))
                del stream
                time.sleep(0.3)
                app.chat(MODEL).invoke("x")
                good = app.close(60) and app.stats.delivered == 3
            except BaseException:
                good = False
            os._exit(0 if good else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert list(open_stream["stream"])
    records = cloud.records()
    assert len(records) == 5
    assert len({record["bulkhead.record.id"] for record in records}) == 5
    assert [each["bulkhead.status"] for each in records].count("cancelled") == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("does", ["drops", "reads"])
def test_a_stream_that_was_open_at_the_fork_is_the_parents_to_record(
    does: str, cloud: Any, session_of: Any, document: Any
) -> None:
    with Bulkhead.from_config(document, session_of("222222222222"), linger=0) as app:
        stream = app.runtime.converse_stream(**ASKED)["stream"]
        events = iter(stream)
        next(events)
        child = os.fork()
        if child == 0:
            try:
                if does == "reads":
                    list(events)
                del stream, events
                gc.collect()
                good = app.close(60) and app.stats.offered == 0
            except BaseException:
                good = False
            os._exit(0 if good else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        list(events)
        del stream, events
    (record,) = cloud.records()
    assert record["bulkhead.status"] == "success"


def test_threads_that_make_the_first_models_share_one_handler(app_of: Any) -> None:
    """Since Python 3.12, `cached_property` calls its function in each of them."""
    app = app_of()
    both = threading.Barrier(2)

    def first(_: int) -> Any:
        both.wait(60)
        return type(app).handler.func(app)

    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(first, range(2))
    assert one is other is app.handler
    assert app.chat(MODEL).callbacks == [one]


def test_a_client_signs_no_urls(app_of: Any, cloud: Any) -> None:
    """A call by one would leave no record, and the URL holds the prompt."""
    app = app_of()
    for client, operation in ((app.runtime, "converse"), (app.session.control, "list_guardrails")):
        with pytest.raises(RequestRefusedError, match="signs no URLs"):
            client.generate_presigned_url(operation, Params=ASKED)
    app.runtime.converse(**ASKED)
    assert len(cloud.requests("bedrock")) == 1


@pytest.mark.parametrize("method", ["apply_guardrail", "converse", "count_tokens", "invoke_model"])
def test_any_method_that_is_given_prompts_may_not_be_wrapped(
    method: str, app_of: Any, cloud: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = app_of()
    with monkeypatch.context() as patch:
        patch.setattr(app.runtime, method, None)
        with pytest.raises(LeakError, match=f"the client's {method} has been wrapped"):
            app.runtime.converse_stream(**ASKED)
    app.runtime.converse(**ASKED)
    assert len(cloud.requests("bedrock")) == 1


def test_a_model_of_another_kind_is_refused(app_of: Any) -> None:
    app = app_of()
    with pytest.raises(ValueError, match="'converse' or 'invoke'"):
        app.chat(MODEL, api="other")
    for make in (app.llm, app.embeddings, lambda *a, **k: app.chat(*a, api="invoke", **k)):
        with pytest.raises(LookupError, match="no inference profile"):
            make("no.such-model")
        for option in ("client", "endpoint_url", "region_name", "aws_access_key_id", "provider"):
            with pytest.raises(TypeError, match=option):
                make(MODEL, **{option: "x"})


@pytest.fixture
def app_of(cloud: Any, session_of: Any, document: Any) -> Any:
    return lambda: Bulkhead.from_config(document, session_of("222222222222"), linger=0)


def test_no_model_here_holds_credentials_or_asks_the_default_chain(
    app_of: Any, cloud: Any, document: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    nova = "amazon.nova-lite-v1:0"
    document["inference_profiles"][nova] = PROFILE + "n"
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_BEARER_TOKEN_BEDROCK"):
        monkeypatch.setenv(name, CANARY)
    app = app_of()
    chat = app.chat(nova, api="invoke", max_tokens=5)
    assert chat.invoke("hello").text == "a canary completion"
    assert list(chat.stream("hello"))
    for model in (chat, app.llm(nova), app.embeddings(nova), app.chat(MODEL, api="invoke")):
        assert CANARY not in repr(model.__dict__)
    assert app.flush(60)
    assert CANARY not in json.dumps([each.headers for each in cloud.seen])
    assert {cloud.keys[each.key] for each in cloud.requests("bedrock")} == {"111111111111"}
    assert {each.operation for each in cloud.requests("bedrock")} == {"Converse", "ConverseStream"}
    assert all(
        each.body["inferenceConfig"] == {"maxTokens": 5} for each in cloud.requests("bedrock")
    )


def test_the_failure_of_a_call_that_was_not_watched_is_not_ours() -> None:
    """One that another hook stopped before it was sent, say."""
    recorder = CallRecorder(lambda *_: pytest.fail("a record"))
    recorder._failed_call(ValueError(), {})
    assert recorder.failures == 0
