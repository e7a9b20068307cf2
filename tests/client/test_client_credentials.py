"""Sessions replace themselves early and one at a time; a failure means that nothing is signed."""

from __future__ import annotations

import asyncio
import copy
import os
import pickle
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest
from botocore.credentials import ReadOnlyCredentials

from bulkhead import AssumeRoleError
from bulkhead.credentials import Issued, SessionCredentials

HOUR = 3600.0


@dataclass
class Sts:
    """Hands out sessions of an hour, counts, and fails when told to."""

    now: float = 1_000_000.0
    asked: int = 0
    failing: bool = False
    slow: float = 0.0
    held: threading.Event | None = None
    background: list[str] = field(default_factory=list)

    def clock(self) -> float:
        return self.now

    def obtain(self) -> Issued:
        self.asked += 1
        self.background.append(threading.current_thread().name)
        if self.slow:
            time.sleep(self.slow)
        if self.held is not None:
            self.held.wait(60)
        if self.failing:
            raise AssumeRoleError("cannot assume", "AccessDenied")
        return Issued(
            ReadOnlyCredentials(f"ASIA{self.asked}", "session-secret", "token", None),
            self.now + HOUR,
        )


@pytest.fixture
def sts() -> Sts:
    return Sts()


@pytest.fixture
def credentials(sts: Sts) -> SessionCredentials:
    return SessionCredentials(sts.obtain, clock=sts.clock)


def until(what: Callable[[], object], seconds: float = 60.0) -> bool:
    """Whether it becomes true in time."""
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True


def test_fifty_threads_at_first_use_ask_once(credentials: SessionCredentials, sts: Sts) -> None:
    sts.slow = 0.05
    gate = threading.Barrier(50)

    def use(_: int) -> str | None:
        gate.wait()
        return credentials.get_frozen_credentials().access_key

    with ThreadPoolExecutor(50) as pool:
        assert set(pool.map(use, range(50))) == {"ASIA1"}
    assert sts.asked == 1


def test_fifty_coroutines_at_first_use_ask_once(credentials: SessionCredentials, sts: Sts) -> None:
    sts.slow = 0.05

    async def all_of_them() -> set[str | None]:
        calls = (asyncio.to_thread(credentials.get_frozen_credentials) for _ in range(50))
        return {keys.access_key for keys in await asyncio.gather(*calls)}

    assert asyncio.run(all_of_them()) == {"ASIA1"}
    assert sts.asked == 1


def test_fifty_threads_share_one_failure(credentials: SessionCredentials, sts: Sts) -> None:
    sts.slow, sts.failing = 0.05, True
    gate = threading.Barrier(50)

    def use(_: int) -> AssumeRoleError:
        gate.wait()
        with pytest.raises(AssumeRoleError) as caught:
            credentials.get_frozen_credentials()
        return caught.value

    with ThreadPoolExecutor(50) as pool:
        errors = list(pool.map(use, range(50)))
    assert sts.asked == 1
    assert {error.code for error in errors} == {"AccessDenied"}
    # Each has an exception of its own: a shared one would collect their tracebacks.
    assert len({id(error) for error in errors}) == 50


def test_a_session_is_replaced_in_the_background_while_callers_go_on(
    credentials: SessionCredentials, sts: Sts
) -> None:
    credentials.get_frozen_credentials()
    sts.now += HOUR * 0.69  # the earliest moment, with all the jitter there is, is at 70 %
    credentials.get_frozen_credentials()
    assert sts.asked == 1
    sts.now += HOUR * 0.12  # the latest is at 80 %
    sts.held = threading.Event()  # nobody has waited for it who has keys before it is set
    with ThreadPoolExecutor(20) as pool:
        used = set(pool.map(lambda _: credentials.get_frozen_credentials().access_key, range(20)))
    assert used == {"ASIA1"}
    sts.held.set()
    assert until(lambda: credentials.get_frozen_credentials().access_key == "ASIA2")
    assert sts.asked == 2
    assert sts.background[1] == "bulkhead-session"


def test_processes_do_not_refresh_at_the_same_moment(sts: Sts) -> None:
    moments = set()
    for _ in range(20):
        each = SessionCredentials(sts.obtain, clock=sts.clock)
        each.get_frozen_credentials()
        moments.add(each._ahead)
        assert 0.70 * HOUR <= each._ahead - sts.now <= 0.80 * HOUR
    assert len(moments) > 10
    assert max(moments) - min(moments) > HOUR * 0.02


