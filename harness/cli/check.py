"""`bulkhead check`: an environment's plans through checkov, findings by their line of Terraform.

checkov reads plans in its own virtual environment. What it says about a plan points into the plan,
so the lines, and the comments that skip a check, are looked up here. Findings about a plan that
could not be read, or about less than all of it, are an error: nothing is judged by halves.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.checkov.invariants.catalogue import RULES
from harness.checkov.invariants.rule import PREFIX
from harness.deploy.plans import Block, Origins, PlanDocument, resources_of
from harness.deploy.workspace import private_folder, project_root, write_private
from harness.errors import UserError
from harness.report.sarif import render_sarif
from harness.targets.base import clean_environ

VARIABLE = "BULKHEAD_CHECKOV"
CHECKS = Path("harness") / "checkov"
_SKIP = re.compile(r"#\s*checkov:skip=([A-Z0-9_,]+):\s*(\S.*)")
_DEADLINE = 600
_ENDED = (0, 1)


@dataclass(frozen=True, slots=True)
class Finding:
    """One check that failed on one resource."""

    check: str
    name: str
    details: tuple[str, ...]
    resource: str
    plan: str
    """The name of the plan that it is about."""
    file: str
    """Relative to the project, with slashes."""
    start: int
    end: int
    skipped: str = ""
    """The reason of the comment that skips the check here."""

    @property
    def message(self) -> str:
        """What is wrong, in one line."""
        said = f": {'; '.join(self.details)}" if self.details else ""
        return f"{self.name} ({self.resource}){said}"

    def __str__(self) -> str:
        return f"{self.file}:{self.start}: {self.check} {self.message}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What checkov said about the plans of an environment."""

    findings: tuple[Finding, ...]
    resources: int
    version: str

    @property
    def failed(self) -> list[Finding]:
        return [finding for finding in self.findings if not finding.skipped]

    def sarif(self) -> dict[str, Any]:
        """The findings as SARIF; each rule with its reason."""
        rules = [{"id": r.id, "name": r.name, "why": r.why, "page": r.guideline} for r in RULES]
        findings = [
            {
                "id": finding.check,
                "message": finding.message,
                "file": finding.file,
                "start": finding.start,
                "end": finding.end,
                "resource": finding.resource,
                "skipped": finding.skipped,
            }
            for finding in self.findings
        ]
        return render_sarif(findings, rules, tool="checkov", version=self.version)


def checkov_command() -> Path:
    """The checkov of the project. Raises `UserError` where it is not installed."""
    command = Path(os.environ.get(VARIABLE) or project_root() / ".venv-checkov/bin/checkov")
    if not command.exists():
        raise UserError(
            f"{command} does not exist: run `make checkov`, or name another in {VARIABLE}"
        )
    return command


def check_plans(plans: Sequence[PlanDocument], folder: Path) -> Verdict:
    """Runs checkov with our checks over plans, which are put into `folder` meanwhile.

    checkov's own know neither boundaries nor pinned callers; `make lint` runs them on the HCL.
    Raises `UserError` when checkov could not judge all of them.
    """
    command = checkov_command()
    with _written(plans, folder), _in_time():
        done = subprocess.run(
            [
                *(str(command), "--directory", str(folder)),
                *("--external-checks-dir", str(project_root() / CHECKS), "--check", f"{PREFIX}*"),
                *("--framework", "terraform_plan", "--skip-download", "--output", "json"),
            ],
            # Elsewhere checkov would find a configuration of its own.
            cwd=folder,
            env={k: v for k, v in clean_environ().items() if not k.startswith("PYTHON")},
            capture_output=True,
            text=True,
            timeout=_DEADLINE,
            check=False,
        )
    return read_answer(plans, done.stdout, done.returncode, done.stderr)


