"""A fork in the middle of the spool's work: the child holds none of the parent's locks."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bulkhead import Spool
from bulkhead.batch import Event
from bulkhead.segment import Segment

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"),
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]
HERE = "222222222222:eu-central-1:/bulkhead/acme/bedrock"


def event(n: int) -> Event:
    return Event.of(1000 + n, json.dumps({"n": n}))


def within(seconds: float, action: Callable[[], object]) -> bool:
    """Whether an action ends in time."""
    thread = threading.Thread(target=action, daemon=True)
    thread.start()
    thread.join(seconds)
    return not thread.is_alive()


@contextmanager
def forked_during(
    monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, action: Callable[[], object]
) -> Iterator[None]:
    """Fork a child that lives on, while a thread of ours is about to end `owner.name`."""
    inside, go = threading.Event(), threading.Event()
    real = getattr(owner, name)

    def slow(*args: Any) -> Any:
        result = real(*args)
        inside.set()
        go.wait(10)
        return result

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, slow)
        thread = threading.Thread(target=action, daemon=True)
        thread.start()
        assert inside.wait(10)
        ready, tell = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.write(tell, b".")
            signal.alarm(30)
            while True:
                signal.pause()
        os.read(ready, 1)  # the child has started afresh
        os.close(ready)
        os.close(tell)
        go.set()
        thread.join(10)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def test_a_child_does_not_keep_the_lock_of_the_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool(tmp_path, HERE)
    with forked_during(monkeypatch, Spool, "_segments", spool.adopt):
        assert within(5, lambda: spool.append([event(1)])), "the child keeps the directory's lock"
        assert within(5, Spool(tmp_path, HERE).adopt)
        spool.close()


@pytest.mark.parametrize("how", ["made", "taken over"])
def test_a_child_does_not_keep_a_segment_that_is_being_taken(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if how == "made":
        spool = Spool(tmp_path, HERE)
        during = forked_during(monkeypatch, Segment, "_write", lambda: spool.append([event(1)]))
    else:
        dead = Spool(tmp_path, HERE)
        dead.append([event(1)])
        for segment in dead._own:
            segment.close()
        spool = Spool(tmp_path, HERE)
        during = forked_during(monkeypatch, Segment, "_leftovers", spool.adopt)
    with during:
        # The parent dies; its successor finds the record although the child lives.
        for held in (*spool._own, *([spool._adopted] if spool._adopted else ())):
            held.close()
        found: list[Event] = []
        successor = Spool(tmp_path, HERE)
        assert within(5, lambda: found.extend(successor.adopt()[0]))
        assert [json.loads(each.message)["n"] for each in found] == [1]
