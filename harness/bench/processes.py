"""Times whole processes: bare moto's AssumeRole, a decision from a cold start, another engine."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping

from harness.bench.engine import BUCKET
from harness.deploy.workspace import project_root
from harness.errors import UserError

COLD_STARTS = 11


def bare_assume_role() -> float:
    """CPU seconds of an AssumeRole of bare moto, which needs a process that no cloud adapted."""
    command = [sys.executable, "-m", "harness.bench.bare_moto"]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def cold_decision() -> float:
    """The median seconds of a whole `bulkhead decide` for one case."""
    command = [sys.executable, "-c", "from harness.cli import main; main()", "decide"]
    taken = []
    for _ in range(COLD_STARTS):
        started = time.monotonic()
        subprocess.run(
            command, input=json.dumps(BUCKET), text=True, stdout=subprocess.DEVNULL, check=True
        )
        taken.append(time.monotonic() - started)
    return statistics.median(taken)


def peer() -> Mapping[str, Mapping[str, float]] | None:
    """Decisions per second of this engine (`ours`), of another one's `core` and of its public
    `runSimulation`, by case, taken in turns on one core; see docs/peers.md. None without Node.js.

    Raises `UserError` when it cannot be installed or run.
    """
    if not (shutil.which("node") and shutil.which("npm")):
        return None
    command = [sys.executable, "-m", "scripts.peers", "--speed", "--json"]
    done = subprocess.run(command, check=False, cwd=project_root(), capture_output=True, text=True)
    if done.returncode != 0:
        raise UserError(done.stderr.strip())
    figures: Mapping[str, Mapping[str, float]] = json.loads(done.stdout)
    return figures
