"""Checks a results file against its JSON schema."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema

SCHEMA = Path(__file__).with_name("results.schema.json")


@functools.cache
def _validator() -> jsonschema.protocols.Validator:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    return jsonschema.Draft202012Validator(schema)


def check_schema(data: Mapping[str, Any]) -> None:
    """Raises `ValueError` naming the first member that does not fit."""
    error = next(iter(sorted(_validator().iter_errors(data), key=lambda e: list(e.path))), None)
    if error is not None:
        where = "/".join(map(str, error.absolute_path)) or "the document"
        raise ValueError(f"results: {where}: {error.validator} {error.validator_value!r}"[:300])
