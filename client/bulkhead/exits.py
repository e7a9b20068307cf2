"""Ends of processes: every writer is closed at each that leaves time for it.

Normal ends run `atexit`. A process that SIGTERM would kill at once gets a handler, unless the
application has one, whose end is then a normal one. Children of `multiprocessing` skip `atexit`, so
they are told by its own finalizers. `os._exit` and SIGKILL leave no time: see `spool`.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import time
import weakref
from types import FrameType
from typing import Protocol

from bulkhead import _fork


class Closable(Protocol):
    """A writer, as seen from here."""

    @property
    def exit_seconds(self) -> float:
        """The most that closing it may take."""

    def close(self, timeout: float) -> bool:
        """Deliver what is pending within so many seconds."""


_open: weakref.WeakSet[Closable] = weakref.WeakSet()


def watch(writer: Closable) -> None:
    """Close `writer` when the process ends."""
    _open.add(writer)


def close_all() -> None:
    """Close every writer, all at the same time, each within its own `exit_seconds`."""
    started = time.monotonic()
    writers = list(_open)
    others = [threading.Thread(target=_close, args=(each, started)) for each in writers[1:]]
    for thread in others:
        thread.daemon = True
        try:
            thread.start()
        except RuntimeError:  # too late for threads: one after the other
            thread.run()
    for writer in writers[:1]:
        _close(writer, started)
    for thread, writer in zip(others, writers[1:], strict=True):
        if thread.ident is not None:
            thread.join(max(0.0, started + writer.exit_seconds - time.monotonic()))


def _close(writer: Closable, started: float) -> None:
    writer.close(max(0.0, started + writer.exit_seconds - time.monotonic()))


atexit.register(close_all)


def watch_sigterm() -> bool:
    """Close the writers on SIGTERM too; False if that is the application's, or not possible here.

    The process ends as it would have: by that signal, once the records are delivered or
    `exit_seconds` are over. A second SIGTERM ends it at once.
    """
    if threading.current_thread() is not threading.main_thread():
        return False
    if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        return False
    signal.signal(signal.SIGTERM, _on_sigterm)
    return True


def _on_sigterm(number: int, _: FrameType | None) -> None:
    signal.signal(number, signal.SIG_DFL)
    # The main thread may hold a lock that closing needs, so closing is another's: this returns.
    thread = threading.Thread(target=_end, args=(number,), name="bulkhead-exit", daemon=True)
    try:
        thread.start()
    except RuntimeError:
        os.kill(os.getpid(), number)


def _end(number: int) -> None:
    try:
        close_all()
    finally:
        os.kill(os.getpid(), number)


class _Multiprocessing:
    """Whether this process, as a child of multiprocessing, was asked to close the writers."""

    def __init__(self) -> None:
        self.asked = False
        _fork.watch(self)

    def reset_after_fork(self) -> None:
        self.asked = False

    def ask(self) -> None:
        """To be called once the process runs: its start clears the list of finalizers."""
        process = sys.modules.get("multiprocessing.process")
        if self.asked or process is None or process.parent_process() is None:
            return
        from multiprocessing.util import Finalize

        self.asked = True
        Finalize(None, close_all, exitpriority=-100)


_multiprocessing = _Multiprocessing()
watch_multiprocessing = _multiprocessing.ask
