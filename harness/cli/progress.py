"""Progress on the terminal: a line per root while Terraform works, a bar while probes run.

On a terminal the lines move; in a log each root says so when it starts and when it ends.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
)
from rich.text import Text

from harness.deploy.run import RootEvent

_BESIDE = 54
"""Columns that spinner, name, bar and counter take."""
_VERBS = {
    "init": "preparing",
    "apply": "applying",
    "destroy": "destroying",
    "plan": "planning",
    "forget": "keeping records",
    "wait": "waiting for a Terraform that was left alone",
    "finish": "finishing its changes; Ctrl-C once more drops them",
}


def fitting(console: Console, text: str, beside: int = 0) -> str:
    """The text, cut to what a line has left beside bar and counter (and `beside` columns more)."""
    room = max(8, console.width - _BESIDE - beside)
    return text if len(text) <= room else text[: room - 1] + "…"


class _Mark(SpinnerColumn):
    """What turns is worked on; nothing else does."""

    def render(self, task: Task) -> RenderableType:
        mark = task.fields["mark"]
        return super().render(task) if mark is None else Text.from_markup(mark)


class RootProgress:
    """Shows what `harness.deploy.apply` tells, one line per root."""

    def __init__(self, console: Console, roots: Sequence[str], verb: str) -> None:
        self._console = console
        self._moving = console.is_terminal
        self._seen: set[str] = set()
        self._roots, self._finished = list(roots), set[str]()
        width = max(map(len, roots), default=0)
        self._progress = Progress(
            _Mark(),
            TextColumn(f"{{task.fields[name]:<{width}}}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[said]}", style="dim"),
            console=console,
            disable=not self._moving,
        )
        self._tasks: dict[str, TaskID] = {}
        if self._moving:
            for root in roots:
                self._tasks[root] = self._progress.add_task(
                    root, total=1, name=root, said=f"waiting to {verb}", mark=" "
                )

    @contextlib.contextmanager
    def shown(self) -> Iterator[RootProgress]:
        """Within, the lines are on the terminal."""
        with self._progress:
            yield self

    @property
    def left(self) -> list[str]:
        """The roots that are not done."""
        return [root for root in self._roots if root not in self._finished]

    def __call__(self, event: RootEvent) -> None:
        if event.state == "done":
            self._finished.add(event.root)
        if self._moving:
            self._move(event)
        else:
            self._log(event)

    def _move(self, event: RootEvent) -> None:
        task = self._tasks.get(event.root)
        if task is None:
            return
        step = event.step
        if event.state == "running":
            self._progress.update(
                task,
                total=step.total or None,
                completed=step.done,
                said=_VERBS.get(step.phase, step.phase),
                mark=None,
            )
        else:
            word = _outcome(event) if event.state == "done" else "[red]failed"
            total = max(step.total, 1)
            self._progress.update(
                task,
                total=total,
                completed=total if event.state == "done" else step.done,
                said=f"{word}, {event.seconds:.1f} s",
                mark="[green]✓" if event.state == "done" else "[red]✗",
            )

    def _log(self, event: RootEvent) -> None:
        if event.state == "running":
            if event.root not in self._seen or event.step.phase == "finish":
                self._seen.add(event.root)
                verb = _VERBS.get(event.step.phase, event.step.phase)
                self._say(f"{event.root}: {verb}")
            return
        word = _outcome(event) if event.state == "done" else "failed"
        self._say(f"{event.root}: {word}, {event.seconds:.1f} s")

    def _say(self, text: str) -> None:
        self._console.print(Text(text), soft_wrap=True, highlight=False)


def _outcome(event: RootEvent) -> str:
    if event.step.phase == "plan":
        return "planned"
    return "done before" if event.kept else counted(event.step.done, "change")


def counted(number: int, word: str) -> str:
    """Such as `1 change` and `1,200 changes`."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"


@contextlib.contextmanager
def probe_progress(console: Console) -> Iterator[ProbeProgress]:
    """Within, a bar counts finished probes."""
    progress = Progress(
        SpinnerColumn(),
        TextColumn("probes"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[said]}", style="dim"),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )
    with progress:
        yield ProbeProgress(progress, console)


class ProbeProgress:
    """Counts probes as the suite finishes them."""

    def __init__(self, progress: Progress, console: Console) -> None:
        self._progress = progress
        self._console = console
        self._task = progress.add_task("probes", total=None, said="collecting")

    def update(self, done: int, total: int, last: str, failed: int) -> None:
        """`last` is the id of the test that has just ended."""
        count = f"{failed} failed " if failed else ""
        said = f"[red]{count}[/red]" if failed else ""
        # The file's name is the beginning of the test's, more or less.
        name = last.rpartition("::")[2]
        # In a narrow window the name goes, and the counter stays.
        name = fitting(self._console, name, len(count))
        self._progress.update(
            self._task, completed=done, total=total or None, said=said + name.replace("[", "\\[")
        )
