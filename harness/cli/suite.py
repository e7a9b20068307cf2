"""Runs the security suite in a pytest process of its own and renders what it showed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from harness.cli.coverage import catalogue
from harness.cli.progress import ProbeProgress, probe_progress
from harness.deploy.workspace import project_root
from harness.errors import UserError
from harness.report.html import render_html
from harness.report.terminal import render

SUITE = Path("tests") / "security"
_LOOK = 0.1
_PYTEST_ENDED = (0, 1)
"""Exit codes of a run that ended: all passed, or some failed."""


@dataclass(frozen=True, slots=True)
class Reports:
    """Where a run's reports go. The JSON is described by `harness/report/results.schema.json`."""

    html: Path
    json: Path
    junit: Path

    @classmethod
    def into(
        cls,
        folder: Path,
        *,
        html: Path | None = None,
        json: Path | None = None,
        junit: Path | None = None,
    ) -> Reports:
        """The files of `folder`, where nothing else is asked for."""
        return cls(
            html or folder / "report.html",
            json or folder / "results.json",
            junit or folder / "junit.xml",
        )


def run_suite(deployment: Path, folder: Path, reports: Reports, console: Console) -> bool:
    """Probes a saved deployment; prints matrix and verdict; returns whether all held.

    Writes the reports, and pytest's own output into `folder`. Raises `UserError` when the suite
    could not run.
    """
    root = project_root()
    if not (root / SUITE).is_dir():
        raise UserError(f"{root / SUITE} does not exist; run bulkhead from a clone of the project")
    results, steps, log = reports.json.absolute(), folder / "progress.jsonl", folder / "pytest.log"
    for stale in (results, steps, reports.html, reports.junit):
        stale.unlink(missing_ok=True)
        stale.parent.mkdir(parents=True, exist_ok=True)
    command = [
        *(sys.executable, "-m", "pytest", str(SUITE), "--quiet", "-p", "no:cacheprovider"),
        *("--deployment", str(deployment), "--results", str(results), "--progress", str(steps)),
        f"--junit-xml={reports.junit.absolute()}",
        *("-n", str(_workers())),
    ]
    with log.open("wb") as out:
        # A group of its own: Ctrl-C reaches it once, from here.
        process = subprocess.Popen(
            command, cwd=root, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT
        )
        try:
            with probe_progress(console) as progress:
                _follow(process, steps, progress)
        except BaseException:
            process.terminate()
            process.wait()
            raise
    if process.returncode not in _PYTEST_ENDED or not results.exists():
        tail = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        last = tail[-1] if tail else "no output"
        raise UserError(f"the security suite did not run ({last}); see {log}")
    data = json.loads(results.read_text(encoding="utf-8"))
    reports.html.write_text(render_html(data, catalogue()), encoding="utf-8")
    return render(data, console).holds and process.returncode == 0


def _workers() -> int:
    return max(1, min(4, os.cpu_count() or 1))


def _follow(process: subprocess.Popen[bytes], steps: Path, progress: ProbeProgress) -> None:
    """Shows progress until the process ends."""
    position, failed = 0, 0
    while True:
        ended = process.poll() is not None
        if steps.exists():
            with steps.open("rb") as file:
                file.seek(position)
                for line in file:
                    if not line.endswith(b"\n"):
                        break
                    position += len(line)
                    event: dict[str, Any] = json.loads(line)
                    if event["event"] == "test":
                        failed += event["outcome"] in ("failed", "error")
                        progress.update(event["done"], event["total"], event["id"], failed)
                    elif event["event"] == "start":
                        progress.update(0, event["total"], "", 0)
        if ended:
            return
        time.sleep(_LOOK)
