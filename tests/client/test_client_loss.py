"""Nothing is lost: every way in which log writers are known to lose records, against ours.

Each program here is a real process that ends as it is told. The endpoint has the limits of
CloudWatch Logs, so a batch that AWS would refuse is refused. What may be lost or doubled, and where
the bound is, is in the README of the client ("What can be lost"); these tests hold it.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.credentials import Credentials, ReadOnlyCredentials
from support.writing import GROUP, KEY, PRELUDE, Writing, now, once, until

from bulkhead import Bulkhead, Spool
from bulkhead.destination import Destination
from harness.bench.log_endpoint import DAY, Failure, Request

NEW_KEY = "AKIA0000000000000002"
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs fork and signals")


def put(app: Bulkhead, first: int, last: int, at: int | None = None) -> None:
    for n in range(first, last):
        app.writer.put({"bulkhead.record.id": f"r{n}", "n": n}, now() if at is None else at)


@pytest.fixture(params=["memory", "spool"])
def spool(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    """Where records wait: in memory only, or on disk too."""
    return tmp_path if request.param == "spool" else None


def rotated(current: list[str]) -> Any:
    """A session whose access key is whatever stands in a list."""

    class Rotated(Credentials):
        def get_frozen_credentials(self) -> ReadOnlyCredentials:
            return ReadOnlyCredentials(current[0], "secret", None)

    base = botocore.session.Session()
    base._credentials = Rotated(KEY, "secret")
    return base


# --- what the endpoint does -----------------------------------------------------------------------


def test_a_group_that_comes_late(writing: Writing, spool: Path | None) -> None:
    writing.endpoint.groups.clear()
    with writing.app(spool=spool) as app:
        put(app, 0, 500)
        until(lambda: writing.endpoint.refusals)
        put(app, 500, 1000)
        writing.endpoint.groups.add(GROUP)
        assert app.flush(60)
    assert writing.ids() == once(0, 1000)
    assert app.stats.retries > 0


@pytest.mark.parametrize(
    ("status", "code"),
    [(503, "ServiceUnavailableException"), (400, "ThrottlingException"), (0, "")],
    ids=["outage", "throttled", "connections closed"],
)
def test_an_endpoint_that_fails_for_a_while(
    writing: Writing, spool: Path | None, status: int, code: str
) -> None:
    with writing.app(spool=spool) as app:
        # Counted, and not timed: how often it is asked in a while depends on the machine.
        failures = iter([Failure(status, code)] * 5)
        writing.endpoint.fail = lambda _: next(failures, None)
        for n in range(10):
            put(app, n * 100, (n + 1) * 100)
            time.sleep(0.03)
        assert app.flush(60)
    assert writing.ids() == once(0, 1000)
    assert app.stats.retries > 3


def test_an_outage_of_three_seconds(writing: Writing, spool: Path | None) -> None:
    """In real time: whatever is asked for three seconds is answered with 503."""
    over = threading.Event()
    writing.endpoint.fail = lambda _: (
        None if over.is_set() else Failure(503, "ServiceUnavailableException")
    )
    with writing.app(spool=spool) as app:
        began, n = time.monotonic(), 0
        while time.monotonic() < began + 3:
            put(app, n, n + 25)
            n += 25
            time.sleep(0.1)
        assert (app.stats.delivered, app.stats.lost) == (0, 0)
        over.set()
        assert app.flush(60)
    assert writing.ids() == once(0, n)


def test_a_spool_may_be_made_as_the_application_chooses(writing: Writing, tmp_path: Path) -> None:
    """With choices of its own, which a directory alone has no place for."""
    made: list[Spool] = []

    def spool(destination: str) -> Spool:
        made.append(Spool(tmp_path, destination, durable=False, fsync=True))
        return made[-1]

    with writing.app(spool=spool) as app:
        put(app, 0, 10)
        assert app.flush(60)
    assert [each.directory.parent for each in made] == [tmp_path]
    assert writing.ids() == once(0, 10)
    with writing.app(spool=tmp_path) as app:
        assert Spool(tmp_path, Destination.of(app.config).name).directory == made[0].directory


def test_a_right_that_comes_late(writing: Writing, spool: Path | None) -> None:
    """The group is there, and writing to it is not allowed yet."""
    granted = threading.Event()
    writing.endpoint.fail = lambda _: (
        None if granted.is_set() else Failure(400, "AccessDeniedException")
    )
    with writing.app(spool=spool) as app:
        put(app, 0, 500)
        until(lambda: app.stats.retries >= 3)
        put(app, 500, 1000)
        granted.set()
        assert app.flush(60)
        assert app.stats.lost == 0
    assert writing.ids() == once(0, 1000)


def test_an_outage_that_lasts_longer_than_is_waited_for(
    writing: Writing, spool: Path | None
) -> None:
    """Without a spool `give_up_after` and five attempts are the bound; on disk records wait on."""
    failures = iter([Failure(503, "ServiceUnavailableException")] * 20)
    writing.endpoint.fail = lambda _: next(failures, None)
    with writing.app(spool=spool, give_up_after=0) as app:
        put(app, 0, 100)
        assert app.flush(60)
        assert app.stats.dropped_failed == (0 if spool else 100)
        until(lambda: next(failures, None) is None)
        put(app, 100, 200)
        assert app.flush(60)
    assert writing.ids() == (once(0, 200) if spool else once(100, 200))
    told = [each["bulkhead.dropped.reasons"] for each in writing.arrived("losses")]
    assert told == ([] if spool else [{"dropped_failed": 100}])


def test_records_of_three_days(writing: Writing, spool: Path | None) -> None:
    # In one batch the whole of it would be refused.
    start = now()
    with writing.app(spool=spool, linger=0.2) as app:
        for n in range(20):
            put(app, n, n + 1, start - n * DAY // 6)
    assert writing.ids() == once(0, 20)
    assert writing.endpoint.refusals == []
    assert len(writing.endpoint.batches) >= 4


def test_more_and_larger_records_than_a_batch_takes(writing: Writing, spool: Path | None) -> None:
    with writing.app(spool=spool, capacity=100_000) as app:
        put(app, 0, 25_000)
        for n in range(5):
            app.writer.put({"bulkhead.record.id": f"large{n}", "pad": "p" * 600_000}, now())
        assert app.flush(60)
    assert writing.ids() == once(0, 25_000) + once(0, 5, "large")
    assert writing.endpoint.refusals == []


def test_one_event_that_is_not_acceptable(writing: Writing, spool: Path | None) -> None:
    with writing.app(spool=spool, linger=0.2) as app:
        for n in range(100):
            app.writer.put({"bulkhead.record.id": f"r{n}", "n": "poison" if n == 37 else n}, now())
        assert app.flush(60)
        assert app.stats.dropped_failed == 1
    expected = once(0, 100)
    del expected["r37"]
    assert writing.ids() == expected
    # The loss is itself a record.
    (told,) = writing.arrived("losses")
    assert told["bulkhead.dropped.reasons"] == {"dropped_failed": 1}
    assert told["bulkhead.dropped.samples"][0]["id"] == "r37"


def test_what_is_no_record(writing: Writing, spool: Path | None) -> None:
    with writing.app(spool=spool) as app:
        put(app, 0, 10)
        app.writer.put({"n": object()}, now())
        app.writer.put(lambda: [{"n": 1 // 0}], now())
        app.writer.put({"n": "x" * 1_100_000}, now())
        put(app, 10, 20)
        assert app.flush(60)
    assert writing.ids() == once(0, 20)
    (told,) = writing.arrived("losses")
    assert told["bulkhead.dropped.reasons"] == {"dropped_invalid": 2, "dropped_too_large": 1}


def test_credentials_that_expire_on_the_way(writing: Writing, spool: Path | None) -> None:
    def expired(request: Request) -> Failure | None:
        batches = len(writing.endpoint.batches)
        return Failure(400, "ExpiredTokenException") if request.key == KEY and batches else None

    writing.endpoint.fail = expired
    current = [KEY]
    with writing.app(rotated(current), spool=spool) as app:
        put(app, 0, 500)
        until(lambda: writing.endpoint.batches)
        put(app, 500, 1000)
        time.sleep(0.2)
        current[0] = NEW_KEY
        assert app.flush(60)
    assert writing.ids() == once(0, 1000)
    assert {key for _, key, _ in writing.endpoint.requests} == {KEY, NEW_KEY}


def test_credentials_that_become_another_accounts(writing: Writing, spool: Path | None) -> None:
    """Nothing is written with them. On disk it waits for a process whose credentials are right."""
    writing.endpoint.accounts[NEW_KEY] = "333333333333"
    current = [KEY]
    with writing.app(rotated(current), spool=spool) as app:
        for first, key in ((0, KEY), (10, NEW_KEY), (20, KEY)):
            current[0] = key
            put(app, first, first + 10)
            assert app.flush(60)
        assert (app.stats.spooled, app.stats.dropped_refused) == ((10, 0) if spool else (0, 10))
        assert app.writer.refusal is not None
    assert writing.ids() == once(0, 10) + once(20, 30)
    assert {key for _, key, _ in writing.endpoint.requests} == {KEY}
    told = [each["bulkhead.dropped.reasons"] for each in writing.arrived("losses")]
    assert told == ([] if spool else [{"dropped_refused": 10}])
    with writing.app(spool=spool) as after:
        assert after.flush(60)
    assert writing.ids() == (once(0, 30) if spool else once(0, 10) + once(20, 30))


def test_an_answer_that_was_lost(writing: Writing, spool: Path | None) -> None:
    # CloudWatch has the batch and the client cannot know: it sends it again, under the same ids.
    failures = [Failure(0, after=True)]
    writing.endpoint.fail = lambda request: (
        failures.pop() if failures and request.operation == "PutLogEvents" else None
    )
    with writing.app(spool=spool) as app:
        put(app, 0, 10)
        assert app.flush(60)
        assert app.stats.delivered == 10
    assert set(writing.ids()) == set(once(0, 10))
    assert max(writing.ids().values()) == 2


# --- how processes end ----------------------------------------------------------------------------


def test_a_program_that_ends(writing: Writing) -> None:
    program = writing.program("put(0, 1000)", linger=60)
    assert program.ends() == 0, program.errors
    assert writing.ids() == once(0, 1000)


def test_a_program_that_raises(writing: Writing) -> None:
    program = writing.program("put(0, 1000); raise SystemExit(3)", linger=60)
    assert program.ends() == 3
    assert writing.ids() == once(0, 1000)


@pytest.mark.parametrize(
    ("setting", "code"),
    [
        ("", -signal.SIGTERM),
        ("signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))\n", 5),
    ],
    ids=["default", "handled by the application"],
)
def test_sigterm(writing: Writing, setting: str, code: int) -> None:
    program = writing.program(
        f"{setting}put(0, 1000); say('ready')\nwhile True: time.sleep(0.01)", linger=60
    )
    program.says("ready")
    program.process.send_signal(signal.SIGTERM)
    assert program.ends() == code
    assert writing.ids() == once(0, 1000)


def test_sigterm_where_the_main_thread_did_not_make_the_application(
    writing: Writing, tmp_path: Path
) -> None:
    """Only it may handle signals, so SIGTERM then is what it is to Python: an end at once."""
    program = writing.program(
        "put(0, 10); say('ready')\nwhile True: time.sleep(0.01)",
        prelude=PRELUDE.replace(
            "app = start()",
            "made = []\n"
            "maker = threading.Thread(target=lambda: made.append(start()))\n"
            "maker.start(); maker.join()\n"
            "app = made[0]",
        ),
        spool=tmp_path,
        linger=60,
    )
    program.says("ready")
    program.process.send_signal(signal.SIGTERM)
    assert program.ends() == -signal.SIGTERM
    assert writing.ids() == Counter()
    after = writing.program("app.flush(60)", spool=tmp_path)
    assert after.ends() == 0, after.errors
    assert writing.ids() == once(0, 10)


def test_sigterm_with_a_hung_endpoint_ends_in_time(writing: Writing) -> None:
    writing.endpoint.hang.set()
    program = writing.program(
        "put(0, 10); say('ready')\nwhile True: time.sleep(0.01)", exit_seconds=0.4
    )
    program.says("ready")
    sent = time.monotonic()
    program.process.send_signal(signal.SIGTERM)
    assert program.ends() == -signal.SIGTERM
    assert 0.3 < time.monotonic() - sent < 10  # of the 15 that an answer has


def test_a_hung_endpoint_at_exit(writing: Writing, tmp_path: Path) -> None:
    """Bounded in time; the spool keeps what could not be sent."""
    writing.endpoint.hang.set()
    text = "put(0, 10); say('ending')"
    without = writing.program(text, exit_seconds=0.4)
    without.says("ending")
    sent = time.monotonic()
    assert without.ends() == 0
    assert 0.3 < time.monotonic() - sent < 10  # of the 15 that an answer has
    assert "10 records were not delivered" in without.errors
    assert writing.program(text, exit_seconds=0.2, spool=tmp_path).ends() == 0
    writing.endpoint.hang.clear()
    after = writing.program("app.flush(60)", spool=tmp_path)
    assert after.ends() == 0, after.errors
    assert writing.ids() == once(0, 10)


def test_who_closed_before_the_end_does_not_wait_again(writing: Writing) -> None:
    writing.endpoint.hang.set()
    program = writing.program("put(0, 10); app.close(0.2); say('closed')", exit_seconds=20)
    program.says("closed")
    closed = time.monotonic()
    assert program.ends() == 0, program.errors
    assert time.monotonic() - closed < 10


def test_forked_children_write_what_is_theirs(writing: Writing) -> None:
    # What waits in the parent at the fork is delivered once, by the parent.
    program = writing.program(
        """
