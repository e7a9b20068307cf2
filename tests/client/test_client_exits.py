"""The end of the process, with more than one writer to close."""

from __future__ import annotations

import threading
import time
import weakref
from typing import Any

import pytest

from bulkhead import Bulkhead, exits

CUSTOMER, REGION = "222222222222", "eu-central-1"
CONTENT = "/bulkhead/acme/content"
MODEL = "anthropic.claude-3-5-sonnet-20240620-v1:0"
PROMPT = [{"role": "user", "content": [{"text": "hello"}]}]


@pytest.fixture
def app(
    cloud: Any, document: dict[str, Any], session_of: Any, monkeypatch: pytest.MonkeyPatch
) -> Bulkhead:
    """An application with content, whose writers are all that the end would close."""
    cloud.groups[(CUSTOMER, REGION, CONTENT)] = {}
    document["content"] = {"log_group_name": CONTENT}
    app = Bulkhead.from_config(document, session_of(CUSTOMER), content=True)
    assert app.content_writer is not None
    monkeypatch.setattr(exits, "_open", weakref.WeakSet([app.writer, app.content_writer]))
    return app


def test_both_writers_take_what_is_still_under_way(
    app: Bulkhead, cloud: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert app.content_writer is not None
    streams = [
        app.runtime.converse_stream(modelId=app.inference_profile(MODEL), messages=PROMPT)
        for _ in range(3)
    ]
    finish = app.recorder.finish

    def slow() -> None:  # so that the other writer comes while this one finishes
        time.sleep(0.3)
        finish()

    monkeypatch.setattr(app.recorder, "finish", slow)
    exits.close_all()
    assert app.writer.stats.dropped_closed == app.content_writer.stats.dropped_closed == 0
    kinds = [record["bulkhead.record.type"] for record in cloud.records()]
    assert kinds.count("call") == len(streams)
    assert len(cloud.records(group=CONTENT)) == len(streams)


def test_who_closes_a_writer_second_waits_for_what_the_first_puts(app: Bulkhead) -> None:
    begun, go = threading.Event(), threading.Event()
    kept: list[bool] = []

    def finish() -> None:
        begun.set()
        go.wait(10)
        kept.append(app.writer.put({"bulkhead.record.id": "last"}, int(time.time() * 1000)))

    app.writer.before_close(finish)
    first = threading.Thread(target=app.writer.close)
    first.start()
    assert begun.wait(10)
    second = threading.Thread(target=app.writer.close)
    second.start()
    second.join(0.1)
    go.set()
    first.join(10)
    second.join(10)
    assert kept == [True]
    app.close()
