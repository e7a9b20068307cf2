"""Where the statements of policies stand in the Terraform of this project."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.deploy.workspace import project_root

_SID = re.compile(r'(?:^|[\s{(\[])[Ss]id\s*=\s*"(\w+)"')
_GRANT = re.compile(r"^\s*-\s+sid:\s*(\w+)\s*$")
"""In grants.yaml; what a refresh asks for is the same entry's, with `Read` before its name."""
_GUARDRAILS = "modules/organization-guardrails/"
_ELSEWHERE = {"tests", "examples", ".terraform"}


class Places:
    """Finds statements by their Sid, and where several share one, by their policy too."""

    def __init__(
        self, by_sid: Mapping[str, tuple[str, ...]], named: Mapping[str, str] | None = None
    ) -> None:
        """`named`: the text of each module, by its folder: which policies it names."""
        self._by_sid, self._named = dict(by_sid), dict(named or {})

    @classmethod
    @functools.cache
    def of_project(cls, root: Path | None = None) -> Places:
        """The statements in modules/, as they stood when this process asked first."""
        base = root or project_root()
        found: dict[str, tuple[str, ...]] = {}
        named: dict[str, str] = {}
        for file in _files(base / "modules"):
            name, text = file.relative_to(base).as_posix(), file.read_text(encoding="utf-8")
            module = "/".join(name.split("/")[:2])
            named[module] = named.get(module, "") + text
            for number, line in enumerate(text.splitlines(), 1):
                for sid in _sids(line):
                    found[sid] = (*found.get(sid, ()), f"{name}:{number}")
        return cls(found, named)

    def of(self, statement: Mapping[str, Any]) -> str:
        """`FILE:LINE` of a statement by its `sid`, or each that it may be; empty where it is not of
        this project."""
        places = self._by_sid.get(str(statement.get("sid", "")), ())
        if statement.get("kind") in ("scp", "rcp"):
            places = tuple(p for p in places if p.startswith(_GUARDRAILS)) or places
        policy = f'"{statement.get("policy", "")}"'
        own = [p for p in places if policy in self._named.get("/".join(p.split("/")[:2]), "")]
        return " or ".join(own or places)

    def placed(self, decision: Mapping[str, Any]) -> dict[str, Any]:
        """A decision (see `Target.explain`) whose statements say where they stand, as `place`."""
        lists: dict[str, list[Mapping[str, Any]]] = {
            name: decision[name] for name in ("statements", "near")
        }
        return dict(decision) | {
            name: [{**each, "place": self.of(each)} for each in statements]
            for name, statements in lists.items()
        }


def _files(modules: Path) -> Iterator[Path]:
    for file in sorted((*modules.rglob("*.tf"), *modules.rglob("grants.yaml"))):
        if not _ELSEWHERE & set(file.relative_to(modules).parts):
            yield file


def _sids(line: str) -> Iterator[str]:
    yield from _SID.findall(line)
    if grant := _GRANT.match(line):
        yield from (grant[1], f"Read{grant[1]}")
