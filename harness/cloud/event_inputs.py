"""What a target of a rule gets of an event: all of it, a part, a constant, or a template.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

_STEP = re.compile(r"\.([\w-]+)|\[(\d+)\]|\[['\"]([^'\"]+)['\"]\]")
_PLACE = re.compile(r"<([\w.-]+)>")


def target_input(target: Mapping[str, Any], event: Mapping[str, Any]) -> str:
    """The text that is sent to a target."""
    if target.get("Input"):
        return str(target["Input"])
    transformer = target.get("InputTransformer")
    if transformer:
        return _filled(transformer, event)
    found = at_path(event, str(target.get("InputPath") or "$"))
    return json.dumps(found)


def at_path(value: Any, path: str) -> Any:
    """What lies at a JSON path of names and indexes; None where nothing does."""
    if not path.startswith("$"):
        return None
    rest = path[1:]
    while rest:
        step = _STEP.match(rest)
        if step is None:
            return None
        name = step[1] or step[3]
        try:
            value = value[int(step[2])] if name is None else value[name]
        except (IndexError, KeyError, TypeError):
            return None
        rest = rest[step.end() :]
    return value


def _filled(transformer: Mapping[str, Any], event: Mapping[str, Any]) -> str:
    paths: Mapping[str, str] = transformer.get("InputPathsMap") or {}

    def place(found: re.Match[str]) -> str:
        name = found[1]
        if name == "aws.events.event.json":
            return json.dumps(event)
        if name not in paths:
            return found[0]
        value = at_path(event, paths[name])
        if value is None:
            return ""
        return value if isinstance(value, str) else json.dumps(value)

    return _PLACE.sub(place, str(transformer.get("InputTemplate") or ""))
