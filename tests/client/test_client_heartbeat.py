"""Signs of life of forked processes: each process tells for itself, from its first record on."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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


@contextmanager
def child(action: Callable[[], object]) -> Iterator[int]:
    """A forked child that does something and lives on for the time of the block; its process id."""
    ends, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(tell)
        try:
            action()
            os.read(ends, 1)
        except BaseException:
            os._exit(1)
        os._exit(0)
    try:
        yield pid
    finally:
        os.close(tell)
        os.close(ends)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


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

        def call() -> None:
            app.runtime.converse(
                modelId=app.inference_profile(MODEL),
                messages=[{"role": "user", "content": [{"text": "hello"}]}],
            )

        until(lambda: beats(os.getpid()) >= 2)
        with child(lambda: None) as idle, child(call) as busy:
            until(lambda: beats(busy) >= 3)
            assert beats(idle) == 0
        before = beats(os.getpid())
        until(lambda: beats(os.getpid()) > before)
    assert [each["bulkhead.record.type"] for each in cloud.records()].count("call") == 1
