"""Writes the page that says which probes each target can answer, and why."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from harness.cloud.localstack import STORED_LOGS
from harness.deploy.workspace import environment_folder, project_root, runs_folder
from harness.errors import UserError
from harness.probes.listing import Listed, listed

PAGE = Path("docs") / "targets.md"
BEGIN, END = "<!-- made by `bulkhead targets` -->\n", "<!-- end -->\n"
_STORED = frozenset({"iam", "kms", "logs"})
_MOST = 3


@dataclass(slots=True)
class Shown:
    """What the probes of a test function showed in runs."""

    claims: set[str] = field(default_factory=set)
    services: set[str] = field(default_factory=set)
    callers: bool = False
    """One of them is made by an application's role."""
    passed: bool = True


def write_page(environment: str) -> None:
    """Makes the table of docs/targets.md anew. Raises `UserError` where a run is missing, or did
    not pass."""
    name = environment_folder(environment).name
    tests = listed(project_root())
    embedded = seen(_results(name, name))
    localstack = seen(_results(f"{name}-localstack", f"{name} --target localstack"))
    _check(tests, embedded, "embedded", answers=lambda _: True)
    _check(tests, localstack, "localstack", answers=lambda test: not test.copies)
    page = project_root() / PAGE
    head, rest = page.read_text(encoding="utf-8").split(BEGIN)
    tail = rest.split(END)[1]
    page.write_text(f"{head}{BEGIN}{table(tests, embedded)}{END}{tail}", encoding="utf-8")
    click.echo(f"{PAGE}: {len(tests)} tests")


def table(tests: Mapping[str, Listed], shown: Mapping[str, Shown]) -> str:
    """The counts, what LocalStack does, and a row for each test, as Markdown."""
    copies = sum(test.copies for test in tests.values())
    changing = sum(bool(test.changing) and not test.copies for test in tests.values())
    lines = [
        "",
        f"Of {len(tests)} tests of the suite the embedded cloud answers all; with a LocalStack "
        f"{len(tests) - copies} are answered; in real accounts {len(tests) - copies - changing}, "
        f"and with `--changing` {changing} more.",
        "",
        "Of CloudWatch Logs LocalStack answers PutLogEvents, "
        f"{', '.join(sorted(STORED_LOGS))}; of IAM and KMS whatever it has.",
        "",
        "| test | what it shows | embedded | localstack | aws |",
        "|---|---|---|---|---|",
    ]
    for name in sorted(tests):
        test, seen_here = tests[name], shown.get(name, Shown())
        claims = sorted(seen_here.claims)
        told = "<br>".join(claims[:_MOST])
        told += f"<br>and {len(claims) - _MOST} more" if len(claims) > _MOST else ""
        cells = (
            f"`{name.removeprefix('tests/security/')}`",
            told.replace("|", "\\|"),
            *verdicts(test, seen_here),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def verdicts(test: Listed, shown: Shown) -> tuple[str, str, str]:
    """Whether each target answers a test and why, as the cells of its row."""
    if test.copies:
        return "yes", "no: needs a copy of the cloud", "no: needs a copy of the cloud"
    stored = ", ".join(sorted(shown.services & _STORED))
    others = ", ".join(sorted(shown.services - _STORED))
    by = [f"LocalStack: {stored}" if stored else "", f"gateway: {others}" if others else ""]
    localstack = f"yes ({'; '.join(filter(None, by))})" if any(by) else "yes"
    aws = f"with `--changing`: {test.changing}" if test.changing else "yes"
    if shown.callers:
        aws += "; needs a profile of the caller role"
    return "yes", localstack, aws.replace("|", "\\|")


def seen(data: Mapping[str, Any]) -> dict[str, Shown]:
    """What a run's results file holds, by test function."""
    found: dict[str, Shown] = defaultdict(Shown)
    for test in data["tests"]:
        entry = found[_function(test["id"])]
        entry.passed = entry.passed and test["outcome"] == "passed"
    for result in data["results"]:
        entry = found[_function(result["test"])]
        # Variants of a claim are one.
        entry.claims.add(result["claim"].partition(" (")[0])
        request = result.get("request") or {}
        service = str(request.get("service") or "")
        if not service and ":" in result["action"]:
            service = str(result["action"]).partition(":")[0]
        if service:
            entry.services.add(service)
        entry.callers = entry.callers or result["principal_kind"] == "caller"
    return dict(found)


def _function(test: str) -> str:
    return test.partition("[")[0]


def _results(folder: str, command: str) -> dict[str, Any]:
    path = runs_folder() / folder / "results.json"
    try:
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise UserError(f"{path} holds no results; run `bulkhead demo {command}` first") from None
    if not data.get("complete"):
        raise UserError(f"{path} is of a run that did not end; run `bulkhead demo {command}`")
    return data


def _check(
    tests: Mapping[str, Listed], shown: Mapping[str, Shown], target: str, *, answers: Any
) -> None:
    """Raises `UserError` where a run does not bear out what the page is going to say."""
    for name, test in tests.items():
        passed = name in shown and shown[name].passed
        if passed != bool(answers(test)):
            says = "passed" if passed else "did not pass"
            raise UserError(f"{name} {says} on {target}, which the page would not tell; run again")
