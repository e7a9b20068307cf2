"""The spool: what is on disk, within which bounds, and what becomes of it."""

from __future__ import annotations

import json
import os
import shutil
import stat
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.writing import Gate, until

from bulkhead import LogWriter, Spool
from bulkhead.backlog import Backlog
from bulkhead.batch import Event
from bulkhead.errors import ConfigError
from bulkhead.segment import Segment, _numbers, _ranges
from bulkhead.transport import Remedy

HERE = "222222222222:eu-central-1:/bulkhead/acme/bedrock"


def event(n: int, pad: int = 0) -> Event:
    text = json.dumps({"_aws": {}, "bulkhead.record.id": f"r{n}", "n": n, "pad": "p" * pad})
    return Event.of(1000 + n, text)


def numbers(events: Sequence[Event]) -> list[int]:
    return [json.loads(each.message)["n"] for each in events]


def abandon(spool: Spool) -> None:
    """What the end of a process does to it: locks go, files stay."""
    for segment in spool._own:
        segment.close()
    if spool._adopted is not None:
        spool._adopted.close()


def files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.spool"))


def left(folder: Path) -> tuple[list[Event], int]:
    """What a next process finds, all segments together."""
    spool = Spool(folder, HERE)
    found: list[Event] = []
    damaged = 0
    while True:
        events, corrupt = spool.adopt()
        damaged += corrupt
        if not events and not corrupt:
            return found, damaged
        found += events
        spool.settled(events)


def test_what_was_not_settled_is_found_again(tmp_path: Path) -> None:
    spool = Spool(tmp_path, HERE)
    written = spool.append([event(n) for n in range(10)])
    spool.settled([written[2], written[3], written[7]])
    abandon(spool)
    found, damaged = left(tmp_path)
    assert numbers(found) == [0, 1, 4, 5, 6, 8, 9]
    assert damaged == 0
    assert [each.timestamp for each in found] == [1000 + n for n in numbers(found)]
    assert files(tmp_path) == []


def test_only_what_was_tried_is_marked_as_a_replay(tmp_path: Path) -> None:
    spool = Spool(tmp_path, HERE)
    written = spool.append([event(n) for n in range(4)])
    spool.tried(written[1:3])
    abandon(spool)
    found, _ = left(tmp_path)
    records = {json.loads(each.message)["n"]: json.loads(each.message) for each in found}
    assert all("_aws" in records[n] for n in (0, 3))
    assert all("_aws" not in records[n] and records[n]["bulkhead.replayed"] for n in (1, 2))
    assert [each.ticket.replay for each in found if each.ticket] == [False, True, True, False]


def test_marks_that_find_no_room_make_all_of_a_segment_replays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool(tmp_path, HERE)
    written = spool.append([event(n) for n in range(4)])

    def full(*_: Any) -> None:
        raise OSError("no room")

    with monkeypatch.context() as patch:
        patch.setattr(Segment, "mark", full)
        assert spool.tried(written[1:3])
    spool.settled(written[:1])
    abandon(spool)
    found, _ = left(tmp_path)
    assert numbers(found) == [1, 2, 3]
    assert all("_aws" not in each.message for each in found)


def test_a_closed_spool_lets_nothing_be_tried(tmp_path: Path) -> None:
    spool = Spool(tmp_path, HERE)
    written = spool.append([event(1)])
    assert spool.tried(written)
    spool.close()
    assert not spool.tried(written)
    assert spool.tried([event(2)])  # it is in no spool: nobody else will send it


def test_a_writer_that_was_closed_leaves_the_next_batch_to_its_successor(tmp_path: Path) -> None:
    """Two batches, since they are 20 hours apart each; the first hangs beyond the end."""
    hung = Hung()
    writer = LogWriter(hung, spool=Spool(tmp_path, HERE), linger=60)
    hours = 3_600_000
    for n in range(4):
        record = {"_aws": {}, "bulkhead.record.id": f"r{n}", "n": n}
        writer.put(record, 10 * 24 * hours + n * 20 * hours)
    writer.close(0.3)
    assert writer.stats.spooled == 4
    hung.go.set()
    deadline = time.monotonic() + 10
    while any(sender.runs for sender in writer._senders) and time.monotonic() < deadline:
        time.sleep(0.01)
    found, _ = left(tmp_path)
    again = {n for n in numbers(found) if n in hung.sent}
    assert sorted({*numbers(found), *hung.sent}) == [0, 1, 2, 3]
    assert again == set(hung.sent) != set(range(4))
    for each in found:
        assert ("_aws" not in each.message) == (json.loads(each.message)["n"] in again)


