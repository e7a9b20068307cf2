"""One file of the spool: records and marks, a line each, appended and never changed.

    H <crc> {"format": …, "destination": …}     first line
    R <crc> <number> <timestamp> <record>       a record
    T <crc> 0-4,7                               these are about to be sent
    S <crc> 0-4,7                               these are settled: delivered, or lost and counted

Every line carries the CRC-32 of what follows it, so that a torn or damaged line costs only itself.
After the first, that sum begins with the destination's: each line says for whom it is, also where
the first is damaged. The process that writes a segment holds a lock on it (flock), which ends with
the process however it ends; whoever gets the lock owns what is left.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import stat
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

try:
    import fcntl
except ImportError:  # not POSIX
    POSSIBLE = False
else:
    POSSIBLE = True

FORMAT = "bulkhead-spool/2"
_READ = 256 * 1024
# Ends the name of a segment of which any record may have been sent: a mark found no room.
_TRIED = ".tried.spool"
_ASIDE = ".unreadable"
# Opened, and not yet in the hands of a spool: a child that is forked meanwhile closes them.
_under_way: set[int] = set()


class Line(NamedTuple):
    """One record in a segment."""

    number: int
    timestamp: int
    text: str


@dataclass
class Leftovers:
    """What a dead process left in a segment.

    records     what is not settled
    tried       numbers of those that may have been sent
    corrupt     how many records are damaged, at least
    unreadable  nothing in it can be read, or it is another destination's
    """

    records: list[Line] = field(default_factory=list)
    tried: set[int] = field(default_factory=set)
    corrupt: int = 0
    unreadable: bool = False


class Segment:
    """An open, locked segment. Not thread-safe: the spool holds its own lock."""

    def __init__(self, path: Path, descriptor: int, size: int, destination: str) -> None:
        self.path = path
        self.size = size
        self.numbers = 0
        self.unsettled = 0
        self._descriptor = descriptor
        self._header = _header(destination)
        self._seed = zlib.crc32(destination.encode())

    @classmethod
    def create(cls, path: Path, destination: str) -> Segment:
        """A new one, readable by its owner only. Raises OSError."""
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = open_briefly(path, flags)
        segment = cls(path, descriptor, 0, destination)
        try:
            if not lock(descriptor):
                raise BlockingIOError(f"{path}: is locked by another process")
            segment._write(segment._header)
        except BaseException:
            segment.remove()
            raise
        return segment

    @classmethod
    def adopt(cls, path: Path, destination: str) -> tuple[Segment, Leftovers] | None:
        """A dead process's segment and what it left; None if it cannot be taken."""
        try:
            descriptor = open_briefly(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            return None
        status = os.fstat(descriptor)
        mine = stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid()
        # Unlinked since it was listed: its owner finished with it.
        if not mine or not status.st_nlink or not lock(descriptor):
            close_briefly(descriptor)
            return None
        segment = cls(path, descriptor, status.st_size, destination)
        return segment, segment._leftovers()

    def append(self, records: Sequence[tuple[int, str]]) -> int:
        """Write records in one go; return the number of the first. Raises OSError, unchanged."""
        first = self.numbers
        self._write(
            b"".join(
                _line(b"R", f"{number} {timestamp} {text}".encode("ascii"), self._seed)
                for number, (timestamp, text) in enumerate(records, first)
            )
        )
        self.numbers += len(records)
        self.unsettled += len(records)
        return first

    def mark(self, kind: bytes, numbers: Iterable[int]) -> None:
        """Append a mark. Raises OSError."""
        self._write(_line(kind, _ranges(numbers).encode("ascii"), self._seed))

    def mark_all_tried(self) -> None:
        """By its name, which needs no room on the disk."""
        if not self.path.name.endswith(_TRIED):
            tried = self.path.with_name(f"{self.path.stem}{_TRIED}")
            with contextlib.suppress(OSError):
                self.path.rename(tried)
                self.path = tried

    def read(self, offset: int, most: int) -> tuple[list[Line], int]:
        """Up to `most` records from an offset on, and the offset after them."""
        lines: list[Line] = []
        for raw, end in self._lines(offset):
            kind, body = _parse(raw, self._seed)
            if kind == b"R" and (line := _record(body)) is not None:
                lines.append(line)
            offset = end
            if len(lines) >= most:
                break
        return lines, offset

    @property
    def there(self) -> bool:
        """Whether a next process could find it: nobody else has deleted it."""
        return os.fstat(self._descriptor).st_nlink > 0

    def sync(self) -> None:
        """Force what was written to the disk."""
        os.fsync(self._descriptor)

    def close(self) -> None:
        """Let go of it; what is unsettled is for whoever takes it next."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            close_briefly(descriptor)

    def kept(self) -> None:
        """A spool has it now, and closes it in forked children."""
        _under_way.discard(self._descriptor)

    def put_aside(self) -> None:
        """Leave it to somebody who can tell what it is."""
        with contextlib.suppress(OSError):
            self.path = self.path.rename(self.path.with_suffix(_ASIDE))
        self.close()

    def remove(self) -> None:
        """Delete and close it."""
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)
        self.close()

    def _write(self, data: bytes) -> None:
        before, written = self.size, 0
        try:
            while written < len(data):
                written += os.write(self._descriptor, data[written:])
        except OSError:
            # The disk is full: half a line would spoil the next one.
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, before)
            raise
        self.size += len(data)

    def _lines(self, offset: int) -> Iterator[tuple[bytes, int]]:
        """Each line, the last one perhaps not whole, and the offset after it."""
        rest = b""
        while chunk := os.pread(self._descriptor, _READ, offset + len(rest)):
            *whole, rest = (rest + chunk).split(b"\n")
            for line in whole:
                offset += len(line) + 1
                yield line, offset
        if rest:
            yield rest, offset + len(rest)

    def _leftovers(self) -> Leftovers:
        found = Leftovers()
        lines = self._lines(0)
        first, _ = next(lines, (b"", 0))
        if self.size == len(first) and self._header.startswith(first):
            return found  # its process ended before it wrote a record
        if _parse(first)[0] == b"H" and first + b"\n" != self._header:
            found.corrupt = sum(1 for raw, _ in lines if raw.startswith(b"R "))
            found.unreadable = True
            return found
        settled: set[int] = set()
        records: dict[int, Line] = {}
        damaged, whole = 0, first + b"\n" == self._header
        for raw in itertools.chain(() if whole else (first,), (raw for raw, _ in lines)):
            kind, body = _parse(raw, self._seed)
            if kind == b"R" and (record := _record(body)) is not None:
                records[record.number] = record
            elif kind == b"T":
                found.tried.update(_numbers(body))
            elif kind == b"S":
                settled.update(_numbers(body))
            else:
                damaged += 1
        found.records = [line for number, line in records.items() if number not in settled]
        if self.path.name.endswith(_TRIED):
            found.tried = set(records)
        self.numbers = max(records, default=-1) + 1
        self.unsettled = len(found.records)
        # A damaged line may have been several.
        missing = self.numbers - len(records) - len(settled - records.keys())
        found.corrupt = max(damaged, missing)
        found.unreadable = not whole and not records and not settled
        return found


def make_room(directory: Path) -> bool:
    """Delete the oldest of what was put aside in a directory; False if nothing was."""
    kept: list[tuple[float, Path]] = []
    for path in aside(directory):
        with contextlib.suppress(OSError):
            kept.append((path.stat().st_mtime, path))
    if not kept:
        return False
    min(kept)[1].unlink(missing_ok=True)
    return True


def aside(directory: Path) -> list[Path]:
    """What was put aside in a directory."""
    return list(directory.glob(f"*{_ASIDE}"))


def open_briefly(path: Path, flags: int) -> int:
    """Open a file that forked children shall not keep open. Raises OSError."""
    descriptor = os.open(path, flags, 0o600)
    _under_way.add(descriptor)
    return descriptor


def close_briefly(descriptor: int) -> None:
    """Close such a file."""
    _under_way.discard(descriptor)
    os.close(descriptor)


def close_under_way() -> None:
    """In a forked child: close what the parent's threads were about to take."""
    while _under_way:
        with contextlib.suppress(OSError):
            os.close(_under_way.pop())


def lock(descriptor: int, *, wait: bool = False) -> bool:
    """Take the lock on an open file; False if another holds it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        return False
    return True


def unlock(descriptor: int) -> None:
    """Let go of the lock, also for forked children that have the file open."""
    with contextlib.suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_UN)


def _header(destination: str) -> bytes:
    text = json.dumps({"format": FORMAT, "destination": destination})
    return _line(b"H", text.encode("ascii"))


def _line(kind: bytes, body: bytes, seed: int = 0) -> bytes:
    return b"%s %08x %s\n" % (kind, zlib.crc32(body, seed), body)


def _parse(line: bytes, seed: int = 0) -> tuple[bytes | None, bytes]:
    """Kind and body of a line; kind None: it is damaged, or another destination's."""
    kind, _, rest = line.partition(b" ")
    crc, _, body = rest.partition(b" ")
    return (kind if crc == b"%08x" % zlib.crc32(body, seed) else None), body


def _record(body: bytes) -> Line | None:
    number, _, rest = body.partition(b" ")
    timestamp, _, text = rest.partition(b" ")
    try:
        return Line(int(number), int(timestamp), text.decode("ascii"))
    except ValueError:
        return None


def _ranges(numbers: Iterable[int]) -> str:
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(f"{low}-{high}" if low != high else str(low) for low, high in runs)


def _numbers(body: bytes) -> Iterator[int]:
    for run in body.decode("ascii").split(","):
        low, _, high = run.partition("-")
        yield from range(int(low), int(high or low) + 1)
