"""Policies and tags in the one form that snapshots have them in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from harness.iam import PolicyError
from harness.iam.parse import load_json


def parsed(document: Any) -> Any:
    """A policy as data. Of one that is no JSON only a digest is told: whatever it says, it cannot
    be decided, and nobody knows which secret stands in it."""
    if not isinstance(document, str):
        return json.loads(json.dumps(document))
    try:
        return load_json(document)
    except PolicyError:
        return f"not JSON: {hashlib.sha256(document.encode()).hexdigest()}"


def tags(given: Any) -> dict[str, str]:
    """Tags as a mapping, from whichever form a service has for them."""
    if isinstance(given, Mapping):
        return {str(key): str(value) for key, value in given.items()}
    found = {}
    for tag in given or ():
        lower = {str(name).lower(): str(value) for name, value in tag.items()}
        key = lower.get("key", lower.get("tagkey", ""))
        found[key] = lower.get("value", lower.get("tagvalue", ""))
    return found
