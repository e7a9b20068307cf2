"""The writer: batches within CloudWatch's limits, bounded, retried, counted; and what ends it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st
from support.writing import until

from bulkhead import Bulkhead, CloudWatchTransport, Delivery, LogWriter
from bulkhead.batch import (
    EVENT_OVERHEAD,
    MAX_BATCH_BYTES,
    MAX_EVENT_BYTES,
    MAX_SPAN_MS,
    Event,
    pack,
)
from bulkhead.ledger import Ledger, record_id
from bulkhead.transport import Remedy

DAY = 24 * 3600 * 1000


def now() -> int:
    return int(time.time() * 1000)


class Recorder:
    """A transport that fails as told and remembers what it delivered."""

    def __init__(self, failures: Sequence[Exception] = (), gate: threading.Event | None = None):
        self.failures = list(failures)
        self.gate = gate
        self.batches: list[list[Event]] = []
        self.entered = threading.Event()

    def send(self, events: Sequence[Event]) -> None:
        self.entered.set()
        if self.gate is not None:
            self.gate.wait(20)
        if self.failures:
            raise self.failures.pop(0)
        self.batches.append(list(events))

    def remedy(self, _: Exception) -> Remedy:
        return Remedy.RETRY

    def reset(self) -> None:
        self.batches = []

    def another(self) -> Recorder:
        return self

    @property
    def sent(self) -> list[int]:
        return [json.loads(e.message)["n"] for batch in self.batches for e in batch]


def total(writer: LogWriter) -> int:
    s = writer.stats
    return s.pending + s.delivered + s.spooled + s.lost


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 3 * DAY),
            st.integers(EVENT_OVERHEAD + 1, MAX_EVENT_BYTES + EVENT_OVERHEAD),
        ),
        max_size=60,
    )
)
def test_batches_keep_every_limit_and_lose_nothing(shapes: list[tuple[int, int]]) -> None:
    events = [Event(timestamp, "x", size) for timestamp, size in shapes]
    batches = list(pack(events))
    for batch in batches:
        times = [event.timestamp for event in batch]
        assert times == sorted(times)
        assert times[-1] - times[0] <= MAX_SPAN_MS
        assert sum(event.size for event in batch) <= MAX_BATCH_BYTES
    assert sorted(e for batch in batches for e in batch) == sorted(events)


def test_batch_boundaries_are_exact() -> None:
    # As the API reference has them, not as the client does.
    fits, size = 10_000, 1_048_576
    assert [len(b) for b in pack([Event(0, "x", 27)] * fits)] == [fits]
    assert [len(b) for b in pack([Event(0, "x", 27)] * (fits + 1))] == [fits, 1]
    half = size // 2
    assert [len(b) for b in pack([Event(0, "x", half)] * 2)] == [2]
    assert [len(b) for b in pack([Event(0, "x", half), Event(0, "x", half + 1)])] == [1, 1]
    assert [len(b) for b in pack([Event(0, "", 27), Event(DAY - 1, "", 27)])] == [2]
    assert [len(b) for b in pack([Event(0, "", 27), Event(DAY, "", 27)])] == [1, 1]
    assert Event.of(0, "ä").size == 2 + EVENT_OVERHEAD


def test_records_arrive_in_order_and_in_few_batches() -> None:
    transport = Recorder()
    writer = LogWriter(transport, linger=0.2)
    for n in range(500):
        assert writer.put({"n": n}, 1000 + n)
    assert writer.flush(60)
    assert transport.sent == list(range(500))
    assert len(transport.batches) <= 3
    assert writer.stats.delivered == writer.stats.offered == 500
    assert writer.close()


def test_a_lone_record_does_not_wait_for_company() -> None:
    transport = Recorder()
    writer = LogWriter(transport, linger=0.05)
    writer.put({"n": 1}, 1)
    deadline = time.monotonic() + 10
    while not transport.batches and time.monotonic() < deadline:
        time.sleep(0.01)
    assert transport.sent == [1]
    writer.close()


def test_a_full_queue_drops_the_newest_and_counts_it() -> None:
    gate = threading.Event()
    transport = Recorder(gate=gate)
    writer = LogWriter(transport, capacity=10, linger=0)
    accepted = [writer.put({"n": n}, n) for n in range(15)]
    assert accepted == [True] * 10 + [False] * 5
    assert writer.stats.dropped_full == 5
    assert not writer.flush(0.05)
    gate.set()
    assert writer.flush(60)
    assert sorted(transport.sent) == list(range(10))
    assert total(writer) == writer.stats.offered == 15
    writer.close()


def test_many_producers_lose_nothing() -> None:
    transport = Recorder()
    writer = LogWriter(transport, linger=0.01, capacity=100_000)

    def produce(k: int) -> None:
        for i in range(500):
            writer.put({"n": k * 1000 + i}, i)

    threads = [threading.Thread(target=produce, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert writer.flush(60)
    assert len(transport.sent) == len(set(transport.sent)) == 4000
    writer.close()


def test_failures_are_retried_until_given_up() -> None:
    error = ClientError({"Error": {"Code": "ThrottlingException"}}, "PutLogEvents")
    transport = Recorder([error] * 4)
    writer = LogWriter(transport, linger=0, backoff=(0.001, 0.002))
    writer.put({"n": 1}, 1)
    assert writer.flush(60)
    assert (writer.stats.delivered, writer.stats.retries) == (1, 4)
    hopeless = LogWriter(
        Recorder([error] * 10_000), linger=0, backoff=(0.001, 0.002), give_up_after=0.05
    )
    hopeless.put({"n": 1}, 1)
    assert hopeless.flush(60)
    assert (hopeless.stats.delivered, hopeless.stats.dropped_failed) == (0, 1)
    writer.close()
    hopeless.close()


def test_a_process_that_was_frozen_has_its_attempts_all_the_same() -> None:
    """When it wakes, as on Lambda, the time of a batch is spent."""
    error = ClientError({"Error": {"Code": "ServiceUnavailable"}}, "PutLogEvents")
    writer = LogWriter(Recorder([error] * 100), linger=0, backoff=(0, 0), give_up_after=0)
    writer.put({"n": 1}, 1)
    assert writer.flush(60)
    assert (writer.stats.dropped_failed, writer.stats.retries) == (1, 4)
    writer.close()


@pytest.mark.parametrize("fails", [True, False])
def test_no_more_streams_are_written_where_the_endpoint_fails(fails: bool) -> None:
    gate = threading.Event()
    more: list[Recorder] = []

    class Counting(Recorder):
        def another(self) -> Recorder:
            more.append(self)
            return self

    error = ClientError({"Error": {"Code": "ServiceUnavailable"}}, "PutLogEvents")
    transport = Counting([error] * 100) if fails else Counting(gate=gate)
    writer = LogWriter(transport, linger=0, capacity=100_000, backoff=(60, 60), streams=2)
    writer.put({"n": 0}, 0)
    assert transport.entered.wait(10)
    until(lambda: writer._senders[0].troubled is fails)
    for n in range(1, 25_000):
        writer.put({"n": n}, n)
    until(lambda: writer._backlog.written == 25_000)
    if fails:
        assert not more
    else:
        until(lambda: len(more) == 1)
    gate.set()
    writer.close(0)


def test_closing_is_bounded_in_time_and_counts_what_stays(
    caplog: pytest.LogCaptureFixture,
) -> None:
    gate = threading.Event()
    transport = Recorder(gate=gate)
    writer = LogWriter(transport, linger=0, exit_seconds=60)
    writer.put({"n": 1}, 1)
    assert transport.entered.wait(60)
    started = time.monotonic()
    assert not writer.close(0.2)
    assert time.monotonic() - started < 30
    assert "1 records were not delivered" in caplog.text
    assert not writer.put({"n": 2}, 2)
    assert writer.stats.dropped_closed == 1
    gate.set()


def test_closing_again_takes_no_further_time(caplog: pytest.LogCaptureFixture) -> None:
    gate = threading.Event()
    writer = LogWriter(Recorder(gate=gate), linger=0)
    writer.put({"n": 1}, 1)
    assert not writer.close(0.1)
    started = time.monotonic()
    assert not writer.close(60)
    assert time.monotonic() - started < 30
    assert caplog.text.count("were not delivered") == 1
    gate.set()


def test_what_is_put_at_the_end_waits_no_longer_than_that_may_take() -> None:
    """Calls under way are recorded when closing begins; each may have to wait for room."""
    gate = threading.Event()
    transport = Recorder(gate=gate)
    writer = LogWriter(transport, linger=0, capacity=2, when_full="block", block_seconds=5)
    for n in range(2):
        writer.put({"n": n}, n)
    assert transport.entered.wait(10)
    writer.before_close(lambda: [writer.put({"n": n}, n) for n in range(2, 7)])
    started = time.monotonic()
    assert not writer.close(0.3)
    assert 0.25 < time.monotonic() - started < 10
    assert writer.stats.dropped_full == 5
    assert total(writer) == writer.stats.offered == 7
    gate.set()


def test_closing_lets_a_put_go_that_waits_for_room() -> None:
    gate = threading.Event()
    transport = Recorder(gate=gate)
    writer = LogWriter(transport, linger=0, capacity=1, when_full="block", block_seconds=60)
    writer.put({"n": 1}, 1)
    assert transport.entered.wait(10)
    kept: list[bool] = []
    waiting = threading.Thread(target=lambda: kept.append(writer.put({"n": 2}, 2)), daemon=True)
    waiting.start()
    until(lambda: bool(writer._changed._waiters))  # type: ignore[attr-defined]
    assert not writer.close(0.1)
    waiting.join(10)
    assert kept == [False]
    assert writer.stats.dropped_closed == 1
    gate.set()


def test_a_put_that_closing_overtakes_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    """It found room, and before it leaves its record the writer has closed."""
    transport = Recorder()
    writer = LogWriter(transport, linger=0)

    class Late(deque[Any]):
        def append(self, entry: Any) -> None:
            assert writer.close(60)
            super().append(entry)

    assert writer.put({"n": 1}, 1)
    assert writer.flush(60)
    with writer._lock:
        writer._queue = Late()
    assert not writer.put({"n": 2}, 2)
    assert not writer.put({"n": 3}, 3)
    assert (writer.stats.delivered, writer.stats.dropped_closed, writer.stats.pending) == (1, 2, 0)
    assert writer.close()
    assert transport.sent == [1]
    assert caplog.text.count("after the writer closed") == 1


def test_a_record_that_is_not_json_is_counted_not_raised() -> None:
    transport = Recorder()
    writer = LogWriter(transport, linger=0)
    writer.put({"n": object()}, 1)
    writer.put({"n": "x" * (MAX_EVENT_BYTES + 1)}, 1)
    writer.put({"n": 1}, 1)
    assert writer.flush(60)
    s = writer.stats
    assert (s.dropped_invalid, s.dropped_too_large, s.delivered) == (1, 1, 1)
    writer.close()


# --- against PutLogEvents with its limits ---------------------------------------------------------


@pytest.fixture
def app(cloud: Any, session_of: Any, document: Any) -> Any:
    quick = Delivery(linger=0.2, backoff=(0.01, 0.02))
    with Bulkhead.from_config(document, session_of("222222222222"), delivery=quick) as app:
        yield app


def test_over_http_events_go_to_the_group_that_was_named(cloud: Any, session_of: Any) -> None:
    session, where = session_of("222222222222"), {"region_name": "eu-central-1"}
    transport = CloudWatchTransport(
        lambda: session.client("logs", endpoint_url=cloud.url, **where),
        "/bulkhead/acme/bedrock",
        "orders",
    )
    message = '{"n":1}'
    transport.send([Event(now(), message, len(message) + EVENT_OVERHEAD)])
    assert cloud.records() == [{"n": 1}]


def test_over_http_one_stream_and_all_limits(app: Any, cloud: Any) -> None:
    start = now()
    for n in range(12_000):
        app.writer.put({"n": n, "pad": "p" * 150}, start)
        if n % 4_000 == 3_999:
            assert app.flush(60)
    assert len(cloud.records()) == 12_000
    (stream,) = cloud.groups[("222222222222", "eu-central-1", "/bulkhead/acme/bedrock")]
    assert stream.startswith("bulkhead/orders/")
    assert not set(":*") & set(stream)
    assert len(cloud.requests("logs", "CreateLogStream")) == 1


def test_over_http_outage_throttle_and_late_group(app: Any, cloud: Any, fault: Any) -> None:
    group = ("222222222222", "eu-central-1", "/bulkhead/acme/bedrock")
    kept = cloud.groups.pop(group)
    cloud.faults["PutLogEvents"] = [
        fault(503, "ServiceUnavailableException"),
        fault(400, "ThrottlingException"),
        fault(403, "AccessDeniedException"),
        fault(400, "ExpiredTokenException"),
    ]
    app.writer.put({"n": 1}, now())
    time.sleep(0.05)
    cloud.groups[group] = kept
    assert app.flush(60)
    assert cloud.records() == [{"n": 1}]
    assert app.stats.retries >= 4


def test_over_http_a_deleted_stream_is_made_again(app: Any, cloud: Any) -> None:
    app.writer.put({"n": 1}, now())
    assert app.flush(60)
    cloud.groups[("222222222222", "eu-central-1", "/bulkhead/acme/bedrock")].clear()
    app.writer.put({"n": 2}, now())
    assert app.flush(60)
    assert cloud.records() == [{"n": 2}]


def test_over_http_one_poison_event_costs_only_itself(app: Any, cloud: Any) -> None:
    for n in range(20):
        app.writer.put({"n": "poison" if n == 7 else n}, now())
    assert app.flush(60)
    assert sorted(each["n"] for each in cloud.records()) == [n for n in range(20) if n != 7]
    assert (app.stats.delivered, app.stats.dropped_failed) == (19, 1)


def test_over_http_rejected_events_are_counted(app: Any, cloud: Any) -> None:
    cloud.rejected = {"tooOldLogEventEndIndex": 2, "tooNewLogEventStartIndex": 9}
    for n in range(10):
        app.writer.put({"n": n}, now())
    assert app.flush(60)
    assert (app.stats.rejected, app.stats.delivered) == (3, 7)


# --- processes ------------------------------------------------------------------------------------


def test_a_forked_child_writes_its_own_records_only(app: Any, cloud: Any) -> None:
    app.writer.put({"n": "before"}, now())
    assert app.flush(60)  # the parent has a client and a stream that the child must not share
    app.writer.put({"n": "parent"}, now())
    child = os.fork()
    if child == 0:
        code = 1
        try:
            app.writer.put({"n": "child"}, now())
            code = 0 if app.flush(60) and app.stats.delivered == 1 else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert app.flush(60)
    assert sorted(each["n"] for each in cloud.records()) == ["before", "child", "parent"]
    streams = cloud.groups[("222222222222", "eu-central-1", "/bulkhead/acme/bedrock")]
    assert len(streams) == 2


_SCRIPT = """
import json, sys, time, boto3
from bulkhead import Bulkhead
document, key = json.loads(sys.argv[1]), sys.argv[2]
base = boto3.Session(aws_access_key_id=key, aws_secret_access_key="secret")
app = Bulkhead.from_config(document, base, linger=30)
for n in range(50):
    app.writer.put({"n": n}, int(time.time() * 1000))
