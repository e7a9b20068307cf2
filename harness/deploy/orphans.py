"""A Terraform that outlives whoever started it: it goes on to its end, and the next one waits.

A process that is killed takes its pipes with it, and a Terraform that writes to a closed pipe dies
in the middle of a change: what it was making is there then and in no state. So a Terraform that
changes something writes to a file, and keeps the lock of its state by a descriptor that it
inherits, which the system lets go when the last process that has it ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from harness.deploy.workspace import private_folder

_LOOK = 0.02


@contextlib.contextmanager
def held(file: Path, patience: float, waiting: Callable[[], None]) -> Iterator[int | None]:
    """Within, the lock is this process's and of every process that inherits what is yielded.

    Yields None where another has it for longer than `patience` seconds. `waiting` is called once
    where it has to be waited for.
    """
    private_folder(file.parent)
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield descriptor if _taken(descriptor, patience, waiting) else None
    finally:
        # Closed and not unlocked: whoever inherited it keeps it.
        os.close(descriptor)


def _taken(descriptor: int, patience: float, waiting: Callable[[], None]) -> bool:
    end, told = time.monotonic() + patience, False
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() > end:
                return False
        if not told:
            told = True
            waiting()
        time.sleep(_LOOK * 5)


class Output:
    """What a command writes, line by line as it comes; through pipes, or through two files."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._opened: list[IO[bytes]] = []
        self.out: int | IO[bytes] = subprocess.PIPE
        """What the command gets as its standard output."""
        self.err: int | IO[bytes] = subprocess.PIPE

    def __enter__(self) -> Output:
        if self._file is not None:
            self.out, self.err = (self._open(path) for path in self._paths(self._file))
        else:
            # The errors are read when the output has ended, and may be more than a pipe holds.
            self.err = tempfile.TemporaryFile()
            self._opened.append(self.err)
        return self

    def __exit__(self, *_: object) -> None:
        for opened in self._opened:
            opened.close()
        # What is told is told; it may name what is private.
        if self._file is not None:
            for path in self._paths(self._file):
                path.unlink(missing_ok=True)

    def lines(self, process: subprocess.Popen[bytes]) -> Iterator[str]:
        """The lines of the output until the command ends."""
        if process.stdout is not None:
            with process.stdout:
                for raw in process.stdout:
                    yield raw.decode("utf-8", errors="replace")
            return
        assert self._file is not None
        left = b""
        with self._file.open("rb") as file:
            while True:
                ended = process.poll() is not None
                left += file.read()
                *lines, left = left.split(b"\n")
                for raw in lines:
                    yield raw.decode("utf-8", errors="replace") + "\n"
                if ended:
                    if left:
                        yield left.decode("utf-8", errors="replace")
                    return
                time.sleep(_LOOK)

    def errors(self) -> str:
        """What the command, which has ended, wrote as errors."""
        assert not isinstance(self.err, int)
        self.err.seek(0)
        return self.err.read().decode("utf-8", errors="replace")

    def _open(self, path: Path) -> IO[bytes]:
        # A new file each time: a Terraform that was left alone may still write to the last one.
        path.unlink(missing_ok=True)
        file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b")
        self._opened.append(file)
        return file

    @staticmethod
    def _paths(file: Path) -> tuple[Path, Path]:
        return file, file.with_suffix(".err")
