"""One metadata-only record per call, on every way LangChain reports calls; never content."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import CallbackManager
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, Generation, LLMResult

from bulkhead import Bulkhead, Delivery, InvocationHandler
from bulkhead.facts import error_type, identifier
from bulkhead.handler import _model_id
from bulkhead.response import facts_of_response

MODEL = "anthropic.claude-3-5-sonnet-20240620-v1:0"
PROFILE = "arn:aws:bedrock:eu-central-1:111111111111:application-inference-profile/acmesonnet1"
CANARY = "canary-8d1f"
PROMPT = f"tell me about {CANARY}"


@pytest.fixture
def app(cloud: Any, session_of: Any, document: Any) -> Iterator[Bulkhead]:
    delivery = Delivery(linger=0, heartbeat=0)  # a slow machine takes a minute for a test
    with Bulkhead.from_config(document, session_of("222222222222"), delivery=delivery) as app:
        yield app


def records(app: Bulkhead, cloud: Any) -> list[dict[str, Any]]:
    assert app.flush(60)
    found: list[dict[str, Any]] = cloud.records()
    assert app.handler.failures == 0
    return found


def the_record(app: Bulkhead, cloud: Any) -> dict[str, Any]:
    (record,) = records(app, cloud)
    return record


def test_invoke(app: Bulkhead, cloud: Any, document: Any) -> None:
    chat = app.chat(MODEL, max_tokens=64, temperature=0.5, system=[f"be {CANARY}"])
    answer = chat.invoke(PROMPT, config={"metadata": {"conversation_id": "c-1"}})
    assert answer.content == "a canary completion"
    record = the_record(app, cloud)
    uuid.UUID(record.pop("bulkhead.record.id"))
    assert record.pop("timestamp").endswith("+00:00")
    duration = record.pop("gen_ai.client.operation.duration")
    assert 0 < duration < record.pop("bulkhead.run.duration") < 30
    assert record.pop("_aws")["CloudWatchMetrics"]
    assert record.pop("aws.request_id").startswith("request-")
    assert record == {
        "bulkhead.schema.version": "1.0",
        "bulkhead.record.type": "call",
        "bulkhead.status": "success",
        "bulkhead.source": "langchain",
        "bulkhead.customer": "acme",
        "bulkhead.app": "orders",
        "cloud.account.id": "222222222222",
        "cloud.region": "eu-central-1",
        "gen_ai.provider.name": "aws.bedrock",
        "gen_ai.operation.name": "chat",
        "rpc.method": "Converse",
        "gen_ai.request.stream": False,
        "gen_ai.request.model": MODEL,
        "gen_ai.response.model": MODEL,
        "gen_ai.request.max_tokens": 64,
        "gen_ai.request.temperature": 0.5,
        "gen_ai.conversation.id": "c-1",
        "gen_ai.response.finish_reasons": ["end_turn"],
        # LangChain's input includes what the prompt cache read and wrote.
        "gen_ai.usage.input_tokens": 175,
        "gen_ai.usage.output_tokens": 11,
        "gen_ai.usage.cache_read.input_tokens": 100,
        "gen_ai.usage.cache_creation.input_tokens": 50,
        "bulkhead.usage.cache_creation_5m.input_tokens": 50,
        "bulkhead.usage.cache_creation_1h.input_tokens": 0,
        "bulkhead.inference_profile.arn": PROFILE,
        "bulkhead.service.latency_ms": 609,
        "bulkhead.retries": 0,
        "http.response.status_code": 200,
        "bulkhead.calls": 1,
        "bulkhead.errors": 0,
        "bulkhead.throttles": 0,
    }
    written = json.dumps([call.body for call in cloud.requests("logs")])
    assert "PutLogEvents" in {call.operation for call in cloud.requests("logs")}
    for secret in (CANARY, "completion", document["external_id"], "fleet-secret", "fleet-token"):
        assert secret not in written
    # The twin: the prompt did go to Bedrock.
    assert CANARY in json.dumps(cloud.requests("bedrock")[0].body)


async def _ainvoke(chat: Any) -> None:
    await chat.ainvoke(PROMPT)


async def _astream(chat: Any) -> None:
    assert len([chunk async for chunk in chat.astream(PROMPT)]) > 1


@pytest.mark.parametrize("way", ["invoke", "stream", "ainvoke", "astream"])
def test_every_way_to_call_makes_one_equal_record(way: str, app: Bulkhead, cloud: Any) -> None:
    chat = app.chat(MODEL)
    if way == "invoke":
        chat.invoke(PROMPT)
    elif way == "stream":
        assert len(list(chat.stream(PROMPT))) > 1
    else:
        asyncio.run(_ainvoke(chat) if way == "ainvoke" else _astream(chat))
    (call,) = cloud.requests("bedrock")
    assert call.operation == ("ConverseStream" if "stream" in way else "Converse")
    record = the_record(app, cloud)
    assert record["bulkhead.status"] == "success"
    assert record["gen_ai.usage.input_tokens"] == 175
    assert record["gen_ai.usage.output_tokens"] == 11
    assert record["gen_ai.response.finish_reasons"] == ["end_turn"]
    assert record["bulkhead.inference_profile.arn"] == PROFILE
    assert record["gen_ai.response.model"] == MODEL
    assert record["aws.request_id"].startswith("request-")
    assert record["bulkhead.service.latency_ms"] == (581 if "stream" in way else 609)
    assert record["bulkhead.retries"] == 0


def test_records_of_async_runs_are_made_on_the_callers_thread(app: Bulkhead) -> None:
    """In the executor's threads they would queue behind the model calls that run there."""
    threads: list[threading.Thread] = []
    handler = InvocationHandler(lambda *_: threads.append(threading.current_thread()))
    asyncio.run(_ainvoke(app.chat(MODEL, callbacks=[handler])))
    assert threads == [threading.current_thread()]


