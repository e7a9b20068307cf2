"""The programs that `make bench` measures the client with do what they say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.bench import client as bench
from harness.bench.log_endpoint import LogEndpoint

PROGRAMS = Path(__file__).parents[2] / "client" / "benchmarks"
WARMUP = 300


@pytest.fixture
def endpoint() -> Iterator[LogEndpoint]:
    endpoint = LogEndpoint(groups={"/bench"}, keep=False).start()
    yield endpoint
    endpoint.stop()


def run(endpoint: LogEndpoint, *arguments: str, program: str = "handlers.py") -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, str(PROGRAMS / program), *arguments, "--endpoint", endpoint.url],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def test_every_record_of_ours_is_delivered(endpoint: LogEndpoint) -> None:
    figures = run(endpoint, "calls", "bulkhead", "--number", "50")
    assert 0 < figures["median"] <= figures["mean"] * 3
    assert endpoint.accepted == 50 + 50
    figures = run(endpoint, "deliveries", "bulkhead", "--number", "400", "--producers", "4")
    assert figures["per_second"] > 0
    assert endpoint.accepted == 50 + 50 + WARMUP + 400
    assert endpoint.refusals == []


@pytest.mark.parametrize("name", ["langchain-noop", "bulkhead --spool", "bulkhead-langchain"])
def test_true_clients_are_answered_in_the_place_of_the_network(
    name: str, endpoint: LogEndpoint
) -> None:
    figures = run(endpoint, *name.split(), "--number", "5", program="clients.py")
    assert 0 < figures["median"] < 1e6
    # Whoever has our hooks leaves a record of each call, and nobody else does.
    assert endpoint.accepted == (5 + 5 if name.startswith("bulkhead") else 0)
    assert endpoint.refusals == []


def test_others_deliver_theirs(endpoint: LogEndpoint) -> None:
    run(endpoint, "calls", "naive", "--number", "3")
    assert endpoint.accepted == 3 + 3
    assert run(endpoint, "calls", "noop", "--number", "3")["cpu"] > 0


def test_watchtower_delivers_its_records(endpoint: LogEndpoint) -> None:
    pytest.importorskip("watchtower", reason="`make setup` installs it")
    run(endpoint, "deliveries", "watchtower", "--number", "40")
    # What it is given while it still makes its stream is lost; nothing of what is measured is.
    assert 40 < endpoint.accepted <= WARMUP + 40


def test_the_best_run_of_each_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs are played, the endpoint is real."""
    asked: list[tuple[str, ...]] = []
    base = {"bare": 70.0, "noop": 77.0, "naive": 900.0, "watchtower": 130.0, "bulkhead": 90.0}
    whole = {"boto3": 500.0, "langchain": 900.0, "bulkhead": 570.0, "bulkhead-langchain": 1000.0}

    def run(program: str, *arguments: str) -> dict[str, float]:
        asked.append(arguments)
        disturbed = 1.0 if len(asked) < 18 else 2.0  # the second round
        if program == "clients":
            value = whole.get(arguments[0], 600.0) * disturbed
            return {"median": value, "cpu": value - 5}
        if arguments[0] == "calls":
            value = base[arguments[1]] * disturbed
            return {"median": value, "mean": value + 5, "cpu": value - 5}
        if arguments[0] == "deliveries":
            return {"per_second": 30_000 / disturbed}
        return {"memory": {"fifth": 9.0, "all": 10.0}, "imports": {"milliseconds": 80.0}}[
            arguments[0]
        ]

    monkeypatch.setattr(bench, "_run", run)
    figures = bench.measure(2, invocations=1200)
    assert figures.calls["bulkhead"]["added_median"] == 20
    assert figures.calls["watchtower"]["added_mean"] == 60
    assert figures.passes["bulkhead"]["added_cpu"] == 70
    assert figures.passes["bulkhead-langchain"]["added_median"] == 100
    assert figures.passes["boto3"]["added_median"] == 0
    assert figures.deliveries == {
        "watchtower": {1: 30_000, 4: 30_000},
        "bulkhead": {1: 30_000, 4: 30_000},
    }
    assert figures.memory["bulkhead"] == {"fifth": 9.0, "all": 10.0}
    numbers = {each[1]: each[-1] for each in asked if each[0] == "calls"}
    assert numbers["naive"] == "100" and numbers["bulkhead"] == "1200"


def test_importing_the_client_imports_no_more_than_it_needs() -> None:
    # How long it takes is for `make bench`; what would take long is known.
    code = (
        "import boto3, langchain_core.callbacks, sys; before = set(sys.modules); import bulkhead; "
        "print(*sorted({name.partition('.')[0] for name in set(sys.modules) - before}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    heavy = {"langchain_aws", "multiprocessing", "numpy", "presidio_analyzer", "watchtower"}
    assert not heavy & set(done.stdout.split())
