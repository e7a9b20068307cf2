"""What the user may choose, and what the writer tells of itself."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError
from support.client_lab import valid
from support.writing import Gate, Writing, now, record, until

from bulkhead import CloudWatchTransport, Delivery, LogWriter, SelfReport
from bulkhead import errors as bulkhead_errors
from bulkhead._json import encode
from bulkhead.delivery import BACKOFF, Remedy
from bulkhead.transport import Rejections
from harness.bench.log_endpoint import DAY, HOUR

CONTEXT = {"bulkhead.customer": "acme", "bulkhead.app": "orders"}
METRICS = json.loads(
    (Path(__file__).parents[2] / "modules" / "customer-logging" / "metrics.json").read_text()
)


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.open.set()


def held(gate: Gate, **choices: Any) -> LogWriter:
    """A writer of ten records whose transport has one in its hands."""
    choices = {"capacity": 10, "linger": 0, "heartbeat": 0, **choices}
    writer = LogWriter(gate, report=SelfReport(CONTEXT), **choices)
    writer.put(record(0), 1)
    assert gate.entered.wait(10)
    return writer


# --- too many records -----------------------------------------------------------------------------


def test_the_newest_is_dropped_and_the_loss_is_a_record(gate: Gate) -> None:
    writer = held(gate)
    assert [writer.put(record(n), n) for n in range(1, 13)] == [True] * 9 + [False] * 3
    gate.open.set()
    assert writer.flush(60)
    assert sorted(gate.numbers) == list(range(10))
    stats = writer.stats
    assert (stats.offered, stats.delivered, stats.dropped_full) == (13, 10, 3)
    assert stats.offered == stats.pending + stats.delivered + stats.spooled + stats.lost
    writer.close()
    (told,) = gate.kind("losses")
    assert told["bulkhead.dropped_records"] == 3
    assert told["bulkhead.dropped.reasons"] == {"dropped_full": 3}
    assert [each["id"] for each in told["bulkhead.dropped.samples"]] == ["r10", "r11", "r12"]
    assert writer.stats.reports == 1


def test_the_oldest_is_dropped(gate: Gate) -> None:
    writer = held(gate, when_full="drop_oldest")
    assert all(writer.put(record(n), n) for n in range(1, 15))
    gate.open.set()
    assert writer.flush(60)
    # Record 0 is on its way already; of the others the last nine remain.
    assert gate.numbers == [0, *range(6, 15)]
    assert writer.stats.dropped_oldest == 5
    writer.close()
    assert gate.kind("losses")[0]["bulkhead.dropped.reasons"] == {"dropped_oldest": 5}


def test_the_caller_waits_until_there_is_room(gate: Gate) -> None:
    writer = held(gate, when_full="block", block_seconds=20)
    for n in range(1, 10):
        writer.put(record(n), n)
    opener = threading.Timer(0.1, gate.open.set)
    opener.start()
    started = time.monotonic()
    assert writer.put(record(10), 10)
    assert 0.05 < time.monotonic() - started < 10
    assert writer.flush(60)
    assert sorted(gate.numbers) == list(range(11))
    writer.close()


def test_the_caller_waits_no_longer_than_it_chose(gate: Gate) -> None:
    writer = held(gate, when_full="block", block_seconds=0.1)
    for n in range(1, 10):
        writer.put(record(n), n)
    started = time.monotonic()
    assert not writer.put(record(10), 10)
    assert 0.09 < time.monotonic() - started < 5
    assert writer.stats.dropped_full == 1
    gate.open.set()
    writer.close()


def test_memory_is_bounded_in_bytes_too(gate: Gate) -> None:
    writer = held(gate, capacity=100_000, capacity_bytes=100_000)
    for n in range(1, 200):
        writer.put({"n": n, "pad": "p" * 5_000}, n)
        time.sleep(0.0005)  # the gatherer sees how large they are
    backlog = writer._backlog
    assert backlog._bytes <= 100_000
    assert writer.stats.dropped_full > 150
    gate.open.set()
    assert writer.flush(60)
    writer.close()


def test_what_a_hung_endpoint_costs_is_bounded(gate: Gate) -> None:
    writer = held(gate, capacity=500, heartbeat=0.01)
    for n in range(1, 20_000):
        writer.put(record(n), n)
    stats = writer.stats
    assert stats.pending <= 500
    assert stats.pending + stats.dropped_full == stats.offered == 20_000
    time.sleep(0.1)
    # Its own records do not pile up either.
    assert writer._backlog.reports_waiting <= 2
    gate.open.set()
    writer.close()


# --- records about the writer ---------------------------------------------------------------------


def test_signs_of_life(gate: Gate) -> None:
    gate.open.set()
    writer = LogWriter(gate, report=SelfReport(CONTEXT), heartbeat=0.05)
    until(lambda: len(gate.kind("heartbeat")) >= 3)  # without a single call
    writer.close()
    beat = gate.kind("heartbeat")[0]
    assert beat["bulkhead.heartbeat"] == 1
    assert beat["bulkhead.app"] == "orders"
    assert writer.stats.offered == 0


@pytest.mark.parametrize("key", ["heartbeat", "dropped_records"])
def test_its_metrics_are_those_that_the_alarms_watch(key: str) -> None:
    report = SelfReport(CONTEXT)
    made = {
        "heartbeat": report.heartbeat(now()),
        "dropped_records": report.losses(now(), {"dropped_full": 2}, []),
    }[key]
    (directive,) = made["_aws"]["CloudWatchMetrics"]
    valid(made)
    metric = METRICS["metrics"][key]
    assert directive["Namespace"] == METRICS["namespace"]
    assert directive["Metrics"] == [{"Name": metric["name"], "Unit": metric["unit"]}]
    without_model = [
        names for names in METRICS["dimensions"] if "gen_ai.request.model" not in names
    ]
    assert directive["Dimensions"] == without_model
    assert made[metric["name"]] >= 1
    assert set(made) >= {name for names in directive["Dimensions"] for name in names}


def test_a_report_that_is_lost_is_told_again(gate: Gate) -> None:
    writer = held(gate, give_up_after=0, backoff=(0, 0), heartbeat=0.03)
    for n in range(1, 11):
        writer.put(record(n), n)
    gate.failures = [OSError()] * 30  # all of it is given up, reports too
    gate.open.set()
    until(lambda: not gate.failures and gate.kind("losses"))
    until(lambda: sum(each["bulkhead.dropped_records"] for each in gate.kind("losses")) == 11)
    writer.close()
    counted: dict[str, int] = {}
    for told in gate.kind("losses"):
        for reason, number in told["bulkhead.dropped.reasons"].items():
            counted[reason] = counted.get(reason, 0) + number
    # A report that waits has a place, too: then one more record finds none.
    stats = writer.stats
    assert counted == {"dropped_failed": stats.dropped_failed, "dropped_full": stats.dropped_full}
    assert min(counted.values()) >= 1


def test_rejected_records_are_told_by_reason(writing: Writing) -> None:
    writing.endpoint.retention_ms = 7 * DAY
    with writing.app(linger=0.1) as app:
        for name, at in (
            ("fine", now()),
            ("too new", now() + 3 * HOUR),
            ("expired", now() - 8 * DAY),
            ("too old", now() - 15 * DAY),
        ):
            app.writer.put({"bulkhead.record.id": name}, at)
        assert app.flush(60)
        stats = app.stats
        assert stats.delivered == 1
        # A record that is both is older than the retention, too.
        assert (stats.rejected_too_new, stats.rejected_expired) == (1, 2)
    assert set(writing.ids()) == {"fine"}
    told = writing.arrived("losses")
    samples = {
        each["id"]: each["reason"] for one in told for each in one["bulkhead.dropped.samples"]
    }
    assert samples == {
        "too new": "rejected_too_new",
        "expired": "rejected_expired",
        "too old": "rejected_expired",
    }


@pytest.mark.parametrize(
    ("rejections", "reasons"),
    [
        (Rejections(), [None] * 4),
        (Rejections(too_old_end=2), ["rejected_too_old"] * 2 + [None] * 2),
        (Rejections(too_new_start=3), [None] * 3 + ["rejected_too_new"]),
        (Rejections(too_new_start=0), ["rejected_too_new"] * 4),
        (
            Rejections(expired_end=1, too_old_end=2, too_new_start=3),
            ["rejected_expired", "rejected_too_old", None, "rejected_too_new"],
        ),
    ],
)
def test_which_of_a_batch_were_rejected(rejections: Rejections, reasons: list[Any]) -> None:
    assert [rejections.reason(index) for index in range(4)] == reasons


# --- items ----------------------------------------------------------------------------------------


def test_a_function_makes_records_on_a_thread_of_the_writer(gate: Gate) -> None:
    gate.open.set()
    writer = LogWriter(gate, linger=0)
    threads = []

    def make() -> list[dict[str, Any]]:
        threads.append(threading.current_thread())
        return [record(1), record(2), record(3)]

    writer.put(make, 1)
    writer.put(lambda: iter([record(4)]), 2)
    writer.put(lambda: [], 3)
    assert writer.flush(60)
    assert sorted(gate.numbers) == [1, 2, 3, 4]
    assert (writer.stats.offered, writer.stats.delivered) == (4, 4)
    assert threading.main_thread() not in threads
    writer.close()


def test_a_function_that_raises_costs_its_record_and_says_nothing(
    gate: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    gate.open.set()
    writer = LogWriter(gate, linger=0)

    def fail() -> list[dict[str, Any]]:
        raise ValueError("a secret prompt")

    writer.put(fail, 1)
    writer.put(record(1), 2)
    assert writer.flush(60)
    assert gate.numbers == [1]
    assert writer.stats.dropped_invalid == 1
    writer.close()
    assert "secret" not in caplog.text


@pytest.mark.parametrize("value", [float("nan"), "é\u2028\n\x00", {"a": [1, {}]}, [], 10**30])
def test_records_are_one_line_of_ascii(value: object) -> None:
    text = encode({"value": value})
    assert text == json.dumps({"value": value}, separators=(",", ":"))
    assert text.isascii() and len(text.splitlines()) == 1


def test_a_circular_record_is_counted(gate: Gate) -> None:
    gate.open.set()
    writer = LogWriter(gate, linger=0)
    circle: dict[str, Any] = {}
    circle["self"] = circle
    writer.put(circle, 1)
    assert writer.flush(60)
    assert writer.stats.dropped_invalid == 1
    writer.close()


# --- errors ---------------------------------------------------------------------------------------


def _client_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code}}, "PutLogEvents")


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (_client_error("ThrottlingException"), Remedy.SLOW_DOWN),
        (_client_error("ServiceUnavailableException"), Remedy.RETRY),
        (_client_error("InternalFailure"), Remedy.RETRY),
        (ReadTimeoutError(endpoint_url="x"), Remedy.RETRY),
        (OSError(), Remedy.RETRY),
        (_client_error("ResourceNotFoundException"), Remedy.WAIT),
        (_client_error("AccessDeniedException"), Remedy.WAIT),
        (_client_error("ExpiredTokenException"), Remedy.RENEW),
        (_client_error("UnrecognizedClientException"), Remedy.RENEW),
        (ConnectionClosedError(endpoint_url="x"), Remedy.RENEW),
        (bulkhead_errors.DestinationUnknownError("x"), Remedy.RENEW),
        (_client_error("InvalidParameterException"), Remedy.SPLIT),
        (_client_error("413"), Remedy.SPLIT),
        (bulkhead_errors.DestinationError("x"), Remedy.GIVE_UP),
        (bulkhead_errors.RequestRefusedError("x"), Remedy.GIVE_UP),
        (bulkhead_errors.EndpointError("x"), Remedy.GIVE_UP),
    ],
    ids=lambda value: getattr(value, "value", None) or str(value)[:60],
)
def test_errors_have_a_class(error: Exception, remedy: Remedy) -> None:
    assert CloudWatchTransport(lambda: None, "g", "a").remedy(error) is remedy


def test_waits_grow_and_are_bounded() -> None:
    usual = Delivery()
    for remedy, (first, most) in BACKOFF.items():
        waits = [usual.most_seconds(remedy, attempt) for attempt in range(40)]
        assert waits[0] == first and waits[-1] == most
        assert waits == sorted(waits)
    assert Delivery(backoff=(0, 1)).most_seconds(Remedy.WAIT, 9) == 0


@pytest.mark.parametrize("remedy", BACKOFF)
def test_a_wait_is_a_random_part_of_the_most(
    gate: Gate, remedy: Remedy, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[float, float]] = []

    def uniform(least: float, most: float) -> float:
        asked.append((least, most))
        return 0.0

    monkeypatch.setattr("bulkhead.sender.random.uniform", uniform)
    gate._remedy = remedy
    gate.failures = [OSError()] * 3
    gate.open.set()
    writer = LogWriter(gate, linger=0, heartbeat=0)
    writer.put(record(1), 1)
    assert writer.flush(60)
    writer.close()
    first, _ = BACKOFF[remedy]
    assert asked == [(0, first), (0, 2 * first), (0, 4 * first)]


@pytest.mark.parametrize(
    "choices",
    [
        {"capacity": 0},
        {"capacity_bytes": 0},
        {"streams": 0},
        {"linger": -1},
        {"exit_seconds": float("nan")},
        {"when_full": "panic"},
        {"backoff": (2, 1)},
    ],
    ids=lambda choices: next(iter(choices)),
)
def test_choices_are_checked(choices: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(choices))):
        Delivery(**choices)
