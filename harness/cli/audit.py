"""audit and drift: whether an environment is as it should be, for a person or for cron."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from harness.cli.environments import say
from harness.cli.progress import RootProgress, counted
from harness.cli.serve import terminable
from harness.cli.snapshot import default_key, show
from harness.cli.suite import Reports, Suite
from harness.cli.watched import Watched
from harness.deploy.apply import DEPLOYMENT_FILE, unlisted_roots
from harness.deploy.baseline import Setting, read_baseline
from harness.deploy.drift import Planned, plan_all
from harness.deploy.run import root_names
from harness.errors import UserError
from harness.snapshot.diff import Difference, difference
from harness.snapshot.extras import Extras, Finding, extras
from harness.snapshot.files import load, save
from harness.snapshot.hidden import snapshot_key
from harness.snapshot.take import take

_SHOWN = 3
"""Findings that differ in nothing but their subject, of which more are told as one."""
SAME, CHANGED, FAILED = 0, 1, 2
"""What `drift` ends with: nothing to change; something to change; a root could not be planned."""


@dataclass(frozen=True, slots=True)
class Audit:
    """What an audit found. `probes` and `difference` are None where they were not asked for."""

    extras: Extras
    settings: Sequence[Setting]
    probes: Mapping[str, Any] | None
    difference: Difference | None

    @property
    def holds(self) -> bool:
        probed = self.probes is None or bool(self.probes["holds"])
        same = self.difference is None or self.difference.empty
        return not self.extras.findings and not self.off and probed and same

    @property
    def off(self) -> list[Setting]:
        """The settings that are not as they should be."""
        return [each for each in self.settings if each.standing != "as wanted"]

    def as_dict(self, environment: str) -> dict[str, Any]:
        return {
            "environment": environment,
            "holds": self.holds,
            "findings": [asdict(each) for each in self.extras.findings],
            "notes": [asdict(each) for each in self.extras.notes],
            "settings": [
                {
                    name: getattr(each, name)
                    for name in ("what", "where", "now", "wanted", "standing")
                }
                for each in self.settings
            ],
            "probes": self.probes,
            "since": None if self.difference is None else self.difference.as_dict(),
        }


def audit_environment(
    seen: Watched,
    *,
    probes: bool,
    as_json: bool,
    since: Path | None,
    out: Path | None,
    key: Path | None,
) -> bool:
    """Audits what is deployed; True if it is as it should be. Probes of real accounts change
    nothing.

    Raises `UserError` where it is not applied whole, where the suite could not run, and for `since`
    that is no snapshot.
    """
    environment = seen.environment
    earlier = None if since is None else load(since)
    seen.refuse_changes()
    told = Console(stderr=True)
    with terminable():
        say(told, f"Reading {len(environment.bootstrapped_accounts)} accounts.")
        document = take(seen.deployment, seen.target, snapshot_key(key or default_key()))
        if out is not None:
            save(document, out)
        settings = read_baseline(environment, seen.target)
        probed: dict[str, Any] | None = None
        if probes:
            say(told, "Probing.")
            path, saved = str(environment.path.resolve()), seen.folder / DEPLOYMENT_FILE
            reports = Reports.into(seen.folder)
            with Suite(path, saved, seen.folder, reports) as suite:
                holds = suite.finish(told if as_json else Console())
            probed = {"holds": holds, "results": str(reports.json), "report": str(reports.html)}
    found = Audit(
        extras(document),
        settings,
        probed,
        None if earlier is None else difference(earlier, document),
    )
    if as_json:
        click.echo(json.dumps(found.as_dict(environment.name), indent=2))
    else:
        _show_audit(found, environment.name, Console())
    return found.holds


def _show_audit(found: Audit, name: str, console: Console) -> None:
    _show_findings(console, "Not as it was deployed", "bold red", found.extras.findings)
    if found.off:
        console.print()
        console.print(Text("Settings that are not as they should be", style="bold red"))
        for each in found.off:
            said = f"{each.what} {each.where} is {each.now}, not {each.wanted}"
            say(console, f"  {said}{f': {each.advice}' if each.advice else ''}")
    if found.difference is not None:
        console.print()
        console.print(Text("Since the earlier snapshot", style="bold"))
        show(found.difference, console)
    _show_findings(console, "To be known", "bold", found.extras.notes)
    console.print()
    if found.probes is not None and not found.probes["holds"]:
        say(console, f"The walls do not hold. Report: {found.probes['report']}")
    if found.holds:
        beside = "" if found.probes is not None else ", as far as reading tells: nothing was probed"
        say(console, f"{name} is as it was deployed{beside}.")
    else:
        say(console, f"{name} is not as it should be: {'; '.join(_why(found))}.")


def _why(found: Audit) -> list[str]:
    """What an audit ends with 1 for: each is enough, so none is counted as "0 findings"."""
    count, since = len(found.extras.findings) + len(found.off), found.difference
    why = [counted(count, "finding")] if count else []
    if found.probes is not None and not found.probes["holds"]:
        why.append("the walls do not hold")
    if since is not None and not since.empty:
        answers, pieces = counted(len(since.turned), "answer"), counted(len(since.changes), "piece")
        why.append(f"{answers} and {pieces} differ from the earlier snapshot")
    return why


def _show_findings(console: Console, heading: str, style: str, findings: Sequence[Finding]) -> None:
    if not findings:
        return
    console.print()
    console.print(Text(heading, style=style))
    alike: dict[tuple[str, str], list[str]] = {}
    for each in findings:
        alike.setdefault((each.check, each.what), []).append(each.subject)
    for (check, what), subjects in alike.items():
        more = f" and {len(subjects) - 1} like it" if len(subjects) > _SHOWN else ""
        shown = subjects[:1] if more else subjects
        for subject in shown:
            say(console, f"  {check}: {subject}{more}: {what}")


def drift_environment(seen: Watched, *, as_json: bool) -> int:
    """Shows what another apply of what is deployed would change, root by root; returns the exit
    code. Raises `UserError` where it is not applied whole, or `customers.yaml` was edited."""
    environment = seen.environment
    seen.refuse_changes()
    told = Console(stderr=True)
    progress = RootProgress(told, root_names(environment), "plan")
    with terminable(), progress.shown():
        planned = plan_all(seen.deployment, seen.folder, progress)
    unlisted = unlisted_roots(environment, seen.folder)
    failed = [root for root, each in planned.items() if isinstance(each, UserError)]
    code = FAILED if failed else SAME
    if not failed and (unlisted or any(_differs(each) for each in planned.values())):
        code = CHANGED
    if as_json:
        roots = [_root_as_dict(root, each) for root, each in planned.items()]
        document = {
            "environment": environment.name,
            "drift": code,
            "roots": roots,
            "unlisted": unlisted,
        }
        click.echo(json.dumps(document, indent=2))
    else:
        _show_drift(planned, unlisted, Console())
    return code


def _differs(planned: Planned) -> bool:
    return not isinstance(planned, UserError) and not planned.empty


def _root_as_dict(root: str, planned: Planned) -> dict[str, Any]:
    if isinstance(planned, UserError):
        return {"root": root, "state": "failed", "error": str(planned)}
    state = "same" if planned.empty else "changes"
    return {
        "root": root,
        "state": state,
        "changes": list(planned.planned),
        "outputs": planned.outputs,
    }


def _show_drift(planned: Mapping[str, Planned], unlisted: Sequence[str], console: Console) -> None:
    same = 0
    for root, each in planned.items():
        if isinstance(each, UserError):
            console.print(Text(f"{root}: could not be planned", style="bold red"))
            say(console, f"  {each}")
        elif each.empty:
            same += 1
        else:
            console.print(Text(f"{root}: {len(each.planned)} to change", style="bold yellow"))
            for line in each.planned:
                say(console, f"  {line}")
            if each.outputs:
                say(console, "  outputs")
    for root in unlisted:
        say(console, f"{root} was applied and is listed no more; its records stay.")
    said = f"{same} of {len(planned)} roots are as an apply would make them."
    say(console, said if same < len(planned) else f"No drift: all {same} roots are as deployed.")
