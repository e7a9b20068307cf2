"""Which permissions an API call needs: `needs(call, world)`.

The map is data (`actions.json`, made by `generate` from the Service Authorization Reference, laid
over with the hand-checked entries of `overrides`); what data cannot say is code in `special`. Who
may do what is not decided here, and no policy is read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from harness.cloud.call import Call, Need, Unmapped, World
from harness.cloud.catalogue.spec import Rule, compile_spec
from harness.cloud.catalogue.special import BESIDE, SPECIAL, UNMODELED

__all__ = ["actions", "entry", "needs", "provenance"]

_compiled: dict[tuple[str, str], Rule] = {}


def needs(call: Call, world: World) -> tuple[Need, ...]:
    """Every permission that a call needs, the operation's own first; all must be granted.

    An empty tuple never comes back. Raises `Unmapped` for an operation that the catalogue does not
    know and for a call whose resource its parameters do not name: the call must be refused.
    """
    rule = _compiled.get((call.service, call.operation))
    if rule is None:
        rule = _rule(call.service, call.operation)
    found = rule(call, world)
    if not found:
        raise Unmapped(call.service, call.operation)
    beside = BESIDE.get(call.service)
    return found if beside is None else (*found, *beside(call, world, found))


def entry(service: str, operation: str) -> str | None:
    """The catalogue's line for an operation (see `spec`), or None when it has none."""
    line: str | None = _data()["services"].get(service, {}).get(operation)
    return line


@cache
def actions() -> frozenset[str]:
    """Every action that the catalogue knows: one for each operation, mapped or not, and what else
    operations need."""
    prefixes = _data()["prefixes"]
    found = {"iam:PassRole"}
    for service, operations in _data()["services"].items():
        prefix = prefixes.get(service, service)
        for operation, line in operations.items():
            found.add(f"{prefix}:{operation}")
            if line[0] not in "!=":
                words = [word[1:].partition(">")[0] for word in line.split(" ") if word[0] in ":+"]
                found |= {word if ":" in word else f"{prefix}:{word}" for word in words}
    return frozenset(found)


def provenance() -> Mapping[str, str]:
    """Where the data comes from: package, version, license, date."""
    made: Mapping[str, str] = _data()["provenance"]
    return made


@cache
def _data() -> Mapping[str, Any]:
    content: Mapping[str, Any] = json.loads(Path(__file__).with_name("actions.json").read_text())
    return content


def _rule(service: str, operation: str) -> Rule:
    unmodeled = UNMODELED.get((service, operation))
    if unmodeled is not None:
        return unmodeled
    line = entry(service, operation)
    if line is None or line.startswith("!"):
        raise Unmapped(service, operation)
    if line.startswith("="):
        rule = SPECIAL[line[1:]]
    else:
        rule = compile_spec(line, service, operation, _data()["prefixes"].get(service, service))
    _compiled[service, operation] = rule
    return rule
