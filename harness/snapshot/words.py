"""Statements of policies, in words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_SHOWN = 4


def statement_in_words(statement: Mapping[str, Any]) -> str:
    """One line of what a statement says: `the statement X that allows A on B for C if D`."""
    verb = {"Allow": "allows", "Deny": "denies"}.get(str(statement.get("Effect")), "says")
    sid = f" {statement['Sid']}" if statement.get("Sid") else ""
    parts = [f"the statement{sid} that {verb} {_either(statement, 'Action')}"]
    if "Resource" in statement or "NotResource" in statement:
        parts.append(f"on {_either(statement, 'Resource')}")
    if "Principal" in statement:
        parts.append(f"for {principals(statement['Principal'])}")
    if "NotPrincipal" in statement:
        parts.append(f"for everybody but {principals(statement['NotPrincipal'])}")
    if statement.get("Condition"):
        parts.append(f"if {conditions(statement['Condition'])}")
    return " ".join(parts)


def principals(element: Any) -> str:
    """Whom a Principal element names."""
    if not isinstance(element, Mapping):
        return "everybody" if element == "*" else str(element)
    names = [name for given in element.values() for name in _texts(given)]
    return _listed(["everybody" if name == "*" else name for name in names])


def conditions(element: Mapping[str, Any]) -> str:
    """What a Condition element asks for."""
    return " and ".join(
        f"{key} {operator} {_listed(_texts(values))}"
        for operator, tests in sorted(element.items())
        for key, values in sorted(tests.items())
    )


def _either(statement: Mapping[str, Any], element: str) -> str:
    if element in statement:
        found = _listed(_texts(statement[element]))
        return {"*": "everything"}.get(found, found)
    if f"Not{element}" in statement:
        return f"everything but {_listed(_texts(statement[f'Not{element}']))}"
    return "nothing that has an action"


def _texts(value: Any) -> list[str]:
    if isinstance(value, list):
        return [each if isinstance(each, str) else json.dumps(each) for each in value]
    return [value if isinstance(value, str) else json.dumps(value)]


def _listed(names: list[str]) -> str:
    shown = names if len(names) <= _SHOWN else names[: _SHOWN - 1]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
