"""Signs of life of forked processes: each process tells for itself, from its first record on."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

import pytest

from bulkhead import Bulkhead, Delivery

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"),
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]
MODEL = "anthropic.claude-3-5-sonnet-20240620-v1:0"


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def in_child(action: Callable[[], None]) -> int:
    """Do something in a forked child; its process id, once it is over."""
    child = os.fork()
    if child == 0:
        try:
            action()
        except BaseException:
            os._exit(1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    return child


def test_a_forked_child_beats_once_it_has_recorded_something(
    cloud: Any, session_of: Any, document: Any
) -> None:
    delivery = Delivery(heartbeat=0.1, linger=0)
    with Bulkhead.from_config(document, session_of("222222222222"), delivery=delivery) as app:

        def beats(pid: int) -> int:
            return sum(
                each["bulkhead.record.type"] == "heartbeat" and each["process.pid"] == pid
                for each in cloud.records()
            )

        def works() -> None:
            app.runtime.converse(
                modelId=app.inference_profile(MODEL),
                messages=[{"role": "user", "content": [{"text": "hello"}]}],
            )
            until(lambda: app.stats.delivered >= 3)  # without another call

        def idles() -> None:
            time.sleep(0.5)

        until(lambda: beats(os.getpid()) >= 2)
        worker, idler = in_child(works), in_child(idles)
        assert beats(worker) >= 2
        assert beats(idler) == 0
        before = beats(os.getpid())
        until(lambda: beats(os.getpid()) > before)
    assert [each["bulkhead.record.type"] for each in cloud.records()].count("call") == 1
