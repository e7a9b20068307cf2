"""Broken on purpose: the security suite must fail on every weakening, and on nothing else.

Each run is a pytest process of its own against a fork of the deployed cloud. A weakened fork sees
only the tests that must notice, since a suite fails if any of its tests does; the twin sees all.
"""

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
from harness.mutants import MUTANTS, Mutant, Site
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
    """Runs the suite on a fork of the cloud, after `weaken` has been at it."""

    def run(weaken: Callable[[Site], None] | None, tests: str = "") -> Run:
        with deployment.cloud().fork() as cloud:
            target = EmbeddedTarget(cloud)
            forked = deployment.on(target)
            saved, results = tmp_path / "deployment.json", tmp_path / "results.json"
            forked.save(saved)
            if weaken is not None:
                weaken(Site(Stage.of(forked, target)))
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
    """And the page of what it covers is the one in docs/."""
    seen = run(None)
    assert seen.code == 0, seen.output
    assert summarize(seen.data).holds
    check_schema(seen.data)
    coverage = cover(seen.data["results"], catalogue())
    assert not problems(coverage)
    written = (pytestconfig.rootpath / PAGE).read_text(encoding="utf-8")
    assert page(coverage) == written, f"{PAGE} is of yesterday: bulkhead demo && bulkhead coverage"


def test_the_walls_hold_without_guardrails(run: Callable[..., Run]) -> None:
    """The twin of every mutant: what is noticed there is the weakening."""
    seen = run(Site.without_guardrails)
    assert seen.code == 0, seen.output


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: m.id)
def test_the_suite_notices(run: Callable[..., Run], mutant: Mutant) -> None:
    seen = run(mutant.apply, mutant.tests)
    assert seen.code == 1, f"{mutant.id}: {mutant.title}\n{seen.output}"
    assert not mutant.unnoticed(seen.data["results"]), f"{mutant.title}\n{seen.output}"
    summary = summarize(seen.data)
    assert not summary.holds
    assert summary.complete


def test_ids_are_unique() -> None:
    assert len({m.id for m in MUTANTS}) == len(MUTANTS)