import uuid
app.handler.on_chat_model_start({}, [], run_id=uuid.uuid4())
"""


def test_a_program_that_just_ends_delivers(cloud: Any, document: Any) -> None:
    key = cloud.new_key("222222222222", "AKIA")
    command = [sys.executable, "-c", _SCRIPT, json.dumps(document), key]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, timeout=60, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    *found, unfinished = cloud.records()
    assert [each["n"] for each in found] == list(range(50))
    # A call whose end was never reported has its record too.
    assert unfinished["error.type"] == "unfinished"


def test_a_transport_that_cannot_judge_its_own_failure_costs_that_batch_only() -> None:
    class Confused(Recorder):
        def remedy(self, _: Exception) -> Remedy:
            raise RuntimeError("canary")

    transport = Confused([ConnectionError()])
    writer = LogWriter(transport, linger=0)
    writer.put({"n": 1}, now())
    assert writer.flush(60)
    writer.put({"n": 2}, now())
    assert writer.flush(60)
    assert transport.sent == [2]
    assert (writer.stats.dropped_failed, writer.stats.delivered) == (1, 1)
    writer.close()


def test_a_lost_record_that_nests_too_deep_to_be_read_again_is_counted() -> None:
    text = '{"a": ' + "[" * 100_000 + "]" * 100_000 + "}"
    assert record_id(text) is None
    ledger = Ledger()
    ledger.offer(1)
    ledger.lose("dropped_failed", 0, text)
    assert ledger.counts["dropped_failed"] == 1
    assert record_id('{"bulkhead.record.id": "r1"}') == "r1"
