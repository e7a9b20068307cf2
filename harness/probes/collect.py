"""Gathers test reports and probe results into the results file, and reports progress while at it.

Runs in the process that sees all reports: under xdist the controller, to which results travel as a
JSON text in each report's `user_properties`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from harness.deploy.environment import Environment

WATCH = pytest.StashKey[Callable[[Mapping[str, Any]], None]]()
"""Of a run's configuration: told of each result as it is made; what it raises ends the test."""
PROPERTY = "bulkhead-results"
"""The user property that carries the results of a test."""

LEFT_OUT = "left out: "
"""In the reasons of tests that are not run where accounts are real."""

ENDED = frozenset({pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED})


def described(environment: Environment, target: str) -> dict[str, Any]:
    """The members of the results file that say what was probed: accounts with their parts."""
    probes = environment.probes
    parts = [
        (environment.operations_account, "operations", "operations"),
        (environment.management_account, "management", "management"),
        *((a.account_id, "customer", c.key) for c, a in environment.customer_accounts),
        (probes.other_organization, "outsider", "other organization"),
        (probes.no_organization, "outsider", "no organization"),
        (probes.control, "control", "control"),
    ]
    return {
        "target": target,
        "environment": {
            "name": environment.name,
            "region": environment.region,
            "regions": list(environment.regions),
            "accounts": [
                {"account": account, "part": part, "owner": owner} for account, part, owner in parts
            ],
        },
    }


class Collector:
    """A pytest plugin object: registers the hooks below on the controller."""

    def __init__(
        self,
        results: Path | None,
        progress: Path | None,
        describe: Callable[[], Mapping[str, Any]] = dict,
        deployment: Path | None = None,
    ) -> None:
        """`describe` tells at the end what was probed: see `described`. Until the file `deployment`
        is there, nothing is: the time of waiting for it does not count."""
        self._results_path = results
        self._progress_path = progress
        self._describe = describe
        self._deployment = deployment
        self._began = time.time()
        self._tests: dict[str, dict[str, Any]] = {}
        self._results: list[dict[str, Any]] = []
        self._total = 0
        self._done = 0

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        if session.items:  # empty on an xdist controller
            self._announce(len(session.items))

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: object, ids: list[str]) -> None:  # noqa: ARG002
        if not self._total:
            self._announce(len(ids))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        test = self._tests.setdefault(
            report.nodeid, {"id": report.nodeid, "outcome": "passed", "seconds": 0.0, "message": ""}
        )
        test["seconds"] = round(test["seconds"] + report.duration, 4)
        if report.failed:
            test["outcome"] = "failed" if report.when == "call" else "error"
            test["message"] = last_line(report)
        elif report.skipped:
            test["message"] = last_line(report)
            test["outcome"] = "left out" if LEFT_OUT in test["message"] else "skipped"
        if report.when == "call":
            for name, value in report.user_properties:
                if name == PROPERTY:
                    self._results += [
                        {**result, "test": report.nodeid} for result in json.loads(str(value))
                    ]
        if test["outcome"] == "passed":
            # The JUnit report, made after this, need not repeat what held.
            report.user_properties = [p for p in report.user_properties if p[0] != PROPERTY]
        if report.when == "teardown":
            self._done += 1
            self._write_progress(
                {
                    "event": "test",
                    "id": report.nodeid,
                    "outcome": test["outcome"],
                    "done": self._done,
                    "total": self._total,
                }
            )

    def pytest_sessionfinish(self, exitstatus: int | pytest.ExitCode) -> None:
        complete = exitstatus in ENDED and self._done >= self._total
        self._write_progress({"event": "end", "complete": complete})
        if self._results_path is None:
            return
        began = self._began
        if self._deployment is not None and self._deployment.exists():
            began = max(began, self._deployment.stat().st_mtime)
        data = {
            "format": "bulkhead-results/3",
            "target": "",
            "environment": None,
            **self._describe(),
            "started": datetime.fromtimestamp(began, UTC).isoformat(timespec="seconds"),
            "complete": complete,
            "seconds": round(time.time() - began, 3),
            "tests": list(self._tests.values()),
            "results": self._results,
        }
        self._results_path.parent.mkdir(parents=True, exist_ok=True)
        self._results_path.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")

    def _announce(self, total: int) -> None:
        self._total = total
        self._write_progress({"event": "start", "total": total})

    def _write_progress(self, event: dict[str, Any]) -> None:
        if self._progress_path is None:
            return
        with self._progress_path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(event) + "\n")


def last_line(report: pytest.TestReport) -> str:
    """What a failure says of itself, without the traceback: it may show values."""
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash is not None:
        text = str(crash.message)
    elif isinstance(report.longrepr, tuple):  # a skip: path, line, reason
        text = str(report.longrepr[2])
    else:
        text = str(report.longrepr)
    return text.strip().splitlines()[0] if text.strip() else ""
