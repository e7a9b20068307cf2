"""Metric math as alarms use it: arithmetic, comparisons and a few functions over time series.

A series has one value for each period, or None where a metric has no data; an operation on None is
None, so that sums of metrics that may be silent need FILL. Functions and forms that are not listed
here are refused.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

Value = float | list[float | None]
"""A constant, or a series."""
Group = list[Value]
Node = Callable[[Mapping[str, Value]], "Value | Group"]
_TOKEN: Final = re.compile(
    r"\s*(?:(?P<number>\d+\.?\d*)|(?P<name>[A-Za-z_]\w*)|(?P<sign>>=|<=|==|!=|[-+*/()\[\],<>]))"
)
_PRECEDENCE: Final[tuple[Mapping[str, Callable[[float, float], float]], ...]] = (
    {
        "<": lambda a, b: float(a < b),
        ">": lambda a, b: float(a > b),
        "<=": lambda a, b: float(a <= b),
        ">=": lambda a, b: float(a >= b),
        "==": lambda a, b: float(a == b),
        "!=": lambda a, b: float(a != b),
    },
    {"+": operator.add, "-": operator.sub},
    {"*": operator.mul, "/": operator.truediv},
)


class MathError(ValueError):
    """An expression that is malformed, or that the embedded cloud does not evaluate."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed expression and the ids that it reads; `*` for METRICS()."""

    node: Node
    ids: frozenset[str]

    def evaluate(self, values: Mapping[str, Value]) -> Value:
        """Its value, where `values` has the series of the ids. Raises `MathError`."""
        found = self.node(values)
        if isinstance(found, list) and any(isinstance(item, list) for item in found):
            raise MathError("the expression gives several series")
        return found  # type: ignore[return-value]


def parse(text: str) -> Expression:
    """Parse an expression. Raises `MathError`."""
    parser = _Parser(text)
    node = parser.comparison(0)
    if parser.peek() != "":
        raise MathError(f"unexpected {parser.peek()!r}")
    return Expression(node, frozenset(parser.ids))


class _Parser:
    def __init__(self, text: str) -> None:
        self.ids: set[str] = set()
        self._tokens: list[str] = []
        place = 0
        while text[place:].strip():
            found = _TOKEN.match(text, place)
            if found is None:
                raise MathError(f"cannot read {text[place:].strip()!r}")
            self._tokens.append(found.group().strip())
            place = found.end()
        self._at = 0

    def peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def take(self, wanted: str = "") -> str:
        token = self.peek()
        if not token or (wanted and token != wanted):
            raise MathError(f"expected {wanted or 'more'!r}, found {token or 'the end'!r}")
        self._at += 1
        return token

    def comparison(self, level: int) -> Node:
        if level == len(_PRECEDENCE):
            return self.factor()
        left = self.comparison(level + 1)
        while self.peek() in _PRECEDENCE[level]:
            apply = _PRECEDENCE[level][self.take()]
            left = _binary(apply, left, self.comparison(level + 1))
        return left

    def factor(self) -> Node:
        token = self.take()
        if token == "-":
            return _binary(operator.mul, lambda _: -1.0, self.factor())
        if token == "(":
            inside = self.comparison(0)
            self.take(")")
            return inside
        if token == "[":
            return _group(self.arguments("]"))
        if token[0].isdigit():
            number = float(token)
            return lambda _: number
        if not re.fullmatch(r"[A-Za-z_]\w*", token):
            raise MathError(f"unexpected {token!r}")
        if self.peek() == "(":
            self.take()
            return self.function(token, self.arguments(")"))
        self.ids.add(token)
        return lambda values: values[token]

    def arguments(self, end: str) -> list[Node]:
        found: list[Node] = []
        while self.peek() != end:
            found.append(self.comparison(0))
            if self.peek() != end:
                self.take(",")
        self.take(end)
        return found

    def function(self, name: str, arguments: list[Node]) -> Node:
        if name == "METRICS" and not arguments:
            self.ids.add("*")
            return lambda values: list(values.values())
        if name == "FILL" and len(arguments) == 2:
            return _fill(*arguments)
        if name == "IF" and len(arguments) == 3:
            return _if(*arguments)
        if name in _REDUCED and len(arguments) == 1:
            return _reduced(_REDUCED[name], arguments[0])
        raise MathError(f"the embedded cloud does not evaluate {name} with {len(arguments)} values")


def _single(value: Value | Group) -> Value:
    if isinstance(value, list) and any(isinstance(item, list) for item in value):
        raise MathError("a list of series stands where one is wanted")
    return value  # type: ignore[return-value]


def _zip(values: list[Value], apply: Callable[[list[float | None]], float | None]) -> Value:
    """One value for each period; constants are the same in all."""
    lengths = {len(v) for v in values if isinstance(v, list)}
    if not lengths:
        constants: list[float | None] = [v for v in values if not isinstance(v, list)]
        found = apply(constants)
        return [None] if found is None else found
    return [
        apply([v[index] if isinstance(v, list) else v for v in values])
        for index in range(min(lengths))
    ]


def _binary(apply: Callable[[float, float], float], left: Node, right: Node) -> Node:
    def each(pair: list[float | None]) -> float | None:
        a, b = pair
        if a is None or b is None:
            return None
        try:
            return float(apply(a, b))
        except ZeroDivisionError:
            return None

    return lambda values: _zip([_single(left(values)), _single(right(values))], each)


def _group(members: list[Node]) -> Node:
    return lambda values: [_single(member(values)) for member in members]


def _fill(series: Node, filler: Node) -> Node:
    def first(pair: list[float | None]) -> float | None:
        return pair[1] if pair[0] is None else pair[0]

    def fill(values: Mapping[str, Value]) -> Value | Group:
        found, other = series(values), _single(filler(values))
        if isinstance(found, list) and any(isinstance(item, list) for item in found):
            return [_zip([item, other], first) for item in found]  # type: ignore[list-item]
        return _zip([_single(found), other], first)

    return fill


def _if(condition: Node, then: Node, otherwise: Node) -> Node:
    def each(three: list[float | None]) -> float | None:
        return None if three[0] is None else three[1] if three[0] else three[2]

    return lambda values: _zip(
        [_single(condition(values)), _single(then(values)), _single(otherwise(values))], each
    )


def _reduced(reduce: Callable[[list[float]], float], argument: Node) -> Node:
    """Across series, period by period; periods in which one of them has data count."""

    def each(items: list[float | None]) -> float | None:
        present = [item for item in items if item is not None]
        return reduce(present) if present else None

    def across(values: Mapping[str, Value]) -> Value:
        found = argument(values)
        if not isinstance(found, list) or not any(isinstance(item, list) for item in found):
            raise MathError("a function of one series gives no series; give it a list of series")
        return _zip(found, each)  # type: ignore[arg-type]

    return across


_REDUCED: Final[Mapping[str, Callable[[list[float]], float]]] = {
    "SUM": sum,
    "MIN": min,
    "MAX": max,
    "AVG": lambda items: sum(items) / len(items),
}
