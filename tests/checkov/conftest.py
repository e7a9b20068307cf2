"""One run of checkov over every fixture, for all tests and all workers: it takes 5 s to start."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from filelock import FileLock
from support.checkov import Findings, cases, plan_of, run_checkov


@pytest.fixture(scope="session")
def findings(tmp_path_factory: pytest.TempPathFactory, testrun_uid: str) -> Findings:
    """What checkov says about the resources of all fixtures, each in a plan of its own."""
    folder = tmp_path_factory.getbasetemp().parent / f"checkov-{testrun_uid}"
    report = folder / "report.json"
    with FileLock(f"{folder}.lock"):
        if not report.exists():
            plans = folder / "plans"
            plans.mkdir(parents=True, exist_ok=True)
            for case in cases():
                (plans / f"{case}.json").write_text(json.dumps(plan_of(case), indent=1))
            done = run_checkov(
                "-d", plans, "--framework", "terraform_plan", "-o", "json", cwd=folder
            )
            assert done.returncode == 1 and done.stdout.startswith("{"), done.stdout + done.stderr
            assert "Cannot load external check" not in done.stderr, done.stderr
            report.write_text(done.stdout, encoding="utf-8")
    said = json.loads(report.read_text(encoding="utf-8"))
    results = said["results"]
    assert results["parsing_errors"] == []
    found: Findings = {}
    for record in [*results["passed_checks"], *results["failed_checks"]]:
        fixture = Path(record["file_path"]).stem
        found[fixture, record["check_id"], record["resource"]] = record
    return found
