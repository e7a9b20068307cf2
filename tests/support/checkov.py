"""checkov in its own virtual environment, and the fixtures of our checks as plans."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "tests/checkov/fixtures"
VARIABLE = "BULKHEAD_CHECKOV"


def checkov_command() -> Path:
    """The checkov of `make lint`, or the one that the variable names."""
    command = Path(os.environ.get(VARIABLE, ROOT / ".venv-checkov/bin/checkov"))
    assert command.exists(), f"{command} is missing: run `make checkov`, or set {VARIABLE}"
    return command


def run_checkov(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Runs checkov with our checks alone; exit code 1 means findings."""
    return subprocess.run(
        [
            *(str(checkov_command()), "--external-checks-dir", str(ROOT / "harness/checkov")),
            *("--check", "CKV_BULKHEAD_*", "--skip-download"),
            *map(str, arguments),
        ],
        cwd=cwd,
        env=environ(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def environ() -> dict[str, str]:
    """The environment without what would let checkov import from somewhere else."""
    return {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}


@dataclass(frozen=True)
class Case:
    """One resource of a fixture, and what its check must say about it."""

    check: str
    verdict: str
    """`pass`, `fail`, or `untouched`: no finding either way."""
    resource: dict[str, Any]

    @property
    def address(self) -> str:
        return f"{self.resource['type']}.{self.resource['name']}"

    def __str__(self) -> str:
        return f"{self.check}-{self.verdict}-{self.resource['name']}"


def cases() -> Iterator[Case]:
    """Every resource of every fixture."""
    for file in sorted(FIXTURES.glob("*.json")):
        for verdict, resources in json.loads(file.read_text(encoding="utf-8")).items():
            for resource in resources:
                yield Case(file.stem, verdict, resource)


def plan_of(case: Case) -> dict[str, Any]:
    """The plan that creates the resource, with those beside it: policies as text, unknown values
    left out."""
    resources = [case.resource, *case.resource.get("beside", [])]
    parts = [_parts(resource) for resource in resources]
    return {
        "format_version": "1.2",
        "terraform_version": "1.11.4",
        "planned_values": {"root_module": {"resources": [planned for planned, _, _ in parts]}},
        "resource_changes": [change for _, change, _ in parts],
        "configuration": {"root_module": {"resources": [written for _, _, written in parts]}},
    }


def _parts(resource: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """A resource among the planned values, the changes and the configuration."""
    values = {
        name: json.dumps(value) if isinstance(value, dict) and "Statement" in value else value
        for name, value in resource["values"].items()
    }
    same = {
        "address": f"{resource['type']}.{resource['name']}",
        "mode": "managed",
        "type": resource["type"],
        "name": resource["name"],
    }
    references = {n: {"references": r} for n, r in resource.get("references", {}).items()}
    change = {
        "actions": ["create"],
        "before": None,
        "after": values,
        "after_unknown": dict.fromkeys(resource.get("unknown", []), True),
    }
    return same | {"values": values}, same | {"change": change}, same | {"expressions": references}


Findings = dict[tuple[str, str, str], dict[str, Any]]
"""Records of checkov by fixture, check and resource."""
