"""Tries many mutants at once from one prepared cloud, in copies of one prepared process."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType

from harness.deploy.run import parallel_roots
from harness.errors import UserError
from harness.mutants.attempt import Attempt
from harness.mutants.model import LEVELS, Mutant


class Worker:
    """A process that tries mutants, some of them at once; see `harness.mutants.worker`."""

    def __init__(self, deployment: Path | None = None, count: int = 1) -> None:
        """`count` is how many attempts may run at once. Without a deployment it gets ready, and
        waits for `prepare`."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "harness.mutants.worker", str(count)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            process_group=0,
        )
        if deployment is not None:
            self.prepare(deployment)

    def prepare(self, deployment: Path) -> None:
        """Says what is weakened: a saved deployment, in the folder that it was applied from."""
        self._say(f"{deployment}\n")

    def attempts(
        self, groups: Iterable[Sequence[Mutant]]
    ) -> Iterator[tuple[Sequence[Mutant], Attempt]]:
        """Tries each group of mutants by itself and yields what came of it, in the order they end.

        Raises `UserError` when the worker has ended; what was under way is lost then.
        """
        left = {named(group): group for group in groups}
        self.begin(left.values())
        while left:
            attempt = self.ended()
            yield left.pop(attempt.mutant), attempt

    def begin(self, groups: Iterable[Sequence[Mutant]]) -> None:
        """Has groups of mutants tried when there is room for them, each by itself; one without any
        is the unweakened twin."""
        self._say("".join(f"{named(group)}\n" for group in groups))

    def _say(self, lines: str) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(lines)
            self._process.stdin.flush()

    def ended(self) -> Attempt:
        """What came of the next group that ends; waits for it.

        Raises `UserError` when the worker has ended; what was under way is lost then.
        """
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise UserError("the process that tries weakenings has ended; see what it said")
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


def named(group: Iterable[Mutant]) -> str:
    """What an attempt at a group is called."""
    return "+".join(mutant.id for mutant in group)


def in_groups(mutants: Iterable[Mutant]) -> list[tuple[Mutant, ...]]:
    """What is tried in one cloud each: every mutant by itself, so that each is noticed by itself;
    all known gaps together, since nothing is to notice any.

    Those of one level are spread over the others: some compute all the time and some mostly wait.
    """
    chosen = list(mutants)
    gaps = tuple(mutant for mutant in chosen if mutant.gap)
    placed = []
    for level in LEVELS:
        own = [mutant for mutant in chosen if not mutant.gap and mutant.level == level]
        # Live ones are the shortest: no other must be under way alone at the end.
        room = len(own) * (1.0 if level == "live" else 1.15)
        placed += [((place + 0.5) / room, mutant) for place, mutant in enumerate(own)]
    alone = [(mutant,) for _, mutant in sorted(placed, key=lambda each: each[0])]
    return [*([gaps] if gaps else []), *alone]


def workers() -> int:
    """How many attempts run at once on this machine: most of their time they wait, for keys to be
    seen everywhere, or for what must not come. Half of them at most run a Terraform."""
    return 2 * parallel_roots(min(8, (os.cpu_count() or 1) * 5 // 2))