def test_batch_makes_one_record_per_item(app: Bulkhead, cloud: Any) -> None:
    app.chat(MODEL).batch([f"{PROMPT} {n}" for n in range(7)])
    found = records(app, cloud)
    assert len(found) == 7
    assert len({record["bulkhead.record.id"] for record in found}) == 7
    assert len({record["aws.request_id"] for record in found}) == 7


def test_attached_to_the_run_and_to_the_model_is_still_one_record(
    app: Bulkhead, cloud: Any
) -> None:
    app.chat(MODEL).invoke(PROMPT, config={"callbacks": [app.handler]})
    assert len(records(app, cloud)) == 1


def test_the_callers_own_callbacks_stay(app: Bulkhead, cloud: Any) -> None:
    other = InvocationHandler(lambda record, _: seen.append(record))
    seen: list[Any] = []
    app.chat(MODEL, callbacks=[other]).invoke(PROMPT)
    app.chat(MODEL, callbacks=CallbackManager([other])).invoke(PROMPT)
    assert len(seen) == 2
    assert len(records(app, cloud)) == 2


def test_a_refused_call_is_recorded_without_its_text(app: Bulkhead, cloud: Any, fault: Any) -> None:
    cloud.faults["Converse"] = [fault(403, "AccessDeniedException", f"no right to {CANARY}")]
    with pytest.raises(Exception, match=CANARY):
        app.chat(MODEL).invoke(PROMPT)
    record = the_record(app, cloud)
    assert record["bulkhead.status"] == "error"
    assert record["error.type"] == "AccessDeniedException"
    assert record["http.response.status_code"] == 403
    assert record["aws.request_id"].startswith("request-")
    assert record["gen_ai.request.model"] == MODEL
    assert record["bulkhead.inference_profile.arn"] == PROFILE
    assert "gen_ai.usage.input_tokens" not in record
    assert CANARY not in json.dumps([call.body for call in cloud.requests("logs")])


def test_retries_of_the_sdk_are_counted(app: Bulkhead, cloud: Any, fault: Any) -> None:
    cloud.faults["Converse"] = [fault(503, "ServiceUnavailableException")] * 2
    app.chat(MODEL).invoke(PROMPT)
    record = the_record(app, cloud)
    assert (record["bulkhead.status"], record["bulkhead.retries"]) == ("success", 2)


def test_no_role_is_an_error_record(app: Bulkhead, cloud: Any, fault: Any) -> None:
    cloud.faults["AssumeRole"] = [fault(403, "AccessDenied")]
    with pytest.raises(Exception, match="no model was called"):
        app.chat(MODEL).invoke(PROMPT)
    assert the_record(app, cloud)["error.type"] == "AssumeRoleError"
    assert not cloud.requests("bedrock")


def test_a_stream_that_breaks(app: Bulkhead, cloud: Any) -> None:
    cloud.stream_events[3:] = [("throttlingException", {"message": f"too much {CANARY}"})]
    with pytest.raises(Exception, match="hrottling"):
        list(app.chat(MODEL).stream(PROMPT))
    record = the_record(app, cloud)
    assert (record["bulkhead.status"], record["error.type"]) == ("error", "ThrottlingException")


def test_a_stream_that_is_cut_short(app: Bulkhead, cloud: Any) -> None:
    del cloud.stream_events[3:]
    with pytest.raises(ConnectionError):
        list(app.chat(MODEL).stream(PROMPT))
    record = the_record(app, cloud)
    assert (record["bulkhead.status"], record["error.type"]) == ("error", "ConnectionError")