def test_a_successor_that_dies_leaves_the_rest_to_the_next(tmp_path: Path) -> None:
    first = Spool(tmp_path, HERE)
    first.append([event(n) for n in range(6)])
    abandon(first)
    second = Spool(tmp_path, HERE)
    found, _ = second.adopt()
    second.tried(found[:4])
    second.settled(found[:2])
    abandon(second)
    found, _ = left(tmp_path)
    assert numbers(found) == [2, 3, 4, 5]
    assert [each.ticket.replay for each in found if each.ticket] == [True, True, False, False]


def test_what_a_living_process_holds_is_not_taken(tmp_path: Path) -> None:
    living = Spool(tmp_path, HERE)
    living.append([event(1)])
    assert left(tmp_path) == ([], 0)
    abandon(living)
    assert numbers(left(tmp_path)[0]) == [1]


def test_one_destination_never_gets_what_is_anothers(tmp_path: Path) -> None:
    spool = Spool(tmp_path, HERE)
    spool.append([event(1)])
    abandon(spool)
    elsewhere = Spool(tmp_path, "333333333333:eu-central-1:/bulkhead/globex/bedrock")
    assert elsewhere.adopt() == ([], 0)
    # Even if the file is moved there.
    (found,) = files(tmp_path)
    found.rename(elsewhere.directory / found.name)
    assert elsewhere.adopt() == ([], 1)
    assert [each.suffix for each in elsewhere.directory.iterdir() if each.name != "lock"] == [
        ".unreadable"
    ]


@pytest.mark.parametrize("kind", ["flipped", "cut", "inserted"])
def test_damage_costs_only_the_line_that_it_hits(tmp_path: Path, kind: str) -> None:
    spool = Spool(tmp_path, HERE)
    spool.append([event(n) for n in range(5)])
    abandon(spool)
    (path,) = files(tmp_path)
    lines = path.read_bytes().splitlines(keepends=True)
    if kind == "flipped":
        lines[3] = lines[3].replace(b'"n": 2', b'"n": 3')
        expected = [0, 1, 3, 4]
    elif kind == "cut":
        lines[-1] = lines[-1][:-20]
        expected = [0, 1, 2, 3]
    else:
        lines.insert(3, b"\x00\xff garbage\n")
        expected = [0, 1, 2, 3, 4]
    path.write_bytes(b"".join(lines))
    found, damaged = left(tmp_path)
    assert numbers(found) == expected
    assert damaged == 1


def test_the_directory_never_holds_more_than_it_may(tmp_path: Path) -> None:
    most = 256 * 1024
    spools = [Spool(tmp_path, HERE, max_bytes=most) for _ in range(3)]
    placed = 0
    for n in range(1_000):
        written = spools[n % 3].append([event(n, pad=1_000)])
        spools[n % 3].tried(written)
        placed += written[0].ticket is not None
        assert sum(path.stat().st_size for path in files(tmp_path)) <= most
    assert 150 < placed < 250
    assert all(spool.full for spool in spools)
    for spool in spools:
        abandon(spool)
    assert len(left(tmp_path)[0]) == placed


def test_settled_segments_make_room(tmp_path: Path) -> None:
    spool = Spool(tmp_path, HERE, max_bytes=256 * 1024)
    for n in range(2_000):
        (written,) = spool.append([event(n, pad=1_000)])
        assert written.ticket is not None
        spool.settled([written])
    assert len(files(tmp_path)) == 1
    spool.close()
    assert files(tmp_path) == []


@pytest.mark.parametrize("most", [1, 64])
def test_parked_records_come_back_in_order(tmp_path: Path, most: int) -> None:
    """One by one too, so that segments go while the next record to take is in the one after."""
    spool = Spool(tmp_path, HERE, max_bytes=1024 * 1024)
    kept = spool.append([event(n, pad=500) for n in range(10)])
    spool.append([event(n, pad=500) for n in range(10, 700)], park=True)
    spool.settled(kept)
    assert spool.parked == 690
    back: list[Event] = []
    while spool.parked:
        events, damaged = spool.take(most)
        assert damaged == 0
        spool.tried(events)
        spool.settled(events)
        back += events
    assert numbers(back) == list(range(10, 700))
    spool.append([event(n) for n in range(700, 710)], park=True)
    assert numbers(spool.take(100)[0]) == list(range(700, 710))


@pytest.mark.parametrize("fails", ["lock", "write"])
def test_a_segment_that_cannot_be_begun_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    def full(*_: object) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        if fails == "lock":
            patch.setattr("bulkhead.segment.lock", lambda _: False)
        else:
            patch.setattr(Segment, "_write", full)
        with pytest.raises(OSError, match="is locked" if fails == "lock" else "no space"):
            Segment.create(tmp_path / "one", HERE)
    assert list(tmp_path.iterdir()) == []
    Segment.create(tmp_path / "one", HERE).remove()  # the twin, at the same place


