"""What the client's logging costs an application, beside other ways to log a call.

The programs are the client's own (`client/benchmarks/handlers.py`), each run in a process of its
own, in turns, so that what else the machine does hits all alike; the best run of each counts, since
disturbance only adds. Their endpoint is `log_endpoint`, which has the limits of CloudWatch Logs.
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
PRODUCERS = (1, 4)
CALLS = 12_000
DELIVERIES = 20_000
HUNG = 100_000
ROUNDS = 5


@dataclass(frozen=True, slots=True)
class HandlerCosts:
    """The figures of one run. Times are microseconds of one invocation, memory is MiB.

    calls       by subject: `median`, `mean` and `cpu` of an invocation, and what the handler adds
                to one without (`added_…`)
    deliveries  events delivered per second, by subject and number of threads that log
    memory      by subject, growth while the endpoint hangs: after a `fifth` of the records, `all`
    imports     milliseconds that `import bulkhead` takes beyond boto3 and langchain-core
    """

    calls: Mapping[str, Mapping[str, float]]
    deliveries: Mapping[str, Mapping[int, float]]
    memory: Mapping[str, Mapping[str, float]]
    imports: float


def measurable() -> bool:
    """Whether watchtower is installed, which is measured beside ours."""
    return importlib.util.find_spec("watchtower") is not None


def measure(
    rounds: int = ROUNDS, *, invocations: int = CALLS, records: int = DELIVERIES, hung: int = HUNG
) -> HandlerCosts:
    """Run everything in turns. Raises `UserError` when a program fails.

    invocations  of a model, in one run; a twelfth for the handler that waits for each request
    records      delivered in one run
    hung         records that are logged while the endpoint hangs
    """
    calls: dict[str, dict[str, float]] = {}
    deliveries: dict[str, dict[int, float]] = {"watchtower": {}, "bulkhead": {}}
    imports = float("inf")
    with _endpoint() as url:
        for _ in range(rounds):
            for name in SUBJECTS:
                number = max(1, invocations // 12) if name == "naive" else invocations
                found = _run("calls", name, "--endpoint", url, "--number", str(number))
                best = calls.setdefault(name, found)
                calls[name] = {key: min(value, best[key]) for key, value in found.items()}
            for producers in PRODUCERS:
                for name, each in deliveries.items():
                    found = _run(
                        *("deliveries", name, "--endpoint", url, "--number", str(records)),
                        *("--producers", str(producers)),
                    )
                    each[producers] = max(each.get(producers, 0.0), found["per_second"])
            imports = min(imports, _run("imports")["milliseconds"])
    with _endpoint("--hang") as url:
        memory = {
            name: _run("memory", name, "--endpoint", url, "--number", str(hung))
            for name in deliveries
        }
    bare = calls["bare"]
    added = {
        name: {
            **taken,
            **{f"added_{key}": max(0.0, value - bare[key]) for key, value in taken.items()},
        }
        for name, taken in calls.items()
    }
    return HandlerCosts(added, deliveries, memory, imports)


def _run(*arguments: str) -> dict[str, float]:
    program = project_root() / "client" / "benchmarks" / "handlers.py"
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