def test_a_consumer_that_stops_early_is_not_an_error(app: Bulkhead, cloud: Any) -> None:
    stream = app.chat(MODEL).stream(PROMPT)
    next(stream)
    stream.close()
    record = the_record(app, cloud)
    assert (record["bulkhead.status"], record["error.type"]) == ("cancelled", "GeneratorExit")


def test_a_cancelled_ainvoke_is_recorded_at_the_latest_when_closing(
    app: Bulkhead, cloud: Any
) -> None:
    async def cancel() -> None:
        task = asyncio.create_task(app.chat(MODEL).ainvoke(PROMPT))
        await asyncio.sleep(0.15)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    app.chat(MODEL).invoke(PROMPT)  # so that the session is there
    cloud.delay = 0.4
    asyncio.run(cancel())
    cloud.delay = 0.0
    app.close()
    first, second = cloud.records()
    assert first["bulkhead.status"] == "success"
    assert (second["bulkhead.status"], second["error.type"]) == ("cancelled", "unfinished")


def test_a_cache_hit_is_recorded_as_such(app: Bulkhead, cloud: Any) -> None:
    chat = app.chat(MODEL, cache=InMemoryCache())
    chat.invoke(PROMPT)
    chat.invoke(PROMPT)
    assert len(cloud.requests("bedrock")) == 1
    first, second = records(app, cloud)
    assert first["gen_ai.usage.input_tokens"] == 175
    assert "bulkhead.cache_hit" not in first
    assert second["bulkhead.cache_hit"] is True
    assert not {"gen_ai.usage.input_tokens", "aws.request_id"} & second.keys()


def test_tools_and_a_guardrail_trace_leave_no_content(app: Bulkhead, cloud: Any) -> None:
    cloud.reply["stopReason"] = "guardrail_intervened"
    cloud.reply["trace"] = {"guardrail": {"modelOutput": [CANARY]}}

    def look_up(name: str) -> str:
        """Look up canary-8d1f."""
        return name

    app.chat(MODEL).bind_tools([look_up]).invoke(PROMPT)
    record = the_record(app, cloud)
    assert record["gen_ai.response.finish_reasons"] == ["guardrail_intervened"]
    assert CANARY not in json.dumps([call.body for call in cloud.requests("logs")])
    assert CANARY in json.dumps(cloud.requests("bedrock")[0].body["toolConfig"])


# --- what other models and odd events report, without HTTP ----------------------------------------


class Collector:
    """A handler whose records go to a list."""

    def __init__(self, **options: Any) -> None:
        self.records: list[dict[str, Any]] = []
        self.handler = InvocationHandler(lambda r, _: self.records.append(dict(r)), **options)
        self.run = uuid.uuid4()

    def start(self, **metadata: object) -> None:
        serialized = {"kwargs": {"model_id": PROFILE, "system": [CANARY]}}
        self.handler.on_chat_model_start(serialized, [], run_id=self.run, metadata=metadata)


def result(**output: object) -> LLMResult:
    return LLMResult(generations=[[Generation(text=CANARY)]], llm_output=output or None)


def test_a_second_end_or_error_of_a_run_is_ignored() -> None:
    """BedrockLLM ends twice, ChatBedrock errs twice."""
    seen = Collector()
    seen.start()
    seen.handler.on_llm_end(result(), run_id=seen.run)
    seen.handler.on_llm_end(result(), run_id=seen.run)
    seen.handler.on_llm_error(ValueError(CANARY), run_id=seen.run)
    assert [record["bulkhead.status"] for record in seen.records] == ["success"]
    seen.start()
    seen.handler.on_llm_error(ValueError(CANARY), run_id=seen.run)
    seen.handler.on_llm_error(ValueError(CANARY), run_id=seen.run)
    assert [record.get("error.type") for record in seen.records] == [None, "ValueError"]
    assert CANARY not in json.dumps(seen.records)


def test_a_guardrail_announced_as_an_error_is_not_one() -> None:
    seen = Collector()
    seen.start()
    seen.handler.on_llm_error(
        Exception(CANARY), run_id=seen.run, reason="GUARDRAIL_INTERVENED", trace=CANARY
    )
    seen.handler.on_llm_end(result(), run_id=seen.run)
    (record,) = seen.records
    assert record["bulkhead.status"] == "success"
    assert record["bulkhead.guardrail_intervened"] is True


def test_text_models_report_usage_the_old_way() -> None:
    seen = Collector()
    seen.handler.on_llm_start({"kwargs": {"model_id": "a.b"}}, [CANARY], run_id=seen.run)
    usage = {
        "prompt_tokens": 25,
        "completion_tokens": 11,
        "cache_read_input_tokens": 100,
        "cache_write_input_tokens": 50,
        "total_tokens": 186,
    }
    seen.handler.on_llm_end(result(usage=usage, model_id="a.b"), run_id=seen.run)
    (record,) = seen.records
    assert record["gen_ai.operation.name"] == "text_completion"
    assert record["gen_ai.usage.input_tokens"] == 175
    assert record["gen_ai.response.model"] == "a.b"
    assert CANARY not in json.dumps(seen.records)


