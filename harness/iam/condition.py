"""Conditions: from one operator, key and list of values to a test on a request.

How a single value compares is in `operators`; this module adds what is common to all operators:
absent keys, `IfExists`, negation, several values, `ForAllValues` and `ForAnyValue`, `Null`.

AWS pages: reference_policies_elements_condition_operators,
reference_policies_condition-single-vs-multi-valued-context-keys,
reference_policies_condition-logic-multiple-context-keys-or-values.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from harness.iam.context import View
from harness.iam.errors import PolicyError
from harness.iam.operators import OPERATORS, Match

Qualifier = Literal["", "ForAllValues", "ForAnyValue"]
Test = Callable[[View], bool]

_QUALIFIERS: dict[str, Qualifier] = {
    "ForAllValues": "ForAllValues",
    "ForAnyValue": "ForAnyValue",
}


@dataclass(frozen=True, slots=True)
class Condition:
    """One operator applied to one key. All conditions of a statement must hold.

    `operator` is the positive one with `negated` beside it: StringNotLike is (StringLike, True).
    """

    name: str
    """The operator as written, such as `ForAllValues:StringNotEqualsIfExists`."""
    operator: str
    negated: bool
    qualifier: Qualifier
    if_exists: bool
    key: str
    values: tuple[str, ...]

    @property
    def holds_when_absent(self) -> bool:
        """The answer when the request does not carry the key."""
        if self.operator == "Null":
            return "true" in self.values
        if self.if_exists or self.qualifier == "ForAllValues":
            return True
        return self.negated and self.qualifier == ""


def parse_condition(name: str, key: str, values: tuple[str, ...]) -> Condition:
    """Raises PolicyError for an operator or key that AWS does not have."""
    prefix, colon, rest = name.rpartition(":")
    if colon and prefix not in _QUALIFIERS:
        raise PolicyError(f"unknown condition operator {name!r}")
    base = rest.removesuffix("IfExists")
    if_exists = base != rest
    qualifier: Qualifier = _QUALIFIERS[prefix] if colon else ""
    vendor, _, local = key.partition(":")
    if not vendor or not local:
        raise PolicyError(f"condition key {key!r} must have the form service:name")
    if base == "Null":
        if if_exists or colon:
            raise PolicyError(f"unknown condition operator {name!r}: Null takes no addition")
        values = tuple(value.lower() for value in values)
        if not set(values) <= {"true", "false"}:
            raise PolicyError(f'Null on {key!r} takes "true" or "false"')
        return Condition(name, "Null", False, "", False, key, values)
    found = OPERATORS.get(base)
    if found is None:
        raise PolicyError(f"unknown condition operator {name!r}")
    operator, negated = found.positive, found.negated
    return Condition(name, operator, negated, qualifier, if_exists, key, values)


def compile_condition(condition: Condition, *, variables: bool) -> Test:
    """The test of one condition; raises PolicyError for a value its operator cannot take."""
    key = condition.key.lower()
    if condition.operator == "Null":
        return _null(key, condition.values)
    match = OPERATORS[condition.operator].compile(condition.values, variables)
    absent = condition.holds_when_absent
    if condition.qualifier == "ForAllValues":
        return _for_all(key, match, condition.negated)
    if condition.qualifier == "ForAnyValue":
        return _for_any(key, match, condition.negated, absent)
    return _single(key, match, condition.negated, absent)


def _null(key: str, wanted: tuple[str, ...]) -> Test:
    if_absent, if_present = "true" in wanted, "false" in wanted

    def test(view: View) -> bool:
        return if_present if view.values(key) else if_absent

    return test


def _single(key: str, match: Match, negated: bool, absent: bool) -> Test:
    """Several policy values are alternatives; a negated operator wants none of them to match.

    A key with several values under a plain operator is not defined by AWS; any value counts.
    """

    def test(view: View) -> bool:
        values = view.values(key)
        if not values:
            return absent
        if len(values) == 1:
            return match(values[0], view.single) is not negated
        return any(match(value, view.single) for value in values) is not negated

    return test


def _for_all(key: str, match: Match, negated: bool) -> Test:
    """Holds as well for an absent key, no value, and a lone empty value."""

    def test(view: View) -> bool:
        values = view.values(key)
        if not values or values == ("",):
            return True
        return all(match(value, view.single) is not negated for value in values)

    return test


def _for_any(key: str, match: Match, negated: bool, absent: bool) -> Test:
    def test(view: View) -> bool:
        values = view.values(key)
        if not values:
            return absent
        return any(match(value, view.single) is not negated for value in values)

    return test
