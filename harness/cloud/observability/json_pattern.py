"""Filter patterns in braces: conditions on the fields of a JSON event.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.cloud.observability.pattern_values import PatternError, as_text, comparison

Condition = Callable[[Mapping[str, Any]], bool]
_SPACE = re.compile(r"\s*")
_SELECTOR = re.compile(r"""\$(?:\.[\w-]+|\[\d+\]|\[\*\]|\["[^"\]]+"\]|\['[^'\]]+'\])+""")
_STEP = re.compile(r"""\.([\w-]+)|\[(\d+)\]|\[(\*)\]|\["([^"]+)"\]|\['([^']+)'\]""")
_SIGN = re.compile(r"!=|>=|<=|=|>|<")
_VALUE = re.compile(r'"(?:[^"\\]|\\.)*"|%(?:[^%\\]|\\.)*%|[^\s()&|"%{}]+')
_WORDS = re.compile(r"(IS\s+(?:TRUE|FALSE|NULL)|NOT\s+EXISTS)\b")
_DEEPEST = 32


@dataclass(frozen=True, slots=True)
class Selector:
    """A path into a record; `text` is as written in the pattern."""

    text: str
    steps: tuple[str | int | None, ...]
    """A name, an index, or None for each element of an array."""

    def values(self, record: Any) -> Iterator[Any]:
        """All values that the path leads to; none where there is no such field."""
        found = [record]
        for step in self.steps:
            found = [inner for value in found for inner in _into(value, step)]
        yield from found


def selector(text: str) -> Selector:
    """Read a whole text as one selector, as in a metric's value. Raises `PatternError`."""
    if not _SELECTOR.fullmatch(text):
        raise PatternError(f"Invalid selector {text}")
    steps: list[str | int | None] = []
    for name, index, star, quoted, single in _STEP.findall(text):
        steps.append(None if star else int(index) if index else name or quoted or single)
    return Selector(text, tuple(steps))


def extracted(record: Any, path: Selector) -> str | None:
    """The field's value as text; None where there is none or it is an object or array."""
    for value in path.values(record):
        if not isinstance(value, dict | list):
            return as_text(value)
    return None


def parse(text: str) -> tuple[Condition, tuple[Selector, ...]]:
    """The condition of a pattern with its braces, and its selectors. Raises `PatternError`."""
    if not (text.startswith("{") and text.endswith("}")):
        raise PatternError("A JSON filter pattern stands in braces")
    reader = _Reader(text[1:-1])
    condition = reader.either(0)
    if reader.rest():
        raise PatternError("Invalid JSON filter pattern")
    return condition, tuple({s.text: s for s in reader.selectors}.values())


def _into(value: Any, step: str | int | None) -> list[Any]:
    if step is None:
        return list(value) if isinstance(value, list) else []
    if isinstance(step, int):
        return [value[step]] if isinstance(value, list) and step < len(value) else []
    return [value[step]] if isinstance(value, dict) and step in value else []


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self.selectors: list[Selector] = []

    def rest(self) -> str:
        return self._text[self._at :].strip()

    def either(self, depth: int) -> Condition:
        parts = [self._both(depth)]
        while self._take_sign("||"):
            parts.append(self._both(depth))
        return parts[0] if len(parts) == 1 else lambda record: any(p(record) for p in parts)

    def _both(self, depth: int) -> Condition:
        parts = [self._single(depth)]
        while self._take_sign("&&"):
            parts.append(self._single(depth))
        return parts[0] if len(parts) == 1 else lambda record: all(p(record) for p in parts)

    def _single(self, depth: int) -> Condition:
        if depth > _DEEPEST:
            raise PatternError("The filter pattern is nested too deeply")
        if self._take_sign("("):
            condition = self.either(depth + 1)
            if not self._take_sign(")"):
                raise PatternError("A parenthesis is not closed")
            return condition
        path = selector(self._take(_SELECTOR))
        self.selectors.append(path)
        words = self._try(_WORDS)
        if words is not None:
            return _worded(path, " ".join(words.split()))
        test = comparison(self._take(_SIGN), self._take(_VALUE))
        return lambda record: any(
            test(value) for value in path.values(record) if not isinstance(value, dict | list)
        )

    def _take_sign(self, sign: str) -> bool:
        return self._try(re.compile(re.escape(sign))) is not None

    def _take(self, kind: re.Pattern[str]) -> str:
        found = self._try(kind)
        if found is None:
            raise PatternError("Invalid JSON filter pattern")
        return found

    def _try(self, kind: re.Pattern[str]) -> str | None:
        space = _SPACE.match(self._text, self._at)
        start = self._at if space is None else space.end()
        found = kind.match(self._text, start)
        if found is None:
            return None
        self._at = found.end()
        return found.group()


def _worded(path: Selector, words: str) -> Condition:
    if words == "NOT EXISTS":
        return lambda record: not any(True for _ in path.values(record))
    wanted = {"IS TRUE": True, "IS FALSE": False, "IS NULL": None}[words]
    return lambda record: any(value is wanted for value in path.values(record))
