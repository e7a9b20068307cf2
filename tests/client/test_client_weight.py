"""What waits to be made into records is bounded in bytes too: prompts and answers are large."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from support.writing import Gate, record, until

from bulkhead import ContentLog, LogWriter, RecordMaker, SelfReport, Spool
from bulkhead.content import Conversation
from bulkhead.weight import heavy, weigh, weight_of

HERE = "222222222222:eu-central-1:/bulkhead/acme/content"
MEGABYTE = 1_000_000
MOST = 8 * MEGABYTE


class Slow:
    """A writer whose thread is held by one record that is not made yet."""

    def __init__(self, **choices: Any) -> None:
        self.gate = Gate()
        self.gate.open.set()
        self.go, self.busy = threading.Event(), threading.Event()
        choices = {"linger": 0, "heartbeat": 0, "capacity_bytes": MOST, **choices}
        self.writer = LogWriter(self.gate, report=SelfReport({"bulkhead.app": "orders"}), **choices)
        self.writer.put(self._hold, 1)
        assert self.busy.wait(10)

    def _hold(self) -> list[dict[str, Any]]:
        self.busy.set()
        assert self.go.wait(60)
        return [record(0)]

    def put(self, n: int, size: int = MEGABYTE) -> bool:
        item = functools.partial(self._make, n)
        heavy(item, size)
        return self.writer.put(item, n)

    def _make(self, n: int) -> list[dict[str, Any]]:
        return [record(n)]

    def ends(self) -> list[int]:
        """What arrived; every record is in one counter."""
        self.go.set()
        assert self.writer.flush(60)
        assert self.writer.close()
        stats = self.writer.stats
        assert stats.offered == stats.delivered + stats.lost
        assert self.writer._backlog.unmade == 0
        return sorted(self.gate.numbers)


def test_the_newest_is_dropped_when_there_are_too_many_bytes(tmp_path: Path) -> None:
    for spool in (None, Spool(tmp_path, HERE, durable=False)):
        slow = Slow(spool=spool)
        assert [slow.put(n, 900_000) for n in range(1, 21)] == [True] * 8 + [False] * 12
        assert slow.writer.put(record(99), 99)  # what is light still fits, where bytes are short
        assert slow.writer.stats.dropped_full == 12
        assert slow.ends() == [0, *range(1, 9), 99]
        (told,) = slow.gate.kind("losses")
        assert told["bulkhead.dropped.reasons"] == {"dropped_full": 12}


def test_the_oldest_gives_way(tmp_path: Path) -> None:
    for spool in (None, Spool(tmp_path, HERE, durable=False)):
        slow = Slow(spool=spool, when_full="drop_oldest")
        slow.writer.put(record(98), 98)
        assert all(slow.put(n) for n in range(1, 21))
        assert not slow.put(50, MOST + 1)  # and none gives way to what never fits
        assert slow.ends() == [0, *range(13, 21), 98]
        assert (slow.writer.stats.dropped_oldest, slow.writer.stats.dropped_full) == (12, 1)


def test_the_caller_waits_for_bytes() -> None:
    slow = Slow(when_full="block", block_seconds=20)
    for n in range(1, 9):
        slow.put(n)
    threading.Timer(0.1, slow.go.set).start()
    assert slow.put(9)
    assert slow.ends() == list(range(10))


def test_records_count_what_they_hold() -> None:
    slow = Slow()
    kept = [slow.writer.put({**record(n), "pad": "p" * MEGABYTE}, n) for n in range(1, 21)]
    assert sum(kept) == 7  # each a little more than a megabyte
    assert slow.ends() == list(range(8))


def test_content_is_bounded_while_a_redactor_is_slow() -> None:
    """150 prompts of a megabyte each, and a bound of eight."""
    go, busy = threading.Event(), threading.Event()

    def slow(text: str) -> str:
        busy.set()
        assert go.wait(60)
        return text

    gate = Gate()
    gate.open.set()
    writer = LogWriter(gate, linger=0, heartbeat=0, capacity_bytes=MOST)
    log = ContentLog(writer.put, RecordMaker(), redactors=[slow], defer=True)

    def call(n: int) -> None:
        message = {"role": "user", "content": [{"text": f"{n} " + "p" * MEGABYTE}]}
        exchange: Any = SimpleNamespace(target="m", facts={}, conversation=None)
        exchange.conversation = Conversation("Converse", {"messages": [message]})
        log.put(exchange, str(n), n)

    call(0)
    assert busy.wait(10)
    for n in range(1, 150):
        call(n)
    assert writer.stats.pending == 7
    assert writer._backlog.unmade <= MOST
    assert writer.stats.dropped_full == 143
    go.set()
    assert writer.flush(60)
    assert writer.stats.lost == 143
    writer.close()


def test_heavy_records_are_made_a_few_at_a_time() -> None:
    """Or all that wait would be there twice, as what they are made of and as records."""
    slow = Slow(capacity_bytes=100 * MEGABYTE)
    made: list[int] = []
    seen: list[int] = []

    def make(n: int) -> Iterator[dict[str, Any]]:
        seen.append(slow.writer._backlog.gathered - len(made))
        made.append(n)
        return iter([record(n)])

    for n in range(1, 41):
        item = functools.partial(make, n)
        heavy(item, MEGABYTE)
        slow.writer.put(item, n)
    slow.go.set()
    until(lambda: len(made) == 40)
    assert max(seen) <= 2
    assert slow.ends() == list(range(41))


def test_weights() -> None:
    assert weigh("abc") == weigh(b"abc") == 3
    assert 1_000 <= weigh({"a": ["x" * 900, {"b": ("y" * 100, 7, None)}]}) <= 1_200
    circle: list[Any] = []
    circle += [circle] * 10
    started = time.monotonic()
    assert weigh(circle) >= 0
    assert time.monotonic() - started < 5
    assert weight_of(lambda: []) == 0


def test_what_cannot_be_weighed_is_put_all_the_same() -> None:
    class Odd(dict):  # type: ignore[type-arg]
        def values(self) -> Any:
            raise RuntimeError

    gate = Gate()
    gate.open.set()
    writer = LogWriter(gate, linger=0, heartbeat=0)
    assert writer.put(Odd(n=1), 1)
    assert writer.flush(60)
    writer.close()
    assert writer.stats.pending == 0
