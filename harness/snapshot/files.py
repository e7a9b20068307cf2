"""Snapshots as files: written whole and for their owner's eyes, checked when they are read."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from harness.deploy.workspace import project_root, write_private
from harness.errors import UserError
from harness.estate.snapshot import FORMAT

SCHEMA_FILE = Path("docs") / "snapshot.schema.json"
_SHOWN = 120


def save(document: Mapping[str, Any], path: Path) -> None:
    """Writes a snapshot, whole or not at all; the same snapshot gives the same bytes.

    Raises `UserError` where the file cannot be written.
    """
    try:
        write_private(path, json.dumps(document, indent=1, sort_keys=True) + "\n")
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror}") from error


def load(path: Path) -> dict[str, Any]:
    """Reads what `save` wrote. Raises `UserError` that names the file, the field and the fix."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: is no snapshot: it is not UTF-8 text") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: is no snapshot: it is not JSON") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise UserError(
            f"{path}: is no snapshot of this release: `format` must be {FORMAT!r}; take it again "
            "with `bulkhead snapshot`"
        )
    if worst := best_match(schema().iter_errors(document)):
        field = ".".join(map(str, worst.absolute_path)) or "the snapshot"
        said = " ".join(worst.message.split())
        said = said if len(said) <= _SHOWN else f"{said[:_SHOWN]}…"
        raise UserError(f"{path}: {field}: {said}; take it again with `bulkhead snapshot`")
    if problem := _contradiction(document):
        raise UserError(f"{path}: {problem}; take it again with `bulkhead snapshot`")
    return document


def _contradiction(document: Mapping[str, Any]) -> str:
    """What no schema says: that what the environment names is there; empty where it is."""
    environment = document["environment"]
    named = ("management_account", "operations_account")
    for account in (*(environment[name] for name in named), *environment["homes"]):
        if account not in document["accounts"]:
            return f"accounts: {account} is missing, which the environment names"
    for account, home in environment["homes"].items():
        if home["customer"] not in environment["customers"]:
            return f"environment.homes.{account}: {home['customer']} is no customer"
    return ""


@functools.cache
def schema() -> Draft202012Validator:
    """What checks a snapshot against its schema."""
    text = (project_root() / SCHEMA_FILE).read_text(encoding="utf-8")
    return Draft202012Validator(json.loads(text))
