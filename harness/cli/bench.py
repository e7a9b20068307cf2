"""bench: what the gateway costs beside the bare inner app, and how long the main jobs take.

Everything is measured in one run on one machine, and shown as ratios: figures of different
machines tell nothing about each other.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from harness.cli.environments import loaded, say, throwaway
from harness.cli.gateway_bench import Bench, Cost
from harness.cli.mutants import run as run_mutants
from harness.cli.serve import terminable
from harness.cli.suite import Reports, run_suite
from harness.deploy.deployment import Deployment
from harness.mutants import MUTANTS

FORMAT = "bulkhead-bench/1"
FEW, MANY = 10, 1000
FORKS = 11
COLD_STARTS = 11


@dataclass(frozen=True, slots=True)
class Job:
    """How long a job took, and how long it may take."""

    name: str
    seconds: float
    limit: float

    @property
    def share(self) -> float:
        return self.seconds / self.limit


def bench(name: str, *, rounds: int, many: int, jobs: bool, report: Path | None) -> bool:
    """Measures, prints, and writes JSON where asked to. True if every job kept its limit."""
    environment = loaded(name)
    console = Console()
    costs = Bench(few=min(FEW, many), many=many).run(rounds)
    _print_costs(costs, many, console)
    done: list[Job] = []
    if jobs:
        with terminable():
            started = time.monotonic()
            with throwaway(environment, console) as deployment:
                deployed = time.monotonic()
                reports = Reports.into(deployment.parent)
                quiet = Console(quiet=True)
                run_suite(deployment, deployment.parent, reports, quiet)
                suite = time.monotonic()
                fork = _fork_seconds(deployment)
                forked = time.monotonic()
                run_mutants(MUTANTS, deployment, console)
                weakened = time.monotonic()
        done = [
            Job("demo: deploy, call, probe, report", suite - started, 90),
            Job("security suite on a prepared cloud", suite - deployed, 60),
            Job(f"{len(MUTANTS)} weakenings from a prepared cloud", weakened - forked, 180),
            Job("fork of the prepared cloud", fork, 0.1),
            Job("decide one case from a cold start", _cold_decision_seconds(), 0.2),
        ]
        _print_jobs(done, console)
    if report is not None:
        report.parent.mkdir(parents=True, exist_ok=True)
        report.write_text(json.dumps(_document(costs, done, many), indent=1) + "\n")
    return all(job.share <= 1 for job in done)


def _fork_seconds(deployment: Path) -> float:
    """The median time until a fork answers."""
    cloud = Deployment.load(deployment).cloud()
    taken = []
    for _ in range(FORKS):
        started = time.monotonic()
        with cloud.fork():
            taken.append(time.monotonic() - started)
    return statistics.median(taken)


_CASE = """{"id": "read", "request": {"principal": "arn:aws:iam::111111111111:user/ann",
"action": "s3:GetObject", "resource": "arn:aws:s3:::bucket/key", "resourceAccount": "111111111111"},
"identityPolicies": [{"Statement": {"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}}]}"""
"""On one line it is a case for `bulkhead decide`."""


def _cold_decision_seconds() -> float:
    """The median time of `bulkhead decide` for one case, start and end of the process included."""
    command = [sys.executable, "-c", "from harness.cli import main; main()", "decide"]
    taken = []
    for _ in range(COLD_STARTS):
        started = time.monotonic()
        subprocess.run(
            command,
            input=_CASE.replace("\n", " "),
            text=True,
            stdout=subprocess.DEVNULL,
            check=True,
        )
        taken.append(time.monotonic() - started)
    return statistics.median(taken)


def _print_costs(costs: Sequence[Cost], many: int, console: Console) -> None:
    table = Table(title="One request, by what answers it", title_justify="left")
    table.add_column("operation")
    for column in ("bare inner app", "with the gateway", "ratio", f"ratio at {many:,} customers"):
        table.add_column(column, justify="right")
    for cost in costs:
        table.add_row(
            cost.operation,
            f"{cost.bare * 1e6:,.0f} µs",
            f"{cost.gateway * 1e6:,.0f} µs",
            f"{cost.ratio:.2f}",
            f"{cost.growth:.2f}",
        )
    console.print(table)
    console.print(
        "Medians. Bare: the same request, read already, answered with no signature checked and "
        "nothing decided.",
        style="dim",
    )


def _print_jobs(jobs: Sequence[Job], console: Console) -> None:
    table = Table(title="Jobs", title_justify="left")
    table.add_column("job")
    for column in ("took", "may take", "share"):
        table.add_column(column, justify="right")
    for job in jobs:
        style = "red" if job.share > 1 else ""
        took = f"{job.seconds:.0f} s" if job.seconds >= 1 else f"{job.seconds * 1000:.0f} ms"
        limit = f"{job.limit:.0f} s" if job.limit >= 1 else f"{job.limit * 1000:.0f} ms"
        table.add_row(job.name, took, limit, f"{job.share:.2f}", style=style)
    console.print(table)
    for job in jobs:
        if job.share > 1:
            say(console, f"too slow: {job.name}")


def _document(costs: Sequence[Cost], jobs: Sequence[Job], many: int) -> Mapping[str, Any]:
    return {
        "format": FORMAT,
        "customers": many,
        "requests": [
            {**asdict(cost), "ratio": cost.ratio, "growth": cost.growth} for cost in costs
        ],
        "jobs": [{**asdict(job), "share": job.share} for job in jobs],
    }
