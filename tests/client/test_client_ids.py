"""Ids of records: as random as uuid4's, and never the same twice."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import uuid

import pytest

from bulkhead import _ids
from bulkhead._ids import new_id


def test_an_id_is_a_random_uuid() -> None:
    for _ in range(500):
        text = new_id()
        found = uuid.UUID(text)
        assert (str(found), found.version, found.variant) == (text, 4, uuid.RFC_4122)


def test_threads_share_none() -> None:
    made: list[list[str]] = [[] for _ in range(8)]

    def make(own: list[str]) -> None:
        own.extend(new_id() for _ in range(5_000))

    threads = [threading.Thread(target=make, args=(own,)) for own in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({each for own in made for each in own}) == 40_000


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_has_none_of_its_parents() -> None:
    new_id()  # more are drawn with it
    read, write = os.pipe()
    if (child := os.fork()) == 0:
        os.write(write, "".join(new_id() for _ in range(40)).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as told:
        said = told.read()
    os.waitpid(child, 0)
    theirs = {said[at : at + 36] for at in range(0, len(said), 36)}
    assert len(theirs) == 40
    assert not theirs & {new_id() for _ in range(40)}


@pytest.mark.parametrize("later", [0.06, 86_400.0, -10.0])
def test_what_was_drawn_is_not_kept(monkeypatch: pytest.MonkeyPatch, later: float) -> None:
    """So that of two copies of a machine each draws its own."""
    now = 1_000_000.0
    monkeypatch.setattr(_ids.time, "time", lambda: now)
    drawn = []

    def urandom(size: int) -> bytes:
        drawn.append(size)
        return bytes(range(256))[:size] * (size // 256 + 1)

    monkeypatch.setattr(_ids, "_pool", _ids._Pool())
    monkeypatch.setattr(_ids.os, "urandom", urandom)
    for _ in range(4):
        new_id()
    assert len(drawn) == 1
    now += later
    new_id()
    assert len(drawn) == 2


@pytest.mark.parametrize(("kind", "draws"), [("snap-start", 3), ("on-demand", 1)])
def test_where_machines_are_copied_each_id_is_drawn(kind: str, draws: int) -> None:
    """Their clocks may show, for a moment, what they did when the copy was made."""
    code = (
        "import os; from bulkhead import _ids; drawn = []; real = os.urandom\n"
        "_ids.time.time = lambda: 1.0\n"
        "_ids.os.urandom = lambda size: drawn.append(size) or real(size)\n"
        "[_ids.new_id() for _ in range(3)]; print(len(drawn))"
    )
    environment = {**os.environ, "AWS_LAMBDA_INITIALIZATION_TYPE": kind}
    command = [sys.executable, "-c", code]
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert int(said.stdout) == draws
