"""Not broken: the suite must pass in forks of the deployed cloud that nobody weakened, the twins of
every mutant."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness.cli.coverage import PAGE, catalogue, problems
from harness.deploy.deployment import Deployment
from harness.mutants import Site
from harness.mutants.unrequired import PROBES, ROWS, unrequired
from harness.probes.stage import Stage
from harness.report.coverage import cover, page
from harness.report.schema import check_schema
from harness.report.summary import summarize
from harness.targets.embedded import EmbeddedTarget


@dataclass(frozen=True)
class Run:
    code: int
    data: dict[str, Any]
    output: str


@pytest.fixture
def run(deployment: Deployment, tmp_path: Path, pytestconfig: pytest.Config) -> Callable[..., Run]:
    """Runs the suite on a fork of the cloud, after `change` has been at it."""

    def run(change: Callable[[Site], None] | None, tests: str = "") -> Run:
        with deployment.cloud().fork() as cloud:
            target = EmbeddedTarget(cloud)
            forked = deployment.on(target)
            saved, results = tmp_path / "deployment.json", tmp_path / "results.json"
            forked.save(saved)
            if change is not None:
                change(Site(Stage.of(forked, target)))
            done = subprocess.run(
                [
                    *(sys.executable, "-m", "pytest", "tests/security", "--quiet", "--tb=line"),
                    *("-p", "no:cacheprovider"),
                    *("--deployment", str(saved), "--results", str(results)),
                    *(["-k", tests] if tests else []),
                ],
                cwd=pytestconfig.rootpath,
                # Other plugins cost seconds; the suite needs none.
                env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""},
                capture_output=True,
                text=True,
                timeout=300,
            )
            output = done.stdout + done.stderr
            assert results.exists(), output
            return Run(done.returncode, json.loads(results.read_text()), output)

    return run


def test_the_unweakened_fork_passes(run: Callable[..., Run], pytestconfig: pytest.Config) -> None:
    """And the page of what it covers is the one in docs/, and for each kind of probe and each row a
    weakening must be noticed, or it is said why there is none."""
    seen = run(None)
    assert seen.code == 0, seen.output
    assert summarize(seen.data).holds
    check_schema(seen.data)
    assert unrequired(seen.data["results"]) == (frozenset(PROBES), frozenset(ROWS))
    coverage = cover(seen.data["results"], catalogue())
    assert not problems(coverage)
    written = (pytestconfig.rootpath / PAGE).read_text(encoding="utf-8")
    assert page(coverage) == written, f"{PAGE} is of yesterday: bulkhead demo && bulkhead coverage"


def test_the_walls_hold_without_guardrails(run: Callable[..., Run]) -> None:
    """The twin of every mutant: what is noticed there is the weakening."""
    seen = run(Site.without_guardrails, "not test_guardrails")
    assert seen.code == 0, seen.output
