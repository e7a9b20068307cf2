"""Ends of processes: every writer is closed at each that leaves time for it.

Normal ends run `atexit`. A process that SIGTERM would kill at once gets a handler, unless the
application has one, whose end is then a normal one. Children of `multiprocessing` skip `atexit`, so
they are told by its own finalizers. `os._exit` and SIGKILL leave no time: see `spool`.
"""

from __future__ import annotations

import _thread
import atexit
import functools
import os
import signal
import sys
import threading
import time
import weakref
from collections.abc import Callable
from types import FrameType
from typing import ParamSpec, Protocol, TypeVar

from bulkhead import _fork

P = ParamSpec("P")
T = TypeVar("T")


class Closable(Protocol):
    """A writer, as seen from here."""

    @property
    def exit_seconds(self) -> float:
        """The most that closing it may take."""

    def close(self, timeout: float) -> bool:
        """Deliver what is pending within so many seconds."""

    def unlock(self) -> None:
        """Let go of locks that an exception in a signal handler left with this thread."""


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


def at_end() -> None:
    """Close every writer at the end of the process, when no other code of this thread runs."""
    for each in list(_open):
        each.unlock()
    close_all()


atexit.register(at_end)


def errand(action: Callable[..., object], *values: object) -> bool:
    """Have another thread do it; False: it is too late for threads. For signal handlers.

    `threading.Thread.start` waits for the new thread, which would wait for a lock of `threading`,
    which the interrupted thread may hold.
    """
    try:
        _thread.start_new_thread(action, values)
    except RuntimeError:
        return False
    return True


def owned(lock: threading.RLock) -> bool:
    """Whether this thread holds it."""
    return bool(lock._is_owned())  # type: ignore[attr-defined]


def hidden(error: RuntimeError) -> BaseException | None:
    """The exit or interrupt that it hides.

    A signal handler that raises in the middle of `Condition.wait` leaves it without its lock, which
    `with` then complains about.
    """
    found = error.__context__
    return found if found is not None and not isinstance(found, Exception) else None


def unmasked(function: Callable[P, T]) -> Callable[P, T]:
    """Decorate what waits: it raises what a signal handler raised, and nothing in its place."""

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except RuntimeError as error:
            found = hidden(error)
            if found is None:
                raise
        raise found

    return call


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
    if not errand(_end, number):
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
        Finalize(None, at_end, exitpriority=-100)


_multiprocessing = _Multiprocessing()
watch_multiprocessing = _multiprocessing.ask
