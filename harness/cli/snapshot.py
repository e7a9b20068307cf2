"""snapshot and diff: an environment in one file, and what access two of these files differ by."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from harness.cli.environments import say
from harness.cli.progress import counted
from harness.cli.watched import Watched
from harness.deploy.journal import unfinished
from harness.deploy.workspace import runs_folder, write_private
from harness.errors import UserError
from harness.snapshot.changes import Change
from harness.snapshot.diff import Difference, Turned, difference
from harness.snapshot.files import load, save
from harness.snapshot.hidden import KEY_FILE, snapshot_key
from harness.snapshot.take import take

_STYLES = {"gained": "red", "lost": "green", "changed": "", "unknown": "yellow"}
_SHOWN = 6


def snapshot_environment(seen: Watched, out: Path | None, key: Path | None) -> None:
    """Writes a snapshot of what is deployed. Raises `UserError` where the file cannot be
    written."""
    file = out or default_file(seen.folder)
    console = Console(stderr=True)
    say(console, f"Reading {len(seen.environment.bootstrapped_accounts)} accounts.")
    for verb, run in unfinished(seen.folder).items():
        say(
            console,
            f"The {verb} of {', '.join(run.left)} has not come to its end, so what is read may be "
            "what no run leaves.",
        )
    document = take(seen.deployment, seen.target, snapshot_key(key or default_key()))
    save(document, file)
    gaps = document["unreadable"]
    for gap in gaps:
        place = " ".join(filter(None, (gap["account"], gap["region"], gap["resource"])))
        say(console, f"unreadable: {gap['section']} of {place}: {gap['call']} {gap['code']}")
    click.echo(str(file))


def default_key() -> Path:
    """Where the key of digests lies, one for all environments of a clone."""
    return runs_folder() / KEY_FILE


def default_file(folder: Path) -> Path:
    """A file of the run that is not there yet, numbered: `snapshot-1.json` and so on."""
    names = (folder / f"snapshot-{number}.json" for number in itertools.count(1))
    return next(file for file in names if not file.exists())


def diff_files(before: Path, after: Path, *, as_json: bool, cases: Path | None) -> bool:
    """Shows what differs between two snapshots; True if nothing does. Raises `UserError` for a
    file that is no snapshot, and for `cases` that cannot be written."""
    os.umask(0o077)
    found = difference(load(before), load(after))
    if cases is not None:
        lines = "".join(f"{json.dumps(case)}\n" for case in _cases(found))
        try:
            write_private(cases, lines)
        except OSError as error:
            raise UserError(f"{cases}: cannot be written: {error.strerror}") from error
    if as_json:
        click.echo(json.dumps(found.as_dict(), indent=2))
    else:
        show(found, Console())
    return found.empty


def _cases(found: Difference) -> Iterable[Mapping[str, Any]]:
    """Each request whose answer changed, as it was decided before and after."""
    for each in found.turned:
        for when, answer in (("before", each.before), ("after", each.after)):
            case = answer.case(f"{when}: {each.who} {each.phrase}")
            if case is not None:
                yield case


def show(found: Difference, console: Console) -> None:
    """Prints a difference: answers that changed, then the pieces that changed."""
    if not found.comparable_ids:
        say(
            console,
            "The snapshots were made with different keys, so external ids were not compared.",
        )
    if found.empty:
        say(console, f"No difference. {found.asked:,} requests have the same answers.")
        return
    _answers(console, "Access gained", "red", "may now", found.gained)
    _answers(console, "Access lost", "green", "may no more", found.lost)
    _answers(console, "Not decided both times", "yellow", "perhaps may, of", found.unsure)
    if not found.turned:
        say(console, f"{found.asked:,} requests have the same answers.")
    _pieces(console, found.changes)
    sums = [
        f"{counted(len(found.gained), 'request')} newly allowed",
        f"{len(found.lost)} allowed no more",
        *([f"{len(found.unsure)} not decided both times"] if found.unsure else []),
        counted(len(found.changes), "change"),
    ]
    console.print()
    say(console, f"{', '.join(sums)}; {found.asked:,} requests were decided twice.")


def _answers(
    console: Console, heading: str, style: str, verb: str, turned: Sequence[Turned]
) -> None:
    if not turned:
        return
    console.print()
    console.print(Text(f"{heading} ({len(turned)})", style=f"bold {style}"))
    by_who: dict[tuple[str, str], list[Turned]] = {}
    for each in turned:
        by_who.setdefault((each.who, each.family), []).append(each)
    for (who, family), group in sorted(by_who.items()):
        say(console, f"  {who} {verb} {family}:")
        for each in group[:_SHOWN]:
            way = f" ({' then '.join(each.way)})" if "unknown" in each.way else ""
            say(console, f"    {each.phrase}{way}")
        if len(group) > _SHOWN:
            say(console, f"    and {len(group) - _SHOWN} more")
        why = group[0].before.why if group[0].before.outcome == "unknown" else group[0].after.why
        say(console, f"    since: {why.partition(': ')[2] or why}")


def _pieces(console: Console, changes: Iterable[Change]) -> None:
    for subject, group in itertools.groupby(changes, key=lambda change: change.subject):
        console.print()
        console.print(Text(subject, style="bold"), soft_wrap=True)
        for each in group:
            line = Text(f"  {each.effect:<8}", style=_STYLES[each.effect])
            console.print(line.append(each.what, style=""), soft_wrap=True, highlight=False)
