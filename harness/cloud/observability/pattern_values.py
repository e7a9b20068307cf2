"""What filter patterns compare with: quoted and plain text with `*`, numbers, `%regex%`."""

from __future__ import annotations

import functools
import operator
import re
from collections.abc import Callable
from typing import Any

Test = Callable[[Any], bool]
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\Z")
# Letters, digits and the symbols and operators of the page; no parentheses.
_REGEX = re.compile(r"(?:[A-Za-z0-9_#=@/;,:\- ^$?\[\]{}|*+.]|\\.)+\Z")
_ORDERED: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


class PatternError(ValueError):
    """Not a filter pattern."""


def regex(text: str) -> re.Pattern[str]:
    """The expression between percent signs. Raises `PatternError`."""
    if not _REGEX.match(text):
        raise PatternError("Invalid regular expression in the filter pattern")
    try:
        return re.compile(text, re.ASCII)
    except re.error:
        raise PatternError("Invalid regular expression in the filter pattern") from None


def comparison(sign: str, text: str) -> Test:
    """A test of one value: `sign` is one of = != < > <= >=, `text` as it stands in the pattern.

    Raises `PatternError`.
    """
    if sign in _ORDERED:
        if not _NUMBER.match(text):
            raise PatternError(f"A number must follow {sign}")
        return functools.partial(_ordered, _ORDERED[sign], float(text))
    equal = _equal(text)
    return equal if sign == "=" else lambda value: not equal(value)


def _equal(text: str) -> Test:
    if len(text) >= 2 and text[0] == text[-1] == "%":
        expression = regex(text[1:-1])
        return lambda value: expression.search(as_text(value)) is not None
    if len(text) >= 2 and text[0] == text[-1] == '"':
        return _like(re.sub(r"\\(.)", r"\1", text[1:-1]))
    like = _like(text)
    if not _NUMBER.match(text):
        return like
    number = float(text)
    return lambda value: like(value) or _ordered(operator.eq, number, value)


def _like(text: str) -> Test:
    expression = re.compile(".*".join(re.escape(part) for part in text.split("*")), re.DOTALL)
    return lambda value: expression.fullmatch(as_text(value)) is not None


def _ordered(compare: Callable[[float, float], bool], number: float, value: Any) -> bool:
    if isinstance(value, bool):
        return False
    if isinstance(value, str):
        if not _NUMBER.match(value):
            return False
        value = float(value)
    return isinstance(value, int | float) and compare(float(value), number)


def as_text(value: Any) -> str:
    """A scalar of a JSON record as the service shows it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    return str(value)
