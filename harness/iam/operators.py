"""How one context value compares with the values of a condition, for every operator of AWS.

Each family compiles the policy's values once into a `Match`. A context value of the wrong type
(text for a numeric operator) matches nothing. Modules that few policies need are imported when one
does, so that `bulkhead decide` starts quickly.

AWS page: reference_policies_elements_condition_operators.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from harness.iam.errors import PolicyError
from harness.iam.pattern import Dialect, Lookup, PatternSet, Template, parse_template

Match = Callable[[str, Lookup], bool]
"""From one context value to whether any of the policy's values matches it."""

Compile = Callable[[tuple[str, ...], bool], Match]
"""From the policy's values, and whether it may use variables, to the match."""


@dataclass(frozen=True, slots=True)
class Operator:
    """`positive` names the operator whose negation this one is (itself when not negated)."""

    positive: str
    negated: bool
    compile: Compile


def _string_equals(values: tuple[str, ...], variables: bool) -> Match:
    return _strings(values, variables, Dialect.EXACT, fold=False)


def _string_equals_ignore_case(values: tuple[str, ...], variables: bool) -> Match:
    folded = _strings(values, variables, Dialect.EXACT, fold=True)
    return lambda value, lookup: folded(value.lower(), lookup)


def _string_like(values: tuple[str, ...], variables: bool) -> Match:
    return _strings(values, variables, Dialect.GLOB, fold=False)


def _strings(values: tuple[str, ...], variables: bool, dialect: Dialect, *, fold: bool) -> Match:
    wildcards = dialect is not Dialect.EXACT
    templates = [parse_template(v, variables=variables, wildcards=wildcards) for v in values]
    if not wildcards and all(template.is_literal for template in templates):
        exact = frozenset("".join(str(part) for part in template.parts) for template in templates)
        if fold:
            exact = frozenset(text.lower() for text in exact)
        return lambda value, _lookup: value in exact
    return PatternSet(templates, dialect, fold=fold).matches


def _arn(values: tuple[str, ...], variables: bool) -> Match:
    """ArnEquals and ArnLike are the same: six components, each with its own wildcards."""
    templates = [parse_template(value, variables=variables) for value in values]
    for template in templates:
        if not template.is_dynamic and _colons(template) < 5:
            raise PolicyError(f"{template.text!r} is not an ARN: it must have six components")
    return PatternSet(templates, Dialect.ARN).matches


def _colons(template: Template) -> int:
    return sum(part.count(":") for part in template.parts if isinstance(part, str))


_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


_LONGEST_NUMBER = 300
"""Characters; what is longer is no number: a double could not hold it, nor Python read it."""


def _number(text: str) -> int | float | None:
    if len(text) > _LONGEST_NUMBER:
        return None
    if text.isascii() and text.isdigit():
        return int(text)
    number = float(text) if _NUMBER.fullmatch(text) else math.inf
    return number if math.isfinite(number) else None  # 1e400 would equal every other overflow


_DATE = re.compile(
    r"\d{4}(-\d{2}(-\d{2}(T\d{2}:\d{2}(:\d{2}([.]\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?)?)?", re.IGNORECASE
)


def _date(text: str) -> int | float | None:
    """Seconds since 1970, from such a number or from ISO 8601 (UTC unless it says otherwise)."""
    if text.isascii() and text.isdigit() and len(text) != 4:
        return int(text) if len(text) <= _LONGEST_NUMBER else None
    if not _DATE.fullmatch(text):
        return None
    from datetime import UTC, datetime

    full = {4: f"{text}-01-01", 7: f"{text}-01"}.get(len(text), text.upper())
    try:
        parsed = datetime.fromisoformat(full)
    except ValueError:
        return None
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()


def _ordered(
    read: Callable[[str], int | float | None], compare: Callable[[Any, Any], bool], what: str
) -> Compile:
    def compiled(values: tuple[str, ...], _variables: bool) -> Match:
        limits: list[int | float] = []
        for text in values:
            limit = read(text)
            if limit is None:
                raise PolicyError(f"{text!r} is not {what}")
            limits.append(limit)

        def match(value: str, _lookup: Lookup) -> bool:
            given = read(value)
            return given is not None and any(compare(given, limit) for limit in limits)

        return match

    return compiled


def _bool(values: tuple[str, ...], _variables: bool) -> Match:
    wanted = frozenset(value.lower() for value in values)
    if not wanted <= {"true", "false"}:
        raise PolicyError(f'Bool takes "true" or "false", not {", ".join(map(repr, values))}')
    return lambda value, _lookup: value.lower() in wanted


def _binary(values: tuple[str, ...], _variables: bool) -> Match:
    decoded = {_decode(value) for value in values}
    if None in decoded:
        raise PolicyError("BinaryEquals takes base64 text")
    return lambda value, _lookup: _decode(value) in decoded


def _decode(text: str) -> bytes | None:
    import base64

    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return None


def _ip(values: tuple[str, ...], _variables: bool) -> Match:
    import ipaddress

    networks: list[tuple[int, int, int]] = []
    for text in values:
        try:
            network = ipaddress.ip_network(text, strict=False)
        except ValueError as error:
            raise PolicyError(f"{text!r} is not an IP address or CIDR range") from error
        networks.append((network.version, int(network.network_address), int(network.netmask)))

    def match(value: str, _lookup: Lookup) -> bool:
        try:
            address = ipaddress.ip_address(value)
        except ValueError:
            return False
        number, version = int(address), address.version
        return any(version == v and number & mask == start for v, start, mask in networks)

    return match


def _pair(name: str, opposite: str, compiled: Compile) -> dict[str, Operator]:
    return {name: Operator(name, False, compiled), opposite: Operator(name, True, compiled)}


def _numbered(
    prefix: str, read: Callable[[str], int | float | None], what: str
) -> dict[str, Operator]:
    comparisons: Mapping[str, Callable[[Any, Any], bool]] = {
        "LessThan": operator.lt,
        "LessThanEquals": operator.le,
        "GreaterThan": operator.gt,
        "GreaterThanEquals": operator.ge,
    }
    table = _pair(f"{prefix}Equals", f"{prefix}NotEquals", _ordered(read, operator.eq, what))
    for name, compare in comparisons.items():
        table[prefix + name] = Operator(prefix + name, False, _ordered(read, compare, what))
    return table


OPERATORS: Mapping[str, Operator] = {
    **_pair("StringEquals", "StringNotEquals", _string_equals),
    **_pair("StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", _string_equals_ignore_case),
    **_pair("StringLike", "StringNotLike", _string_like),
    **_numbered("Numeric", _number, "a number"),
    **_numbered("Date", _date, "a date (ISO 8601) or a number of seconds since 1970"),
    "Bool": Operator("Bool", False, _bool),
    "BinaryEquals": Operator("BinaryEquals", False, _binary),
    **_pair("IpAddress", "NotIpAddress", _ip),
    **_pair("ArnEquals", "ArnNotEquals", _arn),
    **_pair("ArnLike", "ArnNotLike", _arn),
}
"""Every operator but Null, which asks about the key itself, by its name without additions."""
