"""The rules of Choice states.

https://docs.aws.amazon.com/step-functions/latest/dg/state-choice.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from harness.cloud.automation.asl_values import DefinitionError, Scope, StatesError, path

Test = Callable[[Scope], bool]


def rule(described: Any) -> Test:
    """The test of one rule. Raises `DefinitionError` for what is not played."""
    if not isinstance(described, Mapping):
        raise DefinitionError("a choice must be an object")
    left = {k: v for k, v in described.items() if k not in ("Next", "Comment")}
    if len(left) == 1:
        ((name, inside),) = left.items()
        if name == "Not":
            negated = rule(inside)
            return lambda scope: not negated(scope)
        if name in ("And", "Or"):
            if not isinstance(inside, list) or not inside:
                raise DefinitionError(f"{name} needs a list of rules")
            tests = [rule(each) for each in inside]
            combine = all if name == "And" else any
            return lambda scope: combine(test(scope) for test in tests)
    variable = left.pop("Variable", None)
    if variable is None or len(left) != 1:
        raise DefinitionError(f"a choice needs a Variable and one comparison, not {sorted(left)}")
    ((name, wanted),) = left.items()
    read = path(variable)
    if name == "IsPresent":
        return lambda scope: _present(read, scope) == wanted
    compare = _COMPARISONS.get(name)
    if compare is None:
        raise DefinitionError(f"the embedded cloud does not play the comparison {name}")
    return lambda scope: compare(read(scope), wanted)


def _present(read: Callable[[Scope], Any], scope: Scope) -> bool:
    try:
        read(scope)
    except StatesError:
        return False
    return True


def _matches(value: Any, pattern: str) -> bool:
    if not isinstance(value, str):
        return False
    parts = re.split(r"(\\.|\*)", pattern)
    made = "".join(".*" if p == "*" else re.escape(p.removeprefix("\\")) for p in parts)
    return re.fullmatch(made, value, re.DOTALL) is not None


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_COMPARISONS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "StringEquals": lambda value, wanted: isinstance(value, str) and value == wanted,
    "StringMatches": _matches,
    "BooleanEquals": lambda value, wanted: isinstance(value, bool) and value == wanted,
    "NumericEquals": lambda value, wanted: _number(value) and value == wanted,
    "NumericGreaterThan": lambda value, wanted: _number(value) and value > wanted,
    "NumericGreaterThanEquals": lambda value, wanted: _number(value) and value >= wanted,
    "NumericLessThan": lambda value, wanted: _number(value) and value < wanted,
    "NumericLessThanEquals": lambda value, wanted: _number(value) and value <= wanted,
}
