"""The README of a module with its generated parts made anew.

A part lies between a line `<!-- begin NAME -->` and a line `<!-- end NAME -->`: `usage` is the
module's smallest example as it stands, `inputs` and `outputs` are tables of its variables and
outputs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from scripts import terraform_files as terraform

EXAMPLE = Path("examples/minimal/main.tf")
_PART = re.compile(r"(<!-- begin (\w+) -->\n)(.*?)(<!-- end \2 -->)", re.DOTALL)


def modules(root: Path = terraform.ROOT) -> Iterator[Path]:
    """The folders of the modules."""
    yield from sorted(folder for folder in (root / "modules").iterdir() if folder.is_dir())


def renewed(module: Path) -> str:
    """The text of the module's README as it should be.

    Raises `ValueError` when a part has no place in it, or a place no part.
    """
    readme = module / "README.md"
    text = readme.read_text(encoding="utf-8")
    found = [match[2] for match in _PART.finditer(text)]
    if sorted(found) != sorted(PARTS):
        raise ValueError(
            f"{readme}: has places for {', '.join(found) or 'nothing'}; it needs a line "
            f"`<!-- begin NAME -->` and a line `<!-- end NAME -->` once for each of "
            f"{', '.join(PARTS)}"
        )
    return _PART.sub(lambda match: match[1] + PARTS[match[2]](module) + match[4], text)


def usage(module: Path) -> str:
    """The smallest example."""
    return f"```hcl\n{(module / EXAMPLE).read_text(encoding='utf-8')}```\n"


def inputs(module: Path) -> str:
    """The variables: those that must be given first."""
    rows = []
    for name, body in _all(module, "variable"):
        required = "default" not in body
        default = "required" if required else _code(terraform.expression(body["default"]))
        notes = ", sensitive" if body.get("sensitive") else ""
        kind = _code(terraform.expression(body.get("type", "any")))
        rows.append((not required, f"| `{name}` | {_cell(body)} | {kind}{notes} | {default} |"))
    rows.sort(key=lambda row: row[0])
    return _table("| input | | type | default |\n|---|---|---|---|", [row for _, row in rows])


def outputs(module: Path) -> str:
    """The outputs, in their order."""
    rows = [
        f"| `{name}` | {_cell(body)}{' Sensitive.' if body.get('sensitive') else ''} |"
        for name, body in _all(module, "output")
    ]
    return _table("| output | |\n|---|---|", rows)


PARTS: Mapping[str, Callable[[Path], str]] = {"usage": usage, "inputs": inputs, "outputs": outputs}


def _all(module: Path, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for file in sorted(module.glob("*.tf")):
        yield from terraform.labelled(terraform.read(file), kind)


def _cell(body: Mapping[str, Any]) -> str:
    """A description within one cell of a table: lists keep their lines."""
    lines: list[str] = []
    for line in terraform.text(body.get("description", "")).splitlines():
        item = re.match(r"(\s*)- (.*)", line)
        if item:
            lines.append("&ensp;" * (len(item[1]) // 2) + "• " + item[2])
        elif not line.strip() or not lines:
            lines.append(line.strip())
        else:
            lines[-1] = f"{lines[-1]} {line.strip()}".strip()
    return "<br>".join(line for line in lines if line).replace("|", "\\|")


def _code(text: str) -> str:
    return f"`{text}`".replace("|", "\\|")


def _table(head: str, rows: list[str]) -> str:
    return "\n".join([head, *rows]) + "\n"
