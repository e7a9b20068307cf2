"""Reads Terraform files: their blocks as plain data, through python-hcl2.

Texts come as they are written; what is an expression stays one, as source.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hcl2
from hcl2 import SerializationOptions

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("modules", "environments")
_OPTIONS = SerializationOptions(with_comments=False, explicit_blocks=False)


def files(root: Path = ROOT) -> Iterator[Path]:
    """Every Terraform file of the project, tests of the modules included, in a stable order."""
    found = (file for name in FOLDERS for file in (root / name).rglob("*"))
    yield from sorted(
        file
        for file in found
        if file.name.endswith((".tf", ".tftest.hcl")) and ".terraform" not in file.parts
    )


def read(file: Path) -> dict[str, Any]:
    """The file's blocks by their kind, without the quotation marks of labels.

    Raises `ValueError` that names the file when it is not valid HCL.
    """
    try:
        with file.open(encoding="utf-8") as text:
            document = hcl2.load(text, serialization_options=_OPTIONS)
    except Exception as error:  # the parser's own errors, of several kinds
        raise ValueError(f"{file}: is not valid HCL: {error}") from error
    plain: dict[str, Any] = _plain(document)
    return plain


def labelled(document: dict[str, Any], kind: str) -> Iterator[tuple[str, Any]]:
    """The blocks of a kind that have one label, such as variables: label and body."""
    for entry in document.get(kind, []):
        yield from entry.items()


def typed(document: dict[str, Any], kind: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """The blocks of a kind that have two labels, such as resources: type, name and body."""
    for kind_name, entry in labelled(document, kind):
        for name, body in entry.items():
            yield kind_name, name, body


def text(value: Any) -> str:
    """A text as it is meant: without quotation marks, a heredoc without its indentation."""
    written = str(value)
    if len(written) > 1 and written[0] == written[-1] == '"':
        written = written[1:-1]
        if heredoc := re.fullmatch(r"<<-?(\w+)\n(.*?)\n?\s*\1\s*", written, re.DOTALL):
            return textwrap.dedent(heredoc[2]).strip()
        return written.replace('\\"', '"').replace("\\\\", "\\")
    return written


def expression(value: Any) -> str:
    """The source of a value, on one line."""
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "null"
    if isinstance(value, list):
        return "[" + ", ".join(map(expression, value)) + "]"
    if isinstance(value, dict):
        inner = ", ".join(f"{k} = {expression(v)}" for k, v in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    written = str(value)
    whole = re.fullmatch(r"\$\{(.*)\}", written, re.DOTALL)
    return " ".join((whole[1] if whole else written).split())


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {_label(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def _label(key: Any) -> str:
    name = str(key)
    return name[1:-1] if len(name) > 1 and name[0] == name[-1] == '"' else name