put(0, 500)
child = os.fork()
if not child:
    put(1000, 1500)
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
put(500, 1000)
""",
        linger=60,
    )
    assert program.ends() == 0, program.errors
    assert writing.ids() == once(0, 1500)
    assert len(writing.endpoint.streams) == 2


def test_os_exit_without_a_spool_loses_what_lingered(writing: Writing) -> None:
    """The bound: what was put within `linger` of the end, and what was on its way."""
    program = writing.program(
        """
put(0, 500)
while app.stats.delivered < 500: time.sleep(0.005)  # nobody flushes
say('delivered')
sys.stdin.readline()
put(500, 510)
os._exit(7)
""",
        linger=0.1,
    )
    program.says("delivered")
    writing.endpoint.hang.set()  # however long the process takes to end
    assert program.process.stdin is not None
    program.process.stdin.write("\n")
    assert program.ends() == 7
    writing.endpoint.hang.clear()
    assert writing.ids() == once(0, 500)


# --- with the spool -------------------------------------------------------------------------------


ENDS = {
    "os._exit": ("os._exit(9)", 9),
    "SIGKILL": ("os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL),
    "SIGHUP": ("os.kill(os.getpid(), signal.SIGHUP)", -signal.SIGHUP),
    "another program": ("os.execv(sys.executable, [sys.executable, '-c', 'exit(3)'])", 3),
}


@pytest.mark.parametrize("end", ENDS)
def test_a_killed_process_with_a_spool(writing: Writing, end: str, tmp_path: Path) -> None:
    """Nothing was sent yet: the next process delivers all, once, metrics and all."""
    text, code = ENDS[end]
    program = writing.program(f"put(0, 500); {text}", spool=tmp_path, linger=60)
    assert program.ends() == code, program.errors
    assert writing.ids() == Counter()
    for _ in range(2):  # the second finds nothing left
        after = writing.program("put(500, 510); app.flush(60)", spool=tmp_path)
        assert after.ends() == 0, after.errors
    assert writing.ids() == once(0, 500) + once(500, 510) + once(500, 510)
    assert all("_aws" in record for record in writing.arrived())
    assert not any("bulkhead.replayed" in record for record in writing.arrived())
    assert list(tmp_path.rglob("*.spool")) == []


def test_a_process_killed_while_it_sends(writing: Writing, tmp_path: Path) -> None:
    """One batch may have arrived: it comes again, marked, and its metrics are not counted twice."""
    batches: list[Request] = []

    def answer(request: Request) -> Failure | None:
        if request.operation == "PutLogEvents":
            batches.append(request)
            if len(batches) == 2:
                # Accepted, and the answer is never seen.
                os.kill(program.process.pid, signal.SIGKILL)
        return None

    writing.endpoint.fail = answer
    program = writing.program(
        "put(0, 100); app.flush(60); put(100, 300); app.flush(60)", spool=tmp_path, linger=60
    )
    assert program.ends() == -signal.SIGKILL
    writing.endpoint.fail = None
    after = writing.program("app.flush(60)", spool=tmp_path)
    assert after.ends() == 0, after.errors
    ids = writing.ids()
    assert set(ids) == set(once(0, 300)), "lost"
    assert {key for key, times in ids.items() if times == 2} == set(once(100, 300))
    counted = Counter(
        record["bulkhead.record.id"] for record in writing.arrived() if "_aws" in record
    )
    assert max(counted.values()) == 1
    again = [record for record in writing.arrived() if record.get("bulkhead.replayed")]
    assert Counter(record["bulkhead.record.id"] for record in again) == once(100, 300)


def test_a_long_outage_with_a_spool(writing: Writing, tmp_path: Path) -> None:
    """Memory holds 100; the rest waits on disk, through an end of the process."""
    writing.endpoint.hang.set()
    program = writing.program(
        "put(0, 800); assert app.stats.lost == 0; app.close(0.1)", spool=tmp_path, capacity=100
    )
    assert program.ends() == 0, program.errors
    writing.endpoint.hang.clear()
    after = writing.program(
        "put(800, 1600)\n"
        "while app.stats.delivered < 1600: time.sleep(0.01)\n"
        "assert app.stats.lost == 0",
        spool=tmp_path,
        capacity=100,
    )
    assert after.ends() == 0, after.errors
    assert writing.ids() == once(0, 1600)
