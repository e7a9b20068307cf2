"""Keeps records on disk until they are delivered, so that a killed process loses none.

A directory of segments (see `segment`), several processes at a time. A writer appends each record
before `put` returns; what a dead process left is found by the next writer of the same destination.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import logging
import os
import stat
import threading
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bulkhead import _fork
from bulkhead._say import say
from bulkhead.batch import Event, Ticket
from bulkhead.errors import ConfigError
from bulkhead.replay import replayed
from bulkhead.segment import (
    POSSIBLE,
    Leftovers,
    Line,
    Segment,
    aside,
    close_briefly,
    close_under_way,
    lock,
    make_room,
    open_briefly,
    unlock,
)

_SEGMENT = 4 * 1024 * 1024
_SEGMENTS = 4


class Spool:
    """The records of one destination on disk. Thread-safe; a forked child starts with none.

    directory    made if it is missing, for its owner only; several writers may share it
    destination  where the records belong, e.g. the log group's ARN: they are never sent elsewhere
    max_bytes    the most that the directory holds for this destination, all processes together
    durable      `put` returns when the record is in the file (it survives SIGKILL and `os._exit`);
                 False: it is a few milliseconds later
    fsync        force every write to the disk, for machines that may lose power

    Raises ConfigError if the directory cannot be used.
    """

    def __init__(
        self,
        directory: str | Path,
        destination: str,
        *,
        max_bytes: int = 256 * 1024 * 1024,
        durable: bool = True,
        fsync: bool = False,
    ) -> None:
        if not POSSIBLE:
            raise ConfigError("spool: needs a POSIX system, for its file locks")
        if max_bytes < 65_536:
            raise ConfigError("spool: max_bytes must be at least 65536")
        self.durable = durable
        self._fsync = fsync
        self._destination = destination
        self._segment_bytes = min(_SEGMENT, max_bytes // _SEGMENTS)
        self._most_segments = max_bytes // self._segment_bytes
        name = hashlib.sha256(destination.encode()).hexdigest()[:16]
        self.directory = Path(directory) / name
        try:
            self._make_directory()
        except OSError as error:
            raise ConfigError(
                f"spool: {self.directory} cannot be used ({error.strerror})"
            ) from None
        self._fresh()
        _fork.watch(self)

    def _fresh(self) -> None:
        self._lock = threading.Lock()
        self._own: list[Segment] = []
        self._adopted: Segment | None = None
        self._cursor: tuple[Segment, int] | None = None
        self._complained = False
        self._hopeless: set[str] = set()
        self._closed = False
        self.parked = 0
        self.full = False

    def reset_after_fork(self) -> None:
        """Let go of the parent's segments without unlocking them; take no lock."""
        for segment in (*self._own, *([self._adopted] if self._adopted else ())):
            segment.close()
        close_under_way()
        self._fresh()

    def append(self, events: Sequence[Event], *, park: bool = False) -> list[Event]:
        """Write events down and return them with their tickets; those without found no room.

        With `park`, the caller forgets those with a ticket: `take` returns them, in order.
        """
        written: list[Event] = []
        with self._lock:
            for group, size in self._groups(events):
                try:
                    segment = self._room(size)
                    if segment is None:
                        raise OSError("no room")
                    offset = segment.size
                    first = segment.append([(event.timestamp, event.message) for event in group])
                    if self._fsync:
                        segment.sync()
                except OSError as error:
                    self._complain(error)
                    written.extend(group)
                    continue
                self.full = self._complained = False
                if park:
                    self._cursor = self._cursor or (segment, offset)
                    self.parked += len(group)
                written.extend(
                    event._replace(ticket=Ticket(segment, number))
                    for number, event in enumerate(group, first)
                )
        return written

    @property
    def replaying(self) -> bool:
        """Whether a dead process's segment was taken over and is not settled yet."""
        return self._adopted is not None

    def take(self, most: int) -> tuple[list[Event], int]:
        """The next parked events, at most so many, and how many were found to be damaged."""
        with self._lock:
            taken: list[Event] = []
            while self._cursor is not None and len(taken) < most:
                segment, offset = self._cursor
                lines, after = segment.read(offset, most - len(taken))
                taken += [
                    Event.of(line.timestamp, line.text)._replace(
                        ticket=Ticket(segment, line.number)
                    )
                    for line in lines
                ]
                self._cursor = (segment, after)
                if not lines:
                    later = self._own[self._own.index(segment) + 1 :]
                    self._cursor = (later[0], 0) if later else None
            self.parked -= len(taken)
            damaged = 0
            if self._cursor is None or self.parked <= 0:
                damaged, self.parked, self._cursor = self.parked, 0, None
        return taken, damaged

    def adopt(self) -> tuple[list[Event], int]:
        """Take over one dead process's segment: what it did not settle, and how much is damaged.

        A record that was about to be sent when the process died may have arrived: it is returned
        as `replayed` makes it. Nothing more is taken over before that is settled.
        """
        events: list[Event] = []
        damaged = 0
        with self._lock, contextlib.suppress(OSError):
            if self._adopted is not None:
                return [], 0
            skipped = {segment.path.name for segment in self._own} | self._hopeless
            with self._directory_lock():
                for path in self._segments():
                    found = None
                    if path.name not in skipped:
                        found = Segment.adopt(path, self._destination)
                    if found is None:
                        continue
                    segment, left = found
                    events = _replays(segment, left)
                    damaged += left.corrupt
                    if events:
                        self._adopted = segment
                        segment.kept()
                        break
                    if left.unreadable:
                        self._put_aside(segment)
                    else:
                        segment.remove()
        return events, damaged

    def tried(self, events: Sequence[Event]) -> bool:
        """Note that events are about to be sent. False: the spool is closed, they are left."""
        return self._mark(b"T", events)

    def settled(self, events: Sequence[Event]) -> None:
        """Note that events are delivered or lost, and delete the segments that are done."""
        self._mark(b"S", events)

    def close(self) -> None:
        """Let go of all segments, and delete those that are done."""
        with self._lock:
            for segment in (*self._own, *([self._adopted] if self._adopted else ())):
                if segment.unsettled:
                    segment.close()
                else:
                    segment.remove()
            self._own, self._adopted, self._cursor, self.parked = [], None, None, 0
            self._closed = True

    def _mark(self, kind: bytes, events: Sequence[Event]) -> bool:
        numbers: dict[Segment, list[int]] = {}
        for event in events:
            if event.ticket is not None:
                segment: Any = event.ticket.segment
                numbers.setdefault(segment, []).append(event.ticket.number)
        with self._lock:
            if self._closed:
                return not numbers
            for segment, marked in numbers.items():
                if segment is not self._adopted and segment not in self._own:
                    continue  # closed meanwhile
                try:
                    if segment.size >= self._segment_bytes:
                        raise OSError("no room")
                    segment.mark(kind, marked)
                except OSError:
                    # Of what is settled, that costs a repetition; of what is tried it would have
                    # metrics counted twice, so all of the segment then counts as tried.
                    if kind == b"T":
                        segment.mark_all_tried()
                if kind == b"S":
                    segment.unsettled -= len(marked)
                    self._remove_if_done(segment)
        return True

    def _remove_if_done(self, segment: Segment) -> None:
        if segment.unsettled:
            return
        if segment is self._adopted:
            segment.remove()
            self._adopted = None
        elif segment is not self._own[-1] or segment.size > self._segment_bytes // 2:
            if self._cursor is not None and self._cursor[0] is segment:
                later = self._own[self._own.index(segment) + 1 :]
                self._cursor = (later[0], 0) if later else None
            segment.remove()
            self._own.remove(segment)

    def _groups(self, events: Sequence[Event]) -> Iterator[tuple[list[Event], int]]:
        """Events that fit into one segment together, and the bytes they take."""
        group: list[Event] = []
        total = 0
        for event in events:
            size = event.size + 40  # kind, checksum, number and timestamp
            if group and total + size > self._segment_bytes // 4:
                yield group, total
                group, total = [], 0
            group.append(event)
            total += size
        if group:
            yield group, total

    def _make_directory(self) -> None:
        """Make it where it is missing: whoever tidies up may have deleted it. Raises OSError."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = self.directory.lstat()
        mine = stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()
        if not mine or status.st_mode & 0o022:
            raise PermissionError(errno.EPERM, "must belong to this user, writable by none")

    def _room(self, size: int) -> Segment | None:
        """A segment that takes so many bytes and some marks; None if the spool is full."""
        if self._closed:
            return None
        limit = self._segment_bytes * 15 // 16
        if self._own and self._own[-1].size + size <= limit and self._own[-1].there:
            return self._own[-1]
        if size > limit - 256:
            return None
        self._make_directory()
        with self._directory_lock():
            while len(self._segments()) + len(aside(self.directory)) >= self._most_segments:
                if not make_room(self.directory):
                    return None
            path = self.directory / f"{os.getpid()}-{uuid.uuid4().hex}.spool"
            segment = Segment.create(path, self._destination)
        if self._own:
            done = self._own[-1]
            self._own.append(segment)
            self._remove_if_done(done)
        else:
            self._own.append(segment)
        segment.kept()
        return segment

    def _segments(self) -> list[Path]:
        return sorted(self.directory.glob("*.spool"))

    @contextlib.contextmanager
    def _directory_lock(self) -> Iterator[None]:
        """Between making or finding a segment and locking it, nobody else may do so."""
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = open_briefly(self.directory / "lock", flags)
        try:
            lock(descriptor, wait=True)
            yield
        finally:
            # Not left to `close`: a child that was forked meanwhile has the descriptor too.
            unlock(descriptor)
            close_briefly(descriptor)

    def _complain(self, error: OSError) -> None:
        self.full = True
        if not self._complained:
            self._complained = True
            reason = error.strerror or "no room"
            say(logging.ERROR, "the spool takes no more records (%s)", reason)

    def _put_aside(self, segment: Segment) -> None:
        segment.put_aside()
        self._hopeless.add(segment.path.name)  # should it not have gone
        say(
            logging.ERROR,
            "spool: %s is damaged, or another destination's; its records are counted as lost, "
            "and it is kept until the room is needed",
            segment.path.name,
        )


def _replays(segment: Segment, left: Leftovers) -> list[Event]:
    """The events of what was left; what cannot be marked as a replay is settled as damaged."""
    events: list[Event] = []
    hopeless: list[int] = []
    for line in left.records:
        try:
            events.append(_replay(segment, left, line))
        except (ValueError, RecursionError):
            hopeless.append(line.number)
    if hopeless:
        left.corrupt += len(hopeless)
        segment.unsettled -= len(hopeless)
        with contextlib.suppress(OSError):
            segment.mark(b"S", hopeless)
    return events


def _replay(segment: Segment, left: Leftovers, line: Line) -> Event:
    text, again = line.text, line.number in left.tried
    if again:
        text = json.dumps(replayed(json.loads(text)), separators=(",", ":"))
    event = Event.of(line.timestamp, text)
    return event._replace(ticket=Ticket(segment, line.number, replay=again))
