"""bench: what the gateway costs beside the bare inner app, the client's logging beside other ways
to log, and how long the main jobs take.

Everything is measured in one run on one machine, and shown as ratios: figures of different
machines tell nothing about each other.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.table import Table

from harness.bench.client import HandlerCosts, measurable
from harness.bench.client import measure as measure_handlers
from harness.bench.engine import Throughput, throughput
from harness.bench.fleet import apply_fleet
from harness.bench.gateway import Bench, Cost
from harness.bench.processes import bare_assume_role, cold_decision, peer
from harness.cli.environments import loaded, probed, say
from harness.cli.mutants import run as run_mutants
from harness.cli.serve import terminable
from harness.cli.suite import Reports, Suite
from harness.deploy.deployment import Deployment
from harness.deploy.environment import Environment
from harness.mutants import MUTANTS
from harness.mutants.pool import Worker, in_groups, workers

FORMAT = "bulkhead-bench/4"
FEW = 10
FORKS = 11
DECISIONS = 20_000
ROLES = 500
FLEET_ROUNDS = 2


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure and the most it may be: seconds, MiB, or a ratio of two measured in this run."""

    name: str
    value: float
    limit: float
    ratio: bool = False
    unit: Literal["s", "MiB"] = "s"

    @property
    def share(self) -> float:
        return self.value / self.limit


def bench(
    name: str, *, rounds: int, many: int, jobs: bool, client_only: bool, report: Path | None
) -> bool:
    """Measures, prints, and writes JSON where asked to. True if everything kept its limit."""
    environment = loaded(name)
    console = Console()
    engine: Sequence[Throughput] = ()
    costs: Sequence[Cost] = ()
    measures: list[Measure] = []
    if not client_only:
        engine = throughput(DECISIONS)
        costs = Bench(few=min(FEW, many), many=many).run(rounds)
        _print_costs(costs, many, console)
        _print_engine(engine, console)
        measures += _small(costs, many)
    handlers = _handlers(console) if jobs or client_only else None
    if handlers is not None:
        measures += _of_handlers(handlers)
    if jobs and not client_only:
        measures += _against_peer(console)
        with tempfile.TemporaryDirectory(prefix="bulkhead-bench-") as folder:
            fleet = apply_fleet(ROLES, Path(folder), FLEET_ROUNDS)
        measures += [
            Measure(f"terraform apply of {ROLES} roles, against bare moto", fleet.ratio, 1.1, True)
        ]
        measures += _jobs(environment, console)
    _print_measures(measures, console)
    if report is not None:
        report.parent.mkdir(parents=True, exist_ok=True)
        report.write_text(
            json.dumps(_document(costs, engine, handlers, measures, many), indent=1) + "\n"
        )
    return all(measure.share <= 1 for measure in measures)


def _small(costs: Sequence[Cost], many: int) -> list[Measure]:
    assume = next(cost for cost in costs if cost.operation == "sts AssumeRole")
    grown = max(cost.decision_growth for cost in costs)
    return [
        Measure("AssumeRole's CPU, against bare moto", assume.cpu / bare_assume_role(), 1, True),
        Measure(f"a decision among {many:,} roles, against {FEW}", grown, 1.2, True),
        Measure("decide one case from a cold start", cold_decision(), 0.2),
    ]


def _handlers(console: Console) -> HandlerCosts | None:
    if not measurable():
        say(console, "The client's logging is not measured: watchtower is not installed.")
        return None
    handlers = measure_handlers()
    _print_handlers(handlers, console)
    return handlers


def _of_handlers(handlers: HandlerCosts) -> list[Measure]:
    """Its limits: by the median of an invocation, and by the processor time of its thread, which
    has all that the garbage collector does there and what the writer's threads cost it."""
    calls = handlers.calls
    measures = []
    for key, what, share, most in (("median", "time", 0.5, 20), ("cpu", "processor time", 0.6, 40)):
        ours, theirs, least = (
            calls[subject][f"added_{key}"] for subject in ("bulkhead", "watchtower", "noop")
        )
        beyond = max(0.0, ours - least) / 1e6
        measures += [
            Measure(f"a call's added {what}, against watchtower's", ours / theirs, share, True),
            Measure(f"a call's added {what}, beyond a no-op", beyond, most / 1e6),
        ]
    measures += [
        Measure(
            f"watchtower's deliveries a second, against ours: {producers} producers",
            theirs / handlers.deliveries["bulkhead"][producers],
            1,
            True,
        )
        for producers, theirs in handlers.deliveries["watchtower"].items()
    ]
    passes = handlers.passes
    measures += [
        Measure(
            f"a call's processor time, walls and records included, against bare {theirs}",
            passes[ours]["cpu"] / passes[theirs]["cpu"],
            1.4,
            True,
        )
        for ours, theirs in (("bulkhead", "boto3"), ("bulkhead-langchain", "langchain"))
    ]
    spooled = passes["bulkhead --spool"]["median"] - passes["bulkhead"]["median"]
    measures.append(Measure("a call's added time with a spool", max(0.0, spooled) / 1e6, 0.001))
    memory = handlers.memory["bulkhead"]
    grown = max(0.0, memory["all"] - memory["fifth"])
    return [
        *measures,
        Measure("memory for 80,000 more records, endpoint hung", grown, 4, unit="MiB"),
        Measure("import of the client", handlers.imports / 1000, 0.15),
    ]


