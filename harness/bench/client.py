"""What the client costs an application: its logging beside other ways to log a call, and all that a
call passes through beside bare boto3.

The programs are the client's own (`client/benchmarks`), each run in a process of its own, in turns,
so that what else the machine does hits all alike; the best run of each counts, since disturbance
only adds. Their endpoint is `log_endpoint`, which has the limits of CloudWatch Logs.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.deploy.workspace import project_root
from harness.errors import UserError
from harness.targets.base import clean_environ

SUBJECTS = ("bare", "noop", "naive", "watchtower", "bulkhead")
# Of whole calls: subjects of `clients.py`, and what the spool adds.
PASSED = (
    *("boto3", "bulkhead", "bulkhead --spool"),
    *("langchain", "langchain-noop", "bulkhead-langchain"),
)
PRODUCERS = (1, 4)
CALLS = 12_000
PASSES = 2_000
DELIVERIES = 20_000
HUNG = 100_000
ROUNDS = 5


@dataclass(frozen=True, slots=True)
class HandlerCosts:
    """The figures of one run. Times are microseconds of one invocation, memory is MiB.

    calls       by subject: `median`, `mean` and `cpu` of an invocation of a model that answers at
                once, and what the handler adds to one without (`added_…`)
    passes      the same of a call with boto3 or ChatBedrockConverse that is answered in the place
                of the network, and what is added to boto3's or langchain-aws's own
    deliveries  events delivered per second, by subject and number of threads that log
    memory      by subject, growth while the endpoint hangs: after a `fifth` of the records, `all`
    imports     milliseconds that `import bulkhead` takes beyond boto3 and langchain-core
    """

    calls: Mapping[str, Mapping[str, float]]
    passes: Mapping[str, Mapping[str, float]]
    deliveries: Mapping[str, Mapping[int, float]]
    memory: Mapping[str, Mapping[str, float]]
    imports: float


def measurable() -> bool:
    """Whether watchtower is installed, which is measured beside ours."""
    return importlib.util.find_spec("watchtower") is not None


def measure(
    rounds: int = ROUNDS,
    *,
    invocations: int = CALLS,
    passes: int = PASSES,
    records: int = DELIVERIES,
    hung: int = HUNG,
) -> HandlerCosts:
    """Run everything in turns. Raises `UserError` when a program fails.

    invocations  of a model, in one run; a twelfth for the handler that waits for each request
    passes       calls of a client, in one run
    records      delivered in one run
    hung         records that are logged while the endpoint hangs
    """
    calls: dict[str, dict[str, float]] = {}
    passed: dict[str, dict[str, float]] = {}
    deliveries: dict[str, dict[int, float]] = {"watchtower": {}, "bulkhead": {}}
    imports = float("inf")
    with _endpoint() as url:
        for _ in range(rounds):
            for name in SUBJECTS:
                number = max(1, invocations // 12) if name == "naive" else invocations
                found = _run("handlers", "calls", name, "--endpoint", url, "--number", str(number))
                _keep(calls, name, found)
            for name in PASSED:
                options = (*name.split(), "--endpoint", url, "--number", str(passes))
                _keep(passed, name, _run("clients", *options))
            for producers in PRODUCERS:
                for name, each in deliveries.items():
                    found = _run(
                        *("handlers", "deliveries", name, "--endpoint", url),
                        *("--number", str(records), "--producers", str(producers)),
                    )
                    each[producers] = max(each.get(producers, 0.0), found["per_second"])
            imports = min(imports, _run("handlers", "imports")["milliseconds"])
    with _endpoint("--hang") as url:
        memory = {
            name: _run("handlers", "memory", name, "--endpoint", url, "--number", str(hung))
            for name in deliveries
        }
    return HandlerCosts(
        {name: _beyond(taken, calls["bare"]) for name, taken in calls.items()},
        {
            name: _beyond(taken, passed["langchain" if "langchain" in name else "boto3"])
            for name, taken in passed.items()
        },
        deliveries,
        memory,
        imports,
    )


def _keep(best: dict[str, dict[str, float]], name: str, found: dict[str, float]) -> None:
    """Keep the least of each figure."""
    before = best.setdefault(name, found)
    best[name] = {key: min(value, before[key]) for key, value in found.items()}


def _beyond(taken: Mapping[str, float], bare: Mapping[str, float]) -> dict[str, float]:
    added = {f"added_{key}": max(0.0, value - bare[key]) for key, value in taken.items()}
    return {**taken, **added}


def _run(module: str, *arguments: str) -> dict[str, float]:
    program = project_root() / "client" / "benchmarks" / f"{module}.py"
    environ = {**clean_environ(), "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package is compiled
    done = subprocess.run(
        [sys.executable, str(program), *arguments],
        capture_output=True,
        text=True,
        env=environ,
        check=False,
    )
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:] or ["no output"]
        raise UserError(f"{program.name} {' '.join(arguments[:2])}: {last[0]}")
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


@contextlib.contextmanager
def _endpoint(*options: str) -> Iterator[str]:
    """A log endpoint in a process of its own. Raises `UserError` if it refused something."""
    with subprocess.Popen(
        [sys.executable, "-m", "harness.bench.log_endpoint", *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=project_root(),
    ) as process:
        assert process.stdout is not None and process.stdin is not None
        url = process.stdout.readline().strip()
        try:
            yield url
        finally:
            process.stdin.close()
        seen: Any = json.loads(process.stdout.readline())
    # watchtower writes to its stream before it has made it.
    refused = [each for each in seen["refusals"] if not each.startswith("ResourceNotFound")]
    if refused:
        raise UserError(f"the log endpoint refused a batch: {refused[0]}")
