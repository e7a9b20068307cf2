"""Runs the security suite in a pytest process of its own and renders what it showed."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from harness.cli.coverage import catalogue
from harness.cli.progress import ProbeProgress, probe_progress
from harness.deploy.workspace import STARTER, project_root
from harness.errors import UserError
from harness.report.html import render_html
from harness.report.terminal import render

SUITE = Path("tests") / "security"
_LOOK = 0.1
_PLUGINS = ("xdist", "no:cacheprovider", "no:unraisableexception", "no:threadexception")
"""What the suite needs of pytest. Others that are installed, and loaded by themselves, take five
seconds to begin and as many to end; the last two collect garbage again and again at the end."""
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


class Suite:
    """The suite in a process of its own, which may be started before what it probes is there.

    A context: whatever ends it early ends the process.
    """

    def __init__(
        self,
        environment: str,
        deployment: Path,
        folder: Path,
        reports: Reports,
        only: str | None = None,
        *,
        changing: bool = False,
    ) -> None:
        """Probes what is saved at `deployment`, of the environment of that name or path. Reports
        and pytest's own output (into `folder`) are written. With `only`, the tests are run whose
        names have that text. In real accounts, probes that change something run only if `changing`.
        Raises `UserError` without a clone."""
        self._only = [] if only is None else ["-k", only]
        self._root = project_root()
        if not (self._root / SUITE).is_dir():
            raise UserError(
                f"{self._root / SUITE} does not exist; run bulkhead from a clone of the project"
            )
        self._environment, self._deployment, self._reports = environment, deployment, reports
        self._results = reports.json.absolute()
        self._options = ("--changing",) if changing else ()
        self._steps, self._log = folder / "progress.jsonl", folder / "pytest.log"
        self._scratch = folder / "tmp"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Suite:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None and self._process.poll() is None:
            # Its workers too: they would notice only after a while.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGTERM)
            self._process.wait()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def start(self) -> None:
        """Starts the process. It gets ready, and waits for the deployment."""
        stales = (self._results, self._steps, self._reports.html, self._reports.junit)
        for stale in stales:
            stale.unlink(missing_ok=True)
            stale.parent.mkdir(parents=True, exist_ok=True)
        command = [
            *(sys.executable, "-m", "pytest", str(SUITE), "--quiet"),
            *itertools.chain.from_iterable(("-p", name) for name in _PLUGINS),
            *("--environment", self._environment, "--deployment", str(self._deployment)),
            *("--results", str(self._results), "--progress", str(self._steps)),
            f"--junit-xml={self._reports.junit.absolute()}",
            # Else pytest also removes what others left in the folder that all share.
            f"--basetemp={self._scratch.absolute()}",
            *("-n", str(_workers())),
            *self._only,
            *self._options,
        ]
        with self._log.open("wb") as out:
            # A group of its own: Ctrl-C reaches it once, from here.
            self._process = subprocess.Popen(
                command,
                cwd=self._root,
                env={
                    **os.environ,
                    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
                    STARTER: str(os.getpid()),
                },
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                process_group=0,
            )

    def finish(self, console: Console) -> bool:
        """Follows the suite to its end, prints matrix and verdict; returns whether all held.

        Raises `UserError` when the suite could not run.
        """
        if self._process is None:
            self.start()
        assert self._process is not None
        with probe_progress(console) as progress:
            _follow(self._process, self._steps, progress)
        if self._process.returncode not in _PYTEST_ENDED or not self._results.exists():
            tail = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            last = tail[-1] if tail else "no output"
            raise UserError(f"the security suite did not run ({last}); see {self._log}")
        data = json.loads(self._results.read_text(encoding="utf-8"))
        self._reports.html.write_text(render_html(data, catalogue()), encoding="utf-8")
        return render(data, console).holds and self._process.returncode == 0


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
