"""What damage to the files of a spool costs: each line itself, counted and told, and no more."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from support.writing import Gate

from bulkhead import LogWriter, SelfReport, Spool
from bulkhead.batch import Event

HERE = "222222222222:eu-central-1:/bulkhead/acme/bedrock"
ELSEWHERE = "333333333333:eu-central-1:/bulkhead/globex/bedrock"


def event(n: int, pad: int = 0) -> Event:
    text = json.dumps({"_aws": {}, "bulkhead.record.id": f"r{n}", "n": n, "pad": "p" * pad})
    return Event.of(1000 + n, text)


def abandoned(folder: Path, count: int, destination: str = HERE) -> Path:
    """The segment that a killed process leaves."""
    spool = Spool(folder, destination)
    spool.append([event(n) for n in range(count)])
    (segment,) = spool._own
    segment.close()
    return segment.path


def replayed(folder: Path) -> tuple[Gate, LogWriter]:
    """A writer that has dealt with all that it found."""
    gate = Gate()
    gate.open.set()
    writer = LogWriter(
        gate,
        spool=Spool(folder, HERE),
        report=SelfReport({"bulkhead.app": "orders"}),
        linger=0,
        heartbeat=0,
    )
    assert writer.flush(60)
    assert writer.close()
    return gate, writer


def aside(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.unreadable"))


DAMAGE: dict[str, tuple[Callable[[bytes, list[bytes]], bytes], int]] = {
    # how the file is then, and how many lines that costs
    "a bit of it flips": (lambda data, _: data[:20] + bytes([data[20] ^ 1]) + data[21:], 1),
    "it is gone": (lambda _, lines: b"".join(lines[1:]), 0),
    "half of it is gone": (lambda data, _: data[30:], 1),
    "it and the next are one": (lambda _, lines: lines[0][:-1] + b"".join(lines[1:]), 1),
    "an empty line stands there": (lambda _, lines: b"\n" + b"".join(lines[1:]), 1),
    "zeros stand there": (lambda _, lines: b"\0" * len(lines[0]) + b"".join(lines[1:]), 1),
}


@pytest.mark.parametrize("how", DAMAGE)
def test_a_bad_first_line_costs_itself(tmp_path: Path, how: str) -> None:
    path = abandoned(tmp_path, 50)
    data = path.read_bytes()
    damage, lost = DAMAGE[how]
    path.write_bytes(damage(data, data.splitlines(keepends=True)))
    gate, writer = replayed(tmp_path)
    merged = how in ("it and the next are one", "zeros stand there")
    assert sorted(gate.numbers) == list(range(1 if merged else 0, 50))
    assert writer.stats.dropped_corrupt == lost
    told = [each["bulkhead.dropped.reasons"] for each in gate.kind("losses")]
    assert told == ([{"dropped_corrupt": lost}] if lost else [])
    assert list(tmp_path.rglob("*.spool")) == aside(tmp_path) == []


def test_what_cannot_be_read_at_all_is_counted_told_and_kept_aside(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = abandoned(tmp_path, 30)
    path.write_bytes(path.read_bytes().replace(b"R ", b"X ").replace(b"H ", b"X "))
    gate, writer = replayed(tmp_path)
    assert gate.numbers == []
    assert writer.stats.dropped_corrupt == 31
    assert gate.kind("losses")[0]["bulkhead.dropped_records"] == 31
    (kept,) = aside(tmp_path)
    assert kept.name in caplog.text
    # Once only.
    gate, writer = replayed(tmp_path)
    assert writer.stats.lost == 0


@pytest.mark.parametrize("first", ["whole", "damaged"])
def test_another_destinations_records_go_nowhere(
    tmp_path: Path, first: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = abandoned(tmp_path, 3, ELSEWHERE)
    lines = path.read_bytes().splitlines(keepends=True)
    if first == "damaged":
        lines[0] = lines[0].replace(b"globex", b"globey")
    moved = Spool(tmp_path, HERE).directory / path.name
    moved.write_bytes(b"".join(lines))
    path.unlink()
    gate, writer = replayed(tmp_path)
    assert gate.numbers == []
    assert writer.stats.dropped_corrupt == (3 if first == "whole" else 4)
    assert aside(tmp_path) == [moved.with_suffix(".unreadable")]
    assert moved.with_suffix(".unreadable").name in caplog.text


@pytest.mark.parametrize("length", [0, 1, 40])
def test_a_process_killed_before_its_first_record_lost_none(tmp_path: Path, length: int) -> None:
    path = abandoned(tmp_path, 1)
    path.write_bytes(path.read_bytes()[:length])
    gate, writer = replayed(tmp_path)
    assert writer.stats.lost == 0
    assert gate.sent == []
    assert list(tmp_path.rglob("*.spool")) == aside(tmp_path) == []


def test_what_is_kept_aside_counts_for_the_size_and_gives_way(tmp_path: Path) -> None:
    most = 256 * 1024
    for _ in range(8):
        spool = Spool(tmp_path, HERE, max_bytes=most)
        while spool.append([event(1, pad=20_000)])[0].ticket is not None:
            pass
        for segment in spool._own:
            segment.close()
            segment.path.write_bytes(b"X" * segment.path.stat().st_size)
        replayed(tmp_path)
        kept = aside(tmp_path)
        assert kept
        assert sum(path.stat().st_size for path in kept) <= most
    spool = Spool(tmp_path, HERE, max_bytes=most)
    placed = 0
    while spool.append([event(placed, pad=20_000)])[0].ticket is not None:
        placed += 1
        held = sum(path.stat().st_size for path in spool.directory.iterdir())
        assert held <= most
    assert placed >= 8
    assert aside(tmp_path) == []
    spool.close()


def test_a_record_that_cannot_be_marked_as_a_replay_holds_nothing_up(tmp_path: Path) -> None:
    """It nests as deep as can be written, and too deep to be read."""
    deep = Event.of(1000, '{"n":9,"a":' + "[" * 50_000 + "]" * 50_000 + "}")
    spool = Spool(tmp_path, HERE)
    written = spool.append([event(0), deep, event(1)])
    spool.tried(written)
    spool._own[0].close()
    gate, writer = replayed(tmp_path)
    assert sorted(gate.numbers) == [0, 1]
    assert writer.stats.dropped_corrupt == 1
    assert list(tmp_path.rglob("*.spool")) == []
