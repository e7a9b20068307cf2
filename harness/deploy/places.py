"""Where the statements of policies stand in the Terraform of this project."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.deploy.workspace import project_root

_SID = re.compile(r'^\s*(?:[\[{]\s*)*[Ss]id\s*=\s*"(\w+)"')


class Places:
    """Finds statements by their Sid, which in this project no two statements share."""

    def __init__(self, by_sid: Mapping[str, str]) -> None:
        self._by_sid = dict(by_sid)

    @classmethod
    def of_project(cls, root: Path | None = None) -> Places:
        """The statements in modules/. A Sid that stands in two places is in neither."""
        base = root or project_root()
        found: dict[str, list[str]] = {}
        for file in sorted((base / "modules").glob("*/*.tf")):
            name = file.relative_to(base).as_posix()
            for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
                if sid := _SID.match(line):
                    found.setdefault(sid[1], []).append(f"{name}:{number}")
        return cls({sid: places[0] for sid, places in found.items() if len(places) == 1})

    def of(self, statement: Mapping[str, Any]) -> str:
        """`FILE:LINE` of a statement by its `sid`; empty where it is not of this project."""
        return self._by_sid.get(str(statement.get("sid", "")), "")

    def placed(self, decision: Mapping[str, Any]) -> dict[str, Any]:
        """A decision (see `Target.explain`) whose statements say where they stand, as `place`."""
        lists: dict[str, list[Mapping[str, Any]]] = {
            name: decision[name] for name in ("statements", "near")
        }
        return dict(decision) | {
            name: [{**each, "place": self.of(each)} for each in statements]
            for name, statements in lists.items()
        }
