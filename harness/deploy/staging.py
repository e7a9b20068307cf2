"""Roots that keep their state elsewhere, copied without that, so that a run here keeps its own.

A root of a real environment names a backend in `backend.tf`. To judge it in an embedded cloud, the
very same files are applied but for that one.
"""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

from harness.deploy.environment import Environment
from harness.deploy.workspace import project_root

BACKEND_FILE = "backend.tf"
LEFT = shutil.ignore_patterns(
    BACKEND_FILE, ".terraform*", "*.tfstate*", "*.tfvars.json", "examples", "tests"
)


def staged(environment: Environment, run_dir: Path) -> Environment:
    """The environment with roots that name no backend: itself, or a copy in `run_dir`."""
    if not any(environment.path.glob(f"*/{BACKEND_FILE}")):
        return environment
    tree = run_dir / "tree"
    path = tree / "environments" / environment.name
    # What `init` chose stays chosen.
    locks = {lock.parent.name: lock.read_bytes() for lock in path.glob("*/.terraform.lock.hcl")}
    shutil.rmtree(tree, ignore_errors=True)
    # Modules are named relative to the roots.
    shutil.copytree(project_root() / "modules", tree / "modules", ignore=LEFT)
    shutil.copytree(environment.path, path, ignore=LEFT)
    for root, content in locks.items():
        if (path / root).is_dir():
            (path / root / ".terraform.lock.hcl").write_bytes(content)
    return dataclasses.replace(environment, path=path)
