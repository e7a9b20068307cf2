"""Which tests the security suite has, and what each needs of a target.

`python -m harness.probes.listing FILE` writes it as JSON, by the test's file and function.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from harness.errors import UserError

COPIES = frozenset({"copied", "hostile"})
"""Fixtures that copy the cloud."""

_SUITE = "tests/security"


@dataclass(frozen=True, slots=True)
class Listed:
    """A test function of the suite."""

    copies: bool
    """It needs a copy of the cloud."""
    changing: str
    """What it changes; empty where nothing."""


def listed(root: Path) -> dict[str, Listed]:
    """The functions of the suite in the clone `root`. Raises `UserError` where it has none."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "listing.json"
        ran = subprocess.run(
            [sys.executable, "-m", "harness.probes.listing", str(file)],
            cwd=root,
            capture_output=True,
            text=True,
            check=False,
        )
        if ran.returncode or not file.exists():
            last = (ran.stdout.strip().splitlines() or ["no output"])[-1]
            raise UserError(f"{root / _SUITE} could not be listed: {last}")
        data: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return {name: Listed(**entry) for name, entry in data.items()}


class _Lister:
    def __init__(self) -> None:
        self.found: dict[str, dict[str, Any]] = {}

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            mark = item.get_closest_marker("changing")
            self.found[item.nodeid.partition("[")[0]] = {
                "copies": bool(COPIES & set(getattr(item, "fixturenames", ()))),
                "changing": str(mark.args[0]) if mark is not None else "",
            }


def main(file: Path) -> int:
    """Writes the listing; returns pytest's exit code."""
    lister = _Lister()
    options = [_SUITE, "--collect-only", "--quiet", "-p", "no:cacheprovider", "-p", "no:xdist"]
    code = int(pytest.main(options, plugins=[lister]))
    if code == 0:
        file.write_text(json.dumps(lister.found), encoding="utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