def test_files_are_their_owners_only(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "made", HERE)
    spool.append([event(1)])
    (path,) = files(tmp_path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("what", ["file", "directory", "all"])
def test_what_somebody_deletes_costs_no_later_record(tmp_path: Path, what: str) -> None:
    spool = Spool(tmp_path / "made", HERE)
    spool.append([event(0)])
    if what == "file":
        files(tmp_path)[0].unlink()
    else:
        shutil.rmtree(spool.directory if what == "directory" else tmp_path / "made")
    written = [each for n in (1, 2) for each in spool.append([event(n)])]
    assert all(each.ticket is not None for each in written)
    assert len(files(tmp_path)) == 1
    spool.settled(written[:1])
    abandon(spool)
    found, damaged = left(tmp_path / "made")
    assert (numbers(found), damaged) == ([2], 0)


def test_a_directory_that_somebody_else_makes_instead_is_not_used(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "made", HERE)
    spool.append([event(0)])
    (tmp_path / "theirs").mkdir()
    spool.directory.rename(tmp_path / "gone")
    spool.directory.symlink_to(tmp_path / "theirs")
    shutil.rmtree(tmp_path / "gone")
    (kept,) = spool.append([event(1)])
    assert kept.ticket is None
    assert not files(tmp_path / "theirs")


def test_a_directory_of_others_is_refused(tmp_path: Path) -> None:
    spool = Spool(tmp_path, HERE)
    spool.directory.chmod(0o777)
    with pytest.raises(ConfigError, match="must belong to this user"):
        Spool(tmp_path, HERE)
    spool.directory.chmod(0o700)
    spool.directory.rename(tmp_path / "elsewhere")
    spool.directory.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigError, match="must belong to this user"):
        Spool(tmp_path, HERE)
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be used"):
        Spool(tmp_path / "file", HERE)
    with pytest.raises(ConfigError, match="max_bytes"):
        Spool(tmp_path, HERE, max_bytes=1)


def test_a_full_disk_leaves_records_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    spool = Spool(tmp_path, HERE)
    spool.append([event(0)])
    real = os.write

    def full(descriptor: int, data: bytes) -> int:
        if len(data) > 20:
            return real(descriptor, data[:20])  # part of it, and then
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("bulkhead.segment.os.write", full)
    (kept,) = spool.append([event(1)])
    assert kept.ticket is None
    assert "No space left" in caplog.text
    monkeypatch.undo()
    (written,) = spool.append([event(2)])
    assert written.ticket is not None
    abandon(spool)
    found, damaged = left(tmp_path)
    assert (numbers(found), damaged) == ([0, 2], 0)


