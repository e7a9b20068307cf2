"""mutants: weakens copies of one prepared cloud on purpose, and shows what the suite notices."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.text import Text

from harness.cli.environments import loaded, say, throwaway
from harness.cli.progress import fitting
from harness.cli.serve import terminable
from harness.errors import UserError
from harness.mutants.attempt import Attempt
from harness.mutants.catalogue import MUTANTS
from harness.mutants.model import LEVELS, Level, Mutant
from harness.mutants.pool import Worker, in_groups, workers

FORMAT = "bulkhead-mutants/1"
_MADE_IN: dict[Level, str] = {
    "terraform": "the Terraform source",
    "live": "live policies and settings",
    "client": "the client",
}
# The few longer ids push their title, so that the others keep room for theirs.
_ID = min(max(len(mutant.id) for mutant in MUTANTS), 30)


def try_mutants(
    name: str, levels: Sequence[str], identifiers: Sequence[str], report: Path | None
) -> bool:
    """Tries the weakenings of these levels and ids (all by default) on an environment deployed for
    it. True if each was noticed, but for the known gaps, which were not.

    Raises `UserError` for an unknown id, or an environment with one customer only.
    """
    environment = loaded(name)
    chosen = choose(levels, identifiers)
    if len(environment.customers) < 2:
        raise UserError(
            f"{environment.path / 'customers.yaml'}: weakenings need two customers, one of them "
            "to be walled off from the other"
        )
    console = Console()
    started = time.monotonic()
    groups = in_groups(chosen)
    with (
        terminable(),
        Worker(count=min(workers(), len(groups))) as worker,
        throwaway(environment, console) as deployment,
    ):
        prepared = time.monotonic()
        say(console, f"Trying {len(chosen)} weakenings, each in a copy of the cloud.")
        worker.prepare(deployment)
        tried = run(chosen, groups, worker, console)
    ended = time.monotonic()
    render(tried, console)
    say(
        console,
        f"{ended - prepared:.0f} s for the weakenings, {ended - started:.0f} s in all.",
    )
    if report is not None:
        write(tried, ended - prepared, report)
    return all(as_expected(mutant, attempt) for mutant, attempt in tried)


def choose(levels: Sequence[str], identifiers: Sequence[str]) -> list[Mutant]:
    """The weakenings of these levels and ids; none given means all. Raises `UserError`."""
    known = {mutant.id for mutant in MUTANTS}
    if unknown := sorted(set(identifiers) - known):
        raise UserError(f"no weakening {', '.join(unknown)}; `bulkhead mutants --list` shows all")
    chosen = [
        mutant
        for mutant in MUTANTS
        if (not levels or mutant.level in levels) and (not identifiers or mutant.id in identifiers)
    ]
    if not chosen:
        raise UserError("no weakening has that id and that level")
    return chosen


def run(
    chosen: Sequence[Mutant],
    groups: Sequence[Sequence[Mutant]],
    worker: Worker,
    console: Console,
) -> list[tuple[Mutant, Attempt]]:
    """Tries them all, with progress; in the order of the catalogue."""
    progress = Progress(
        SpinnerColumn(),
        TextColumn("weakenings"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[said]}", style="dim"),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )
    found: dict[str, Attempt] = {}
    with progress:
        task = progress.add_task("weakenings", total=len(chosen), said="starting")

        def tell(group: Sequence[Mutant], attempt: Attempt) -> None:
            for mutant in group:
                found[mutant.id] = attempt
            progress.update(
                task, completed=len(found), said=escape(fitting(console, group[-1].title))
            )

        for group, attempt in worker.attempts(groups):
            tell(group, attempt)
    return [(mutant, found[mutant.id]) for mutant in chosen]


def as_expected(mutant: Mutant, attempt: Attempt) -> bool:
    return attempt.as_expected(mutant)


def render(tried: Sequence[tuple[Mutant, Attempt]], console: Console) -> None:
    """All by level, what went unnoticed, and the known gaps with their reasons."""
    for level in LEVELS:
        own = [(m, a) for m, a in tried if m.level == level and not m.gap]
        if own:
            _heading(console, f"Weakenings of {_MADE_IN[level]}")
        for mutant, attempt in own:
            good = as_expected(mutant, attempt)
            by = ", ".join(attempt.noticed) or "nothing"
            mark = Text("✓ " if good else "✗ ", style="green" if good else "red")
            _entry(console, mark, mutant, f"noticed by {by}")
    if tried:
        console.print()
    for level in LEVELS:
        own = [(m, a) for m, a in tried if m.level == level and not m.gap]
        if own:
            caught = sum(as_expected(m, a) for m, a in own)
            say(console, f"{level}: {caught} of {len(own)} noticed.")
    wrong = [(m, a) for m, a in tried if not as_expected(m, a)]
    for mutant, attempt in wrong:
        say(console, f"✗ {mutant.id}: {mutant.title}: {why(mutant, attempt)}")
    gaps = [m for m, a in tried if m.gap and as_expected(m, a)]
    if gaps:
        say(console, "Known gaps, which nothing notices:")
    for mutant in gaps:
        say(console, f"  {mutant.id}: {mutant.title}: {mutant.gap}.")


def why(mutant: Mutant, attempt: Attempt) -> str:
    """Why an attempt is not what it must be."""
    if attempt.error:
        return f"it could not be tried: {attempt.error}"
    if mutant.gap:
        return f"a known gap, and something notices it now: {', '.join(attempt.noticed)}"
    if attempt.passed:
        return "nothing notices it"
    return f"not noticed by {', '.join(attempt.missing) or 'a whole run of its tests'}"


def write(tried: Sequence[tuple[Mutant, Attempt]], seconds: float, path: Path) -> None:
    """The outcome as JSON."""
    document = {
        "format": FORMAT,
        "seconds": round(seconds, 1),
        "mutants": [
            {
                "id": mutant.id,
                "title": mutant.title,
                "rows": list(mutant.rows),
                "level": mutant.level,
                "layer": mutant.layer,
                "gap": mutant.gap,
                "as_expected": as_expected(mutant, attempt),
                "noticed_by": list(attempt.noticed),
                "seconds": round(attempt.seconds, 2),
            }
            for mutant, attempt in tried
        ],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def show_all(console: Console | None = None) -> None:
    """Prints the catalogue of weakenings by level, two lines each, the known gaps last."""
    console = console or Console()
    for level in LEVELS:
        own = [mutant for mutant in MUTANTS if mutant.level == level and not mutant.gap]
        _heading(console, f"{len(own)} weakenings of {_MADE_IN[level]}")
        for mutant in own:
            must = ", ".join(map(str, mutant.noticed_by))
            _entry(console, Text("  "), mutant, f"must be noticed by {must}")
    gaps = [mutant for mutant in MUTANTS if mutant.gap]
    if gaps:
        _heading(console, f"{len(gaps)} known gaps, which nothing notices")
    for mutant in gaps:
        _entry(console, Text("  "), mutant, mutant.gap)


def _heading(console: Console, text: str) -> None:
    console.print()
    console.print(Text(text, style="bold"), soft_wrap=True)


def _entry(console: Console, mark: Text, mutant: Mutant, beside: str) -> None:
    """A weakening in two lines, which on a terminal are cut to its width."""
    first = Text.assemble(mark, f"{mutant.id:<{_ID}} {mutant.title}")
    second = Text(f"{' ' * (_ID + 3)}{beside}", style="dim")
    for line in (first, second):
        if console.is_terminal:
            line.truncate(console.width, overflow="ellipsis")
        console.print(line, soft_wrap=True, highlight=False)
