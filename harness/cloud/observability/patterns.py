"""CloudWatch Logs' filter patterns: terms, JSON selectors and space-delimited fields.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
Terms match anywhere in a message, with their case. What the page does not describe is no pattern.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from harness.cloud.observability import delimited_pattern, json_pattern
from harness.cloud.observability.pattern_values import PatternError, regex

__all__ = ["FilterPattern", "PatternError", "parse"]

_Matcher = Callable[[str], Mapping[str, str] | None]
_WORD = re.compile(r'([?-]?)(?:"((?:[^"\\]|\\.)*)"|%((?:[^%\\]|\\.)*)%|([\w.]+))(?=\s|$)')
_NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class FilterPattern:
    """A parsed pattern."""

    text: str
    _match: _Matcher

    def match(self, message: str) -> Mapping[str, str] | None:
        """The fields that the pattern extracts from a message, None where it does not match."""
        return self._match(message)

    def matches(self, message: str) -> bool:
        """Whether an event with this message passes the filter."""
        return self._match(message) is not None


@functools.lru_cache(maxsize=1024)
def parse(text: str) -> FilterPattern:
    """Read a pattern. Raises `PatternError`."""
    stripped = text.strip()
    if not stripped:
        return FilterPattern(text, lambda _: _NOTHING)
    if stripped.startswith("{"):
        return FilterPattern(text, _of_json(stripped))
    if stripped.startswith("["):
        return FilterPattern(text, delimited_pattern.parse(stripped))
    return FilterPattern(text, _of_terms(stripped))


def _of_json(text: str) -> _Matcher:
    condition, selectors = json_pattern.parse(text)

    def match(message: str) -> Mapping[str, str] | None:
        try:
            record: Any = json.loads(message)
        except ValueError:
            return None
        if not isinstance(record, dict) or not condition(record):
            return None
        found = {s.text: json_pattern.extracted(record, s) for s in selectors}
        return {name: value for name, value in found.items() if value is not None}

    return match


def _of_terms(text: str) -> _Matcher:
    required: list[Callable[[str], bool]] = []
    optional: list[Callable[[str], bool]] = []
    excluded: list[Callable[[str], bool]] = []
    position = 0
    while position < len(text):
        found = _WORD.match(text, position)
        if found is None:
            raise PatternError("Invalid filter pattern")
        sign, quoted, expression, plain = found.groups()
        place = {"?": optional, "-": excluded}.get(sign, required)
        if expression is not None:
            place.append(_searching(regex(expression)))
        else:
            term = plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
            place.append(functools.partial(_contains, term))
        position = found.end()
        position += len(text[position:]) - len(text[position:].lstrip())

    def match(message: str) -> Mapping[str, str] | None:
        if any(term(message) for term in excluded):
            return None
        if required:  # then optional terms are not looked at
            return _NOTHING if all(term(message) for term in required) else None
        if optional:
            return _NOTHING if any(term(message) for term in optional) else None
        return _NOTHING

    return match


def _contains(term: str, message: str) -> bool:
    return term in message


def _searching(expression: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda message: expression.search(message) is not None
