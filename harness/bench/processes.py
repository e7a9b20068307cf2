"""Times whole processes: bare moto's AssumeRole, and a decision from a cold start."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time

from harness.bench.engine import BUCKET

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
