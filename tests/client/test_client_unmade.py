"""What goes wrong while a call is noted costs as little as it can; a lost record is reported."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from bulkhead import Bulkhead, Delivery

MODEL = "anthropic.claude-3-5-sonnet-20240620-v1:0"
CANARY = "canary-93c1"
ASKED = [{"role": "user", "content": [{"text": CANARY}]}]


def broken(*_: object, **__: object) -> Any:
    raise RuntimeError(CANARY)


@pytest.fixture
def app(cloud: Any, session_of: Any, document: Any) -> Iterator[Bulkhead]:
    session = session_of("222222222222")
    delivery = Delivery(heartbeat=0, linger=0.01)
    with Bulkhead.from_config(document, session, delivery=delivery) as app:
        yield app


def direct(app: Bulkhead) -> None:
    app.runtime.converse(
        modelId=app.inference_profile(MODEL), messages=ASKED, inferenceConfig={"maxTokens": 9}
    )


def langchain(app: Bulkhead) -> None:
    app.chat(MODEL, max_tokens=9).invoke(CANARY)


def records(app: Bulkhead, cloud: Any, kind: str) -> list[dict[str, Any]]:
    assert app.flush(60)
    return [each for each in cloud.records() if each["bulkhead.record.type"] == kind]


@pytest.mark.parametrize("call", [direct, langchain])
@pytest.mark.parametrize("part", [None, "hooks.asked", "hooks.echoed", "hooks.facts_of_converse"])
def test_what_cannot_be_read_is_absent_and_the_rest_is_there(
    app: Bulkhead,
    cloud: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    part: str | None,
    call: Callable[[Bulkhead], None],
) -> None:
    if part is not None:
        monkeypatch.setattr(f"bulkhead.{part}", broken)
    call(app)
    (record,) = records(app, cloud, "call")
    assert record["bulkhead.status"] == "success"
    assert record["aws.request_id"].startswith("request-")
    assert app.recorder.failures == (0 if part is None else 1)
    assert app.stats.lost == 0
    assert CANARY not in caplog.text
    if part is None:  # the twin: these are what may be absent
        assert record["gen_ai.request.max_tokens"] == 9
        assert record["gen_ai.usage.output_tokens"] == 11


def test_an_answer_that_langchain_tells_oddly_leaves_what_went_over_the_wire(
    app: Bulkhead, cloud: Any, fault: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bulkhead.handler.told", broken)
    cloud.faults["Converse"] = [fault(400, "ValidationException")]
    with pytest.raises(ClientError):
        langchain(app)
    (record,) = records(app, cloud, "call")
    assert record["error.type"] == "ValidationException"
    assert record["aws.request_id"].startswith("request-")
    assert (app.handler.failures, app.stats.lost) == (1, 0)


@pytest.mark.parametrize(
    ("place", "part", "call"),
    [
        ("handler", "_Call.end", langchain),
        ("handler", "correlation.exchange_of", langchain),
        ("hooks", "functools", direct),
    ],
)
def test_a_record_that_is_not_made_is_a_reported_loss(
    app: Bulkhead,
    cloud: Any,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    part: str,
    call: Callable[[Bulkhead], None],
) -> None:
    with monkeypatch.context() as patch:
        wrong = SimpleNamespace(partial=broken) if part == "functools" else broken
        patch.setattr(f"bulkhead.{place}.{part}", wrong)
        call(app)
    (report,) = records(app, cloud, "losses")
    assert report["bulkhead.dropped.reasons"] == {"dropped_invalid": 1}
    assert report["bulkhead.dropped_records"] == 1
    assert not records(app, cloud, "call")
    call(app)  # the twin, and nothing stays broken
    assert len(records(app, cloud, "call")) == 1
    assert app.stats.lost == 1


@pytest.mark.parametrize("part", ["Conversation", "heavy"])
def test_content_that_cannot_be_taken_or_handed_over_costs_no_record_of_a_call(
    cloud: Any, session_of: Any, document: Any, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    group = "/bulkhead/acme/content"
    cloud.groups[("222222222222", "eu-central-1", group)] = {}
    document["content"] = {"log_group_name": group}
    session = session_of("222222222222")
    with Bulkhead.from_config(document, session, content=True) as app:
        for call in (direct, langchain):
            with monkeypatch.context() as patch:
                patch.setattr(f"bulkhead.content.{part}", broken)
                call(app)
            call(app)
        assert len(records(app, cloud, "call")) == 4
        kinds = [each["bulkhead.record.type"] for each in cloud.records(group=group)]
        assert kinds.count("content") == 2
        assert app.content_writer is not None
        assert app.content_writer.stats.dropped_invalid == 2
        assert "losses" in kinds


@pytest.mark.parametrize("call", [direct, langchain])
def test_a_log_handler_that_raises_reaches_no_call(
    app: Bulkhead, cloud: Any, monkeypatch: pytest.MonkeyPatch, call: Callable[[Bulkhead], None]
) -> None:
    class Raises(logging.Handler):
        def emit(self, _: logging.LogRecord) -> None:
            raise OSError("a full disk")

    handler = Raises()
    monkeypatch.setattr("bulkhead.hooks.asked", broken)
    logging.getLogger("bulkhead").addHandler(handler)
    try:
        call(app)
    finally:
        logging.getLogger("bulkhead").removeHandler(handler)
    assert len(records(app, cloud, "call")) == 1
