"""Policies and tables of docs/permissions.md, made from what the modules give.

The policies of the audit role go to docs/policies, a file for each kind of account. A part of the
page lies between a line `<!-- begin NAME -->` and a line `<!-- end NAME -->`: `audit` are the
rights of the audit role, `deploy` those of the roles that deploy and plan, `owner` those of the
owners for the jobs that no other role does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from scripts.terraform_files import ROOT

PAGE = Path("docs/permissions.md")
POLICIES = Path("docs/policies")
READS = Path("modules/audit-role/reads.yaml")
GRANTS = Path("modules/account-bootstrap/grants.yaml")
OWNER = Path("docs/owner.yaml")
EVERYWHERE = "everywhere"
_PART = re.compile(r"(<!-- begin (\w+) -->\n)(.*?)(<!-- end \2 -->)", re.DOTALL)


def renewed(root: Path = ROOT) -> dict[Path, str]:
    """By path, the page and the policies as they should be.

    Raises `ValueError` when a part has no place in the page.
    """
    text = (root / PAGE).read_text(encoding="utf-8")
    found = sorted(match[2] for match in _PART.finditer(text))
    if found != sorted(PARTS):
        raise ValueError(f"{PAGE}: needs a place for each of {', '.join(PARTS)}, once")
    page = _PART.sub(lambda match: match[1] + PARTS[match[2]](root) + match[4], text)
    return {root / PAGE: page, **dict(policies(root))}


def policies(root: Path = ROOT) -> Iterator[tuple[Path, str]]:
    """The policy of the audit role for each kind of account, as the module writes it."""
    reads = _yaml(root / READS)
    for kind in reads:
        if kind != EVERYWHERE:
            statements = [
                {
                    "Sid": each["sid"],
                    "Effect": "Allow",
                    "Action": list(each["actions"]),
                    "Resource": "*",
                }
                for each in (*reads[EVERYWHERE], *reads[kind])
            ]
            document = {"Version": "2012-10-17", "Statement": statements}
            yield root / POLICIES / f"audit-{kind}.json", json.dumps(document, indent=2) + "\n"


def audit(root: Path) -> str:
    """The rights of the audit role."""
    rows = [
        f"| {kind} | `{each['sid']}` | {_codes(each['actions'])} |"
        for kind, several in _yaml(root / READS).items()
        for each in several
    ]
    return "\n".join(["| account | Sid | may |", "|---|---|---|", *rows]) + "\n"


def deploy(root: Path) -> str:
    """The rights of the roles that deploy and plan."""
    rows = []
    for kind, grants in _yaml(root / GRANTS).items():
        for each in grants:
            reads = [*each.get("read", ()), *each.get("preview", ())]
            writes = [*each.get("write", ()), *each.get("change", ())]
            where = "<br>".join(f"`{resource}`" for resource in each["resources"])
            rows.append(
                f"| {kind} | `{each['sid']}` | {where} | {_codes(reads)} | {_codes(writes)} |"
            )
    head = ["| account | Sid | on | both read | deploy besides |", "|---|---|---|---|---|"]
    return "\n".join([*head, *rows]) + "\n"


def owner(root: Path) -> str:
    """The rights of the owners, by job."""
    rows = [
        f"| {job} | {kind} | {_codes(actions)} |"
        for job, kinds in _yaml(root / OWNER).items()
        for kind, actions in kinds.items()
        if actions
    ]
    return "\n".join(["| job | account | may |", "|---|---|---|", *rows]) + "\n"


PARTS: Mapping[str, Callable[[Path], str]] = {"audit": audit, "deploy": deploy, "owner": owner}


def _codes(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _yaml(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    return loaded