def _against_peer(console: Console) -> list[Measure]:
    figures = peer()
    if figures is None:
        say(console, "The other engine is not measured: it needs node and npm on PATH.")
        return []
    return [
        Measure(f"{other}'s speed, against ours: {case}", each[key] / each["ours"], limit, True)
        for case, each in figures.items()
        for key, other, limit in (
            ("core", "another engine's core", 0.5),
            ("runSimulation", "its runSimulation", 0.1),
        )
    ]


def _jobs(environment: Environment, console: Console) -> list[Measure]:
    """Deploys, probes, forks and weakens."""
    with terminable(), tempfile.TemporaryDirectory(prefix="bulkhead-bench-") as path:
        folder, quiet = Path(path), Console(quiet=True)
        reports = Reports.into(folder)
        started = time.monotonic()
        with probed(environment, folder, reports, quiet) as (deployment, _):
            ended = time.monotonic()
            with Suite(str(environment.path.resolve()), deployment, folder, reports) as suite:
                suite.finish(quiet)
            probed_again = time.monotonic()
            fork = _fork_seconds(deployment)
            forked = time.monotonic()
            with Worker(deployment, workers()) as worker:
                run_mutants(MUTANTS, in_groups(MUTANTS), worker, console)
            weakened = time.monotonic()
    return [
        Measure("demo: deploy, call, probe, report", ended - started, 90),
        Measure("security suite on a prepared cloud", probed_again - ended, 60),
        Measure(f"{len(MUTANTS)} weakenings, known gaps included", weakened - forked, 180),
        Measure("fork of the prepared cloud", fork, 0.1),
    ]


def _fork_seconds(deployment: Path) -> float:
    """The median time until a fork answers."""
    cloud = Deployment.load(deployment).cloud()
    taken = []
    for _ in range(FORKS):
        started = time.monotonic()
        with cloud.fork():
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


def _print_engine(engine: Sequence[Throughput], console: Console) -> None:
    table = Table(title="Decisions on one core, policies parsed beforehand", title_justify="left")
    table.add_column("case")
    table.add_column("per second", justify="right")
    for each in engine:
        table.add_row(each.case, f"{each.per_second:,.0f}")
    console.print(table)


def _print_handlers(handlers: HandlerCosts, console: Console) -> None:
    table = Table(title="One call of a model without latency", title_justify="left")
    table.add_column("logged by")
    for column in ("added, median", "added, mean", "added, CPU", "events/s, 1 and 4 threads"):
        table.add_column(column, justify="right")
    for name, taken in handlers.calls.items():
        if name == "bare":
            continue
        rates = handlers.deliveries.get(name, {}).values()
        table.add_row(
            name,
            *(f"{taken[f'added_{key}']:,.1f} µs" for key in ("median", "mean", "cpu")),
            " / ".join(f"{rate:,.0f}" for rate in rates),
        )
    console.print(table)
    _print_passes(handlers.passes, console)
    bare = handlers.calls["bare"]
    grown = ", ".join(f"{name} {each['all']:.0f} MiB" for name, each in handlers.memory.items())
    console.print(
        f"Without a handler a call takes {bare['median']:,.0f} µs. The mean holds the turns of the "
        f"writing threads. 100,000 records and an endpoint that hangs: {grown}.",
        style="dim",
    )


def _print_passes(passes: Mapping[str, Mapping[str, float]], console: Console) -> None:
    """Calls of the true clients, answered by the same stub in the place of the network."""
    table = Table(title="One call of a client, nothing sent", title_justify="left")
    table.add_column("called with")
    for column in ("median", "added", "CPU", "added"):
        table.add_column(column, justify="right")
    for name, taken in passes.items():
        cells = [f"{taken[key]:,.0f} µs" for key in ("median", "added_median", "cpu", "added_cpu")]
        table.add_row(name, *cells)
    console.print(table)


def _print_measures(measures: Sequence[Measure], console: Console) -> None:
    table = Table(title="Limits", title_justify="left")
    table.add_column("what")
    for column in ("measured", "may be", "share"):
        table.add_column(column, justify="right")
    for measure in measures:
        style = "red" if measure.share > 1 else ""
        shown = (_shown(value, measure) for value in (measure.value, measure.limit))
        table.add_row(measure.name, *shown, f"{measure.share:.2f}", style=style)
    console.print(table)
    for measure in measures:
        if measure.share > 1:
            say(console, f"over its limit: {measure.name}")


def _shown(value: float, measure: Measure) -> str:
    if measure.ratio:
        return f"{value:.2f} x"
    if measure.unit == "MiB":
        return f"{value:.1f} MiB"
    if measure.limit < 0.001:
        return f"{value * 1e6:.1f} µs"
    return f"{value:.0f} s" if value >= 1 else f"{value * 1000:.0f} ms"


def _document(
    costs: Sequence[Cost],
    engine: Sequence[Throughput],
    handlers: HandlerCosts | None,
    measures: Sequence[Measure],
    many: int,
) -> Mapping[str, Any]:
    return {
        "format": FORMAT,
        "customers": many,
        "requests": [
            {**asdict(cost), "ratio": cost.ratio, "growth": cost.growth} for cost in costs
        ],
        "decisions": [asdict(each) for each in engine],
        "handlers": None if handlers is None else asdict(handlers),
        "limits": [{**asdict(each), "share": each.share} for each in measures],
    }
