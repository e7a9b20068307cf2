"""Tries many mutants at once from one prepared cloud: a worker process for each core."""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType

from harness.errors import UserError
from harness.mutants.attempt import Attempt
from harness.mutants.model import LEVELS, Mutant


class Worker:
    """A process that tries one mutant after the other; see `harness.mutants.worker`."""

    def __init__(self, deployment: Path) -> None:
        """`deployment` is a saved deployment, in the folder that it was applied from."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "harness.mutants.worker", str(deployment)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def attempt(self, mutants: Sequence[Mutant]) -> Attempt:
        """Tries these mutants together; none is the unweakened twin.

        Raises `UserError` when the worker has ended.
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write("+".join(mutant.id for mutant in mutants) + "\n")
            self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise UserError("a process that tries weakenings has ended; see what it said above")
        return Attempt.from_json(line)

    def close(self) -> None:
        """Ends the process; an attempt under way is lost."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def in_groups(mutants: Iterable[Mutant]) -> list[tuple[Mutant, ...]]:
    """What is tried in one cloud each: every mutant by itself, so that each is noticed by itself;
    all known gaps together, since nothing is to notice any. Those that take longest go first."""
    chosen = list(mutants)
    gaps = tuple(mutant for mutant in chosen if mutant.gap)
    alone = sorted((m for m in chosen if not m.gap), key=lambda m: LEVELS.index(m.level))
    return [*([gaps] if gaps else []), *((mutant,) for mutant in alone)]


def workers() -> int:
    """How many attempts run at once on this machine: a third of their time they wait, for keys to
    be seen everywhere, or for what must not come."""
    return max(1, min(8, (os.cpu_count() or 1) * 3 // 2))


def attempt_all(
    groups: Iterable[Sequence[Mutant]],
    deployment: Path,
    tell: Callable[[Sequence[Mutant], Attempt], None],
    count: int | None = None,
) -> None:
    """Tries every group of mutants and tells what came of each, in the order they end.

    Raises `UserError` when a worker ends early; what was under way is lost then.
    """
    waiting: queue.SimpleQueue[Sequence[Mutant]] = queue.SimpleQueue()
    jobs = list(groups)
    for job in jobs:
        waiting.put(job)
    told: queue.SimpleQueue[tuple[Sequence[Mutant], Attempt] | UserError] = queue.SimpleQueue()

    def work(worker: Worker) -> None:
        try:
            while True:
                job = waiting.get_nowait()
                told.put((job, worker.attempt(job)))
        except queue.Empty:
            return
        except UserError as error:
            told.put(error)

    with contextlib.ExitStack() as stack:
        pool = [
            stack.enter_context(Worker(deployment))
            for _ in range(min(count or workers(), len(jobs)))
        ]
        for worker in pool:
            threading.Thread(target=work, args=(worker,), daemon=True).start()
        for _ in jobs:
            said = told.get()
            if isinstance(said, UserError):
                raise said
            tell(*said)