class Hung:
    """A transport that waits until it is let go."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.sent: list[int] = []

    def send(self, events: Sequence[Event]) -> None:
        assert self.go.wait(20)
        self.sent += numbers(events)

    def remedy(self, _: Exception) -> Remedy:
        return Remedy.RETRY

    def reset(self) -> None:
        pass

    def another(self) -> Hung:
        return self


def put(writer: LogWriter, first: int, last: int) -> None:
    for n in range(first, last):
        writer.put({"n": n, "pad": "p" * 1_000}, 1000 + n)


@pytest.mark.parametrize("durable", [True, False])
def test_put_returns_when_the_record_is_written_down(tmp_path: Path, durable: bool) -> None:
    hung = Hung()
    writer = LogWriter(hung, spool=Spool(tmp_path, HERE, durable=durable), linger=0.01)
    put(writer, 0, 20)
    if durable:
        assert sum(path.read_bytes().count(b"\nR ") for path in files(tmp_path)) == 20
    hung.go.set()
    assert writer.flush(60)
    assert sorted(hung.sent) == list(range(20))
    writer.close()
    assert files(tmp_path) == []


def test_a_disk_that_hangs_holds_put_up_for_a_while_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go, real, hung = threading.Event(), Spool.append, Hung()
    hung.go.set()

    def slow(spool: Spool, events: Sequence[Event], **choices: Any) -> list[Event]:
        assert go.wait(20)
        return real(spool, events, **choices)

    monkeypatch.setattr(Spool, "append", slow)
    monkeypatch.setattr("bulkhead.writer._DURABLE_SECONDS", 0.2)
    writer = LogWriter(hung, spool=Spool(tmp_path, HERE), linger=0)
    started = time.monotonic()
    put(writer, 0, 1)
    assert 0.15 < time.monotonic() - started < 10
    go.set()
    assert writer.flush(60)
    assert hung.sent == [0]
    writer.close()


def test_memory_and_disk_full(tmp_path: Path) -> None:
    """First memory, then disk, and then it is as without a spool: dropped and counted."""
    hung = Hung()
    spool = Spool(tmp_path, HERE, max_bytes=128 * 1024)
    writer = LogWriter(hung, spool=spool, linger=0, capacity=20)
    put(writer, 0, 300)
    stats = writer.stats
    assert stats.offered == 300
    assert 300 - 160 < stats.dropped_full < 300 - 80
    assert stats.pending == 300 - stats.dropped_full
    hung.go.set()
    assert writer.flush(60)
    assert len(hung.sent) == len(set(hung.sent)) == writer.stats.delivered == stats.pending
    put(writer, 300, 310)
    assert writer.flush(60)
    assert set(range(300, 310)) <= set(hung.sent)
    writer.close()
    assert files(tmp_path) == []


def test_what_waits_on_disk_keeps_its_place(tmp_path: Path) -> None:
    """Records that come while others wait on disk wait behind them, and none comes twice."""
    hung = Hung()
    writer = LogWriter(hung, spool=Spool(tmp_path, HERE), linger=0, capacity=10)
    put(writer, 0, 100)
    with writer._lock:  # as if the senders had made room and nothing were read back yet
        held, writer._backlog._held = writer._backlog._held, 0
    writer._backlog.admit([event(100)], 0)
    with writer._lock:
        writer._backlog._held = held
        writer._ledger.offer(1)
    hung.go.set()
    assert writer.flush(60)
    assert hung.sent == list(range(101))
    assert writer.stats.delivered == writer.stats.offered == 101
    writer.close()


def test_what_is_left_at_the_end_is_not_lost(tmp_path: Path) -> None:
    hung = Hung()
    writer = LogWriter(hung, spool=Spool(tmp_path, HERE), linger=0, capacity=10)
    put(writer, 0, 50)
    assert writer.close(0.05)
    stats = writer.stats
    assert (stats.spooled, stats.pending, stats.lost) == (50, 0, 0)
    assert stats.offered == stats.pending + stats.delivered + stats.spooled + stats.lost
    assert sorted(numbers(left(tmp_path)[0])) == list(range(50))
    hung.go.set()


def test_damage_is_counted_and_told(tmp_path: Path) -> None:
    spool = Spool(tmp_path, HERE)
    spool.append([event(n) for n in range(3)])
    abandon(spool)
    (path,) = files(tmp_path)
    path.write_bytes(path.read_bytes().replace(b'"n": 1', b'"n": 9'))
    hung = Hung()
    hung.go.set()
    writer = LogWriter(hung, spool=Spool(tmp_path, HERE), linger=0)
    put(writer, 10, 11)
    assert writer.flush(60)
    assert sorted(hung.sent) == [0, 2, 10]
    assert (writer.stats.dropped_corrupt, writer.stats.delivered) == (1, 3)
    writer.close()


@given(st.sets(st.integers(0, 300)))
def test_marks_say_which(marked: set[int]) -> None:
    if marked:
        assert set(_numbers(_ranges(marked).encode())) == marked


@given(st.binary(max_size=400), st.integers(0, 10_000))
def test_no_damage_stops_the_reader(tmp_path_factory: Any, junk: bytes, at: int) -> None:
    path = tmp_path_factory.mktemp("junk") / "1.spool"
    segment = Segment.create(path, HERE)
    segment.append([(n, json.dumps({"n": n})) for n in range(5)])
    segment.mark(b"S", [1])
    segment.close()
    data = path.read_bytes()
    cut = at % len(data)
    path.write_bytes(data[:cut] + junk + data[cut:])
    found = Segment.adopt(path, HERE)
    if found is not None:
        assert {line.number for line in found[1].records} <= set(range(5))
        found[0].close()


def test_segments_follow_each_other_however_quickly_one_is_delivered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not only once a minute: by then the process may have ended."""
    for n in range(3):
        dead = Spool(tmp_path, HERE)
        dead.append([event(n)])
        abandon(dead)
    spool = Spool(tmp_path, HERE)
    adopt = Backlog.adopt

    def slowly(backlog: Backlog) -> bool:
        """Return when what was taken over has been delivered."""
        found = adopt(backlog)
        until(lambda: not spool.replaying)
        return found

    monkeypatch.setattr(Backlog, "adopt", slowly)
    transport = Gate()
    transport.open.set()
    writer = LogWriter(transport, spool=spool, linger=0)
    until(lambda: writer.stats.delivered == 3)
    assert writer.close(60)
    assert not files(tmp_path)