def test_cache_writes_by_lifetime_are_summed() -> None:
    message = AIMessage(
        content=CANARY,
        usage_metadata={
            "input_tokens": 175,
            "output_tokens": 11,
            "total_tokens": 186,
            "input_token_details": {
                "cache_read": 100,
                "cache_creation": 0,
                "ephemeral_5m_input_tokens": 30,  # type: ignore[typeddict-unknown-key]
                "ephemeral_1h_input_tokens": 20,
            },
        },
    )
    facts = facts_of_response(LLMResult(generations=[[ChatGeneration(message=message)]]))
    assert facts["gen_ai.usage.cache_creation.input_tokens"] == 50
    assert facts["gen_ai.usage.input_tokens"] == 175


@pytest.mark.parametrize(
    "value", ["a b", "x\n{}", "x" * 513, "", None, 7, ["a"], "<script>", '"', "ä"]
)
def test_only_identifiers_pass_as_identifiers(value: object) -> None:
    assert identifier(value) is None
    assert identifier(PROFILE) == PROFILE


def test_hostile_values_cannot_break_the_line(cloud: Any, app: Bulkhead) -> None:
    forged = 'x"}\n{"bulkhead.status":"success"\u2028'
    app.chat(MODEL).invoke(PROMPT, config={"metadata": {"conversation_id": forged}})
    assert "gen_ai.conversation.id" not in the_record(app, cloud)
    (put,) = cloud.requests("logs", "PutLogEvents")
    assert "\n" not in put.body["logEvents"][0]["message"]


@pytest.mark.parametrize("value", [{"a": 1}, "x" * 257, None, "", "what Mr. Jones asked"])
def test_a_conversation_id_is_an_identifier_or_absent(value: object) -> None:
    seen = Collector()
    seen.start(conversation_id=value)
    seen.handler.on_llm_end(result(), run_id=seen.run)
    assert "gen_ai.conversation.id" not in seen.records[0]


def test_a_failure_in_the_handler_stays_in_the_handler(caplog: pytest.LogCaptureFixture) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError(CANARY)

    handler = InvocationHandler(broken)
    run = uuid.uuid4()
    with caplog.at_level(logging.DEBUG):
        handler.on_chat_model_start({}, [], run_id=run)
        handler.on_llm_end(result(), run_id=run)
        odd = {"ls_max_tokens": {}, "conversation_id": []}
        handler.on_chat_model_start({"kwargs": "odd"}, [], run_id=run, metadata=odd)
        handler.on_llm_error(ValueError(CANARY), run_id=run)
        handler.on_chat_model_start({}, [], run_id=run)
        handler.finish()
    assert handler.failures == 3
    assert "RuntimeError" in caplog.text
    assert CANARY not in caplog.text


def test_errors_are_named_by_aws_code_or_class() -> None:
    def answer(code: str) -> ClientError:
        return ClientError({"Error": {"Code": code, "Message": CANARY}}, "Converse")

    wrapped = ValueError(CANARY)
    wrapped.__cause__ = answer("AccessDeniedException")
    assert error_type(answer("throttlingException")) == "ThrottlingException"
    assert error_type(wrapped) == "AccessDeniedException"
    assert error_type(answer(f"{CANARY} and text")) == "ClientError"
    assert error_type(KeyError(CANARY)) == "KeyError"


@pytest.mark.parametrize(
    ("given", "expected"),
    [({}, "made-for"), ({"invocation_params": {"modelId": "called"}}, "called")],
)
def test_the_model_is_the_one_that_the_call_names(given: dict[str, Any], expected: str) -> None:
    # Of a model that is not walled; a walled one refuses to be told.
    assert _model_id({"kwargs": {"model_id": "made-for"}}, given) == expected


@pytest.mark.parametrize("end", ["on_llm_end", "on_llm_error", "lost"])
def test_an_end_that_cannot_be_noted_is_reported(end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Any] = []
    handler = InvocationHandler(lambda item, _: given.append(item), defer=True)
    run = uuid.uuid4()
    # Of a model that no other test calls: this run stays, and would take the call.
    handler.on_chat_model_start({"kwargs": {"model_id": "a.never"}}, [], run_id=run)
    monkeypatch.setattr("bulkhead.correlation.end", lambda _: 1 / 0)
    if end == "lost":
        handler.lost(run.int)
    else:
        value: Any = result() if end == "on_llm_end" else ValueError(CANARY)
        getattr(handler, end)(value, run_id=run)
    assert handler.failures == 1
    with pytest.raises(ValueError, match="could not be made"):  # which the writer counts
        given[0]()
