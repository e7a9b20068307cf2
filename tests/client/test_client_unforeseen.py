"""What nobody foresaw, in the writer's own threads: counted, told, and delivery goes on."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from support.writing import Gate, record, until

from bulkhead import LogWriter, SelfReport, Spool
from bulkhead.batch import Event
from bulkhead.delivery import Remedy
from bulkhead.transport import Rejections

HERE = "222222222222:eu-central-1:/bulkhead/acme/bedrock"
CONTEXT = {"bulkhead.app": "orders"}


class Odd(Gate):
    """A transport that does what none should, once or for one record."""

    def __init__(self, does: str, remedy: Remedy = Remedy.RETRY) -> None:
        super().__init__(remedy)
        self.open.set()
        self._does = does
        self.odd = 0

    def send(self, events: Sequence[Event]) -> Rejections | None:
        if any('"odd"' in event.message for event in events):
            if self._does == "halves" and len(events) > 1:
                raise ConnectionError  # to be split
            self.odd += 1
            if self._does == "answers nonsense":
                return object()  # type: ignore[return-value]
            raise SystemExit("a canary prompt")
        return super().send(events)


def counted(writer: LogWriter) -> int:
    stats = writer.stats
    return stats.pending + stats.delivered + stats.spooled + stats.lost


@pytest.mark.parametrize("does", ["answers nonsense", "exits"])
def test_a_sender_goes_on(does: str, caplog: pytest.LogCaptureFixture) -> None:
    odd = Odd(does)
    writer = LogWriter(odd, report=SelfReport(CONTEXT), linger=0, heartbeat=0)
    writer.put({**record(1), "kind": "odd"}, 1)
    assert writer.flush(60)
    writer.put(record(2), 2)
    assert writer.flush(60)
    assert odd.numbers == [2]
    stats = writer.stats
    assert (stats.dropped_failed, stats.delivered, stats.failures, stats.pending) == (1, 1, 1, 0)
    assert writer.close()
    (told,) = odd.kind("losses")
    assert told["bulkhead.dropped.reasons"] == {"dropped_failed": 1}
    assert told["bulkhead.dropped.samples"][0]["id"] == "r1"
    assert "the writer goes on after" in caplog.text
    assert "canary" not in caplog.text


def test_only_the_part_in_work_is_given_up() -> None:
    odd = Odd("halves", Remedy.SPLIT)
    writer = LogWriter(odd, linger=60, heartbeat=0)
    for n in range(16):
        writer.put({**record(n), "kind": "odd" if n == 5 else "fine"}, n)
    assert writer.flush(60)
    assert sorted(odd.numbers) == [n for n in range(16) if n != 5]
    assert (writer.stats.dropped_failed, writer.stats.delivered, counted(writer)) == (1, 15, 16)
    assert writer.close()


def test_with_a_spool_the_next_writer_tries_it_again(tmp_path: Path) -> None:
    writer = LogWriter(Odd("exits"), spool=Spool(tmp_path, HERE), linger=0, heartbeat=0)
    writer.put({**record(1), "kind": "odd"}, 1)
    until(lambda: writer.stats.failures)
    writer.put(record(2), 2)
    assert writer.flush(60)
    assert (writer.stats.delivered, writer.stats.spooled, writer.stats.lost) == (1, 1, 0)
    writer.close()
    gate = Gate()
    gate.open.set()
    successor = LogWriter(gate, spool=Spool(tmp_path, HERE), linger=0, heartbeat=0)
    assert successor.flush(60)
    assert gate.numbers == [1]
    successor.close()


def test_a_log_handler_that_raises_stops_nothing() -> None:
    class Raises(logging.Handler):
        def emit(self, _: logging.LogRecord) -> None:
            raise RuntimeError("a full disk")

    gate = Gate(Remedy.SPLIT)
    gate.open.set()
    gate.failures = [OSError()]
    handler = Raises()
    logging.getLogger("bulkhead").addHandler(handler)
    try:
        writer = LogWriter(gate, report=SelfReport(CONTEXT), linger=0, heartbeat=0)
        writer.put(record(1), 1)
        assert writer.flush(60)
        writer.put(record(2), 2)
        assert writer.flush(60)
        assert gate.numbers == [2]
        assert (writer.stats.dropped_failed, writer.stats.delivered) == (1, 1)
        assert writer.close()
    finally:
        logging.getLogger("bulkhead").removeHandler(handler)


def test_a_report_that_cannot_be_made_holds_nothing_up() -> None:
    gate = Gate()
    gate.open.set()
    bad: dict[str, Any] = {"bulkhead.app": object()}
    writer = LogWriter(gate, report=SelfReport(bad), linger=0, heartbeat=0)
    writer.put(lambda: 1 // 0, 1)  # type: ignore[arg-type, return-value]
    writer.put(record(2), 2)
    assert writer.flush(60)
    assert (writer.stats.dropped_invalid, writer.stats.delivered) == (1, 1)
    assert writer.stats.failures >= 1
    assert writer.close()


def test_a_function_that_ends_its_thread_costs_its_own_record_only() -> None:
    gate = Gate()
    gate.open.set()
    writer = LogWriter(gate, linger=0, heartbeat=0)

    def ends() -> list[dict[str, Any]]:
        raise SystemExit

    for n in range(5):
        writer.put(ends if n == 2 else record(n), n)
    assert writer.flush(60)
    assert sorted(gate.numbers) == [0, 1, 3, 4]
    assert (writer.stats.dropped_invalid, counted(writer)) == (1, 5)
    assert writer.close()


@pytest.mark.parametrize("timestamp", [None, "now", float("nan"), float("inf")])
def test_a_time_that_is_none_costs_its_own_record_only(timestamp: Any) -> None:
    gate = Gate()
    gate.open.set()
    writer = LogWriter(gate, report=SelfReport(CONTEXT), linger=60, heartbeat=0)
    writer.put(record(1), 1)
    writer.put(record(2), timestamp)
    writer.put(record(3), 3.7)  # type: ignore[arg-type]
    assert writer.flush(60)
    assert sorted(gate.numbers) == [1, 3]
    assert writer.stats.dropped_invalid == 1
    assert writer.close()
    assert gate.kind("losses")[0]["bulkhead.dropped.samples"][0]["id"] == "r2"
