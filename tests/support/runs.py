"""Runs of tests that go on where another run is."""

from __future__ import annotations

import shutil
from pathlib import Path

from harness.deploy.run import EXTERNAL_IDS_FILE


def copy_run(run: Path, folder: Path) -> None:
    """Puts what an apply, a plan or a destroy goes by into `folder`: the states, what Terraform was
    prepared with, and the external ids."""
    for name in ("state", "data"):
        shutil.copytree(run / name, folder / name, symlinks=True)
    shutil.copy(run / EXTERNAL_IDS_FILE, folder)