def test_processes_do_not_try_again_at_the_same_moment(sts: Sts) -> None:
    sts.failing = True
    pauses = set()
    for _ in range(20):
        each = SessionCredentials(sts.obtain, clock=sts.clock, backoff=(8.0, 60.0))
        with pytest.raises(AssumeRoleError):
            each.get_frozen_credentials()
        pauses.add(each._not_before - sts.now)
    assert len(pauses) > 10
    assert 4.0 <= min(pauses) < 5.5 and 6.5 < max(pauses) <= 8.0


def test_failing_in_the_background_backs_off_and_harms_nobody(
    sts: Sts, caplog: pytest.LogCaptureFixture
) -> None:
    credentials = SessionCredentials(sts.obtain, clock=sts.clock, backoff=(8.0, 60.0))
    credentials.get_frozen_credentials()
    sts.now += HOUR * 0.85
    sts.failing = True
    for _ in range(50):
        assert credentials.get_frozen_credentials().access_key == "ASIA1"
        time.sleep(0.001)
    assert until(lambda: credentials._failures == 1)
    assert sts.asked == 2
    assert "AccessDenied" in caplog.text
    # No attempt within half the pause, one after all of it; the next pause is longer.
    sts.now += 3.9
    credentials.get_frozen_credentials()
    time.sleep(0.02)
    assert sts.asked == 2
    sts.now += 4.2
    credentials.get_frozen_credentials()
    assert until(lambda: credentials._failures == 2)
    assert 8.0 <= credentials._not_before - sts.now <= 16.0
    sts.failing = False
    sts.now += 16.1
    credentials.get_frozen_credentials()
    assert until(lambda: credentials.get_frozen_credentials().access_key == "ASIA4")


def test_the_last_minute_of_a_session_is_not_used(
    credentials: SessionCredentials, sts: Sts
) -> None:
    credentials.get_frozen_credentials()
    sts.now += HOUR - 61
    sts.failing = True
    assert credentials.get_frozen_credentials().access_key == "ASIA1"
    assert until(lambda: credentials._failures == 1)
    sts.now += 2
    with pytest.raises(AssumeRoleError):
        credentials.get_frozen_credentials()
    sts.failing = False
    sts.now += 2
    assert credentials.get_frozen_credentials().access_key == "ASIA4"


def test_a_failure_is_not_repeated_at_once_and_then_is(
    credentials: SessionCredentials, sts: Sts
) -> None:
    sts.failing = True
    for _ in range(5):
        with pytest.raises(AssumeRoleError):
            credentials.get_frozen_credentials()
    assert sts.asked == 1
    sts.failing = False
    sts.now += 0.51
    assert credentials.get_frozen_credentials().access_key == "ASIA2"


def test_a_session_that_ended_early_is_discarded_by_its_key(
    credentials: SessionCredentials, sts: Sts
) -> None:
    credentials.get_frozen_credentials()
    credentials.discard("ASIA-another")
    credentials.get_frozen_credentials()
    assert sts.asked == 1
    credentials.discard("ASIA1")
    assert credentials.get_frozen_credentials().access_key == "ASIA2"
    assert credentials.knows("ASIA1")
    assert credentials.knows("ASIA2")
    assert not credentials.knows("ASIA3")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_goes_on_though_a_thread_of_the_parent_held_the_lock(
    credentials: SessionCredentials, sts: Sts
) -> None:
    credentials.get_frozen_credentials()
    ahead = credentials._ahead
    assert credentials._one.acquire()
    assert credentials._refreshing.acquire()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            fresh = credentials._ahead != ahead
            sts.now += HOUR
            code = 0 if credentials.get_frozen_credentials().access_key == "ASIA2" and fresh else 2
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert credentials._ahead == ahead


def test_keys_are_neither_shown_nor_pickled(credentials: SessionCredentials, sts: Sts) -> None:
    credentials.get_frozen_credentials()
    for text in (repr(credentials), str(credentials), repr(sts.obtain())):
        assert "session-secret" not in text
    for thing in (credentials, sts.obtain()):
        with pytest.raises(TypeError, match="not serializable"):
            pickle.dumps(thing)
    with pytest.raises(TypeError, match="not serializable"):
        copy.copy(credentials)