def read_answer(plans: Sequence[PlanDocument], out: str, code: int, err: str) -> Verdict:
    """The verdict from checkov's JSON, exit code and standard error.

    Raises `UserError` for an answer that is not about all of the plans.
    """
    project = project_root()
    try:
        said = json.loads(out) if code in _ENDED else None
    except ValueError:
        said = None
    if not isinstance(said, dict) or "results" not in said:
        # Its output may quote a plan, which holds external ids.
        last = (err.strip().splitlines() or ["it said nothing"])[-1]
        raise UserError(f"checkov did not judge the plans (exit {code}): {last[:300]}")
    results = said["results"]
    _refuse_gaps(plans, results)
    origins = {plan.name: Origins(plan) for plan in plans}
    findings = [_finding(record, origins, project) for record in results["failed_checks"]]
    return Verdict(
        findings=tuple(sorted(findings, key=lambda f: (f.file, f.start, f.check, f.resource))),
        resources=sum(len(resources_of(plan)) for plan in plans),
        version=said["summary"]["checkov_version"],
    )


@contextlib.contextmanager
def _in_time() -> Iterator[None]:
    try:
        yield
    except subprocess.TimeoutExpired:
        raise UserError(f"checkov did not judge the plans within {_DEADLINE} s") from None


@contextlib.contextmanager
def _written(plans: Sequence[PlanDocument], folder: Path) -> Iterator[None]:
    """Within, the plans are files that only their owner can read."""
    private_folder(folder)
    files = [folder / f"{plan.name}.json" for plan in plans]
    try:
        for file, plan in zip(files, plans, strict=True):
            write_private(file, plan.text)
        yield
    finally:
        for file in files:
            file.unlink(missing_ok=True)


def _refuse_gaps(plans: Sequence[PlanDocument], results: dict[str, Any]) -> None:
    """Raises `UserError` for a plan that was not parsed, or a resource that a check of ours passed
    over: checkov goes on without either."""
    if results["parsing_errors"]:
        raise UserError(f"checkov cannot read {', '.join(results['parsing_errors'])}")
    judged = {
        (Path(record["file_path"]).stem, record["resource"], record["check_id"])
        for verdict in ("passed_checks", "failed_checks")
        for record in results[verdict]
    }
    for plan in plans:
        for resource in resources_of(plan):
            for rule in RULES:
                due = rule.always and resource["type"] in rule.resources
                if due and (plan.name, resource["address"], rule.id) not in judged:
                    raise UserError(
                        f"checkov said nothing of {rule.id} about {resource['address']} of "
                        f"{plan.name}"
                    )


def _finding(record: dict[str, Any], origins: dict[str, Origins], project: Path) -> Finding:
    plan = Path(record["file_path"]).stem
    address = record["resource"]
    block = origins[plan].block(address)
    if block is None:
        raise UserError(f"{address} of {plan} is in no Terraform of this project")
    return Finding(
        check=record["check_id"],
        name=record["check_name"],
        details=tuple(record.get("details") or ()),
        resource=address,
        plan=plan,
        file=block.file.relative_to(project).as_posix(),
        start=block.start,
        end=block.end,
        skipped=_skip(block, record["check_id"]),
    )


def _skip(block: Block, check: str) -> str:
    """The reason of the comment in the block that skips the check, as checkov's own for HCL."""
    for line in block.lines:
        if (comment := _SKIP.search(line)) and check in comment[1].split(","):
            return comment[2]
    return ""


def check_environment(name: str, sarif: Path | None) -> bool:
    """Applies the environment to a throwaway cloud and checks its plans there; says what is wrong,
    and writes it as SARIF when asked. True if nothing is."""
    import click
    from rich.console import Console

    from harness.cli.environments import loaded, say, throwaway
    from harness.cli.serve import terminable
    from harness.deploy.deployment import Deployment
    from harness.deploy.plans import plan_documents

    environment = loaded(name)
    checkov_command()
    console = Console(stderr=True)
    with terminable(), throwaway(environment, console) as file:
        say(console, "Planning again, now that every policy is known.")
        plans = plan_documents(Deployment.load(file), file.parent)
        say(console, f"Checking {len(plans)} plans.")
        verdict = check_plans(plans, file.parent / "plans")
    if sarif is not None:
        sarif.parent.mkdir(parents=True, exist_ok=True)
        sarif.write_text(json.dumps(verdict.sarif(), indent=2) + "\n", encoding="utf-8")
    for finding in verdict.failed:
        click.echo(str(finding))
    skipped = len(verdict.findings) - len(verdict.failed)
    click.echo(
        f"{len(verdict.failed)} findings, {skipped} skipped with a reason, in "
        f"{verdict.resources} resources of {len(plans)} plans."
    )
    return not verdict.failed
