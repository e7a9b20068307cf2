"""Filter patterns in brackets: conditions on the space-delimited fields of an event.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from harness.cloud.observability.pattern_values import PatternError, Test, comparison

# A field of an event: in brackets, in quotes, or up to the next space.
_FIELD = re.compile(r'\[([^\]]*)\]|"([^"]*)"|(\S+)')
_TEST = re.compile(r'\s*(!=|>=|<=|=|>|<)\s*("[^"]*"|%[^%]*%|[^\s&|"%]+)\s*')


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    passes: Callable[[str], bool]


def parse(text: str) -> Callable[[str], Mapping[str, str] | None]:
    """A matcher that extracts the named fields (`$name`). Raises `PatternError`."""
    if not text.endswith("]"):
        raise PatternError("A space-delimited filter pattern stands in brackets")
    parts = _split(text[1:-1])
    rests = [index for index, part in enumerate(parts) if part == "..."]
    if len(rests) > 1:
        raise PatternError("Only one ellipsis can stand in a filter pattern")
    columns = [_column(part, n) for n, part in enumerate(parts, 1) if part != "..."]
    before = rests[0] if rests else len(columns)

    def match(message: str) -> Mapping[str, str] | None:
        fields = [next((g for g in f if g), "") for f in _FIELD.findall(message)]
        if len(fields) < len(columns) or (not rests and len(fields) != len(columns)):
            return None
        after = len(columns) - before
        taken = fields[:before] + (fields[-after:] if after else [])
        if not all(c.passes(value) for c, value in zip(columns, taken, strict=True)):
            return None
        return {f"${c.name}": value for c, value in zip(columns, taken, strict=True)}

    return match


def _split(text: str) -> list[str]:
    """At commas outside of quotes and percent signs."""
    parts = re.findall(r'(?:[^,"%]|"[^"]*"|%[^%]*%)+', text)
    if not parts or text.count(",") < len(parts) - 1 or ",".join(parts) != text:
        raise PatternError("Invalid space-delimited filter pattern")
    return [part.strip() for part in parts]


def _column(text: str, number: int) -> _Column:
    found = re.match(r"[\w$-]*", text)
    name = found.group() if found else ""
    rest = text[len(name) :].strip()
    alternatives: list[list[Test]] = [[]]
    while rest:
        test = _TEST.match(rest)
        if test is None:
            # `name = a || name = b` repeats the name.
            sign = re.match(r"(&&|\|\|)\s*([\w$-]*)", rest)
            if sign is None or (sign.group(2) and sign.group(2) != name):
                raise PatternError("Invalid space-delimited filter pattern")
            if sign.group(1) == "||":
                alternatives.append([])
            rest = rest[sign.end() :].strip()
            if not _TEST.match(rest):
                raise PatternError("Invalid space-delimited filter pattern")
            continue
        alternatives[-1].append(comparison(*test.groups()))
        rest = rest[test.end() :]

    def passes(value: str) -> bool:
        return any(all(each(value) for each in tests) for tests in alternatives)

    return _Column(name or str(number), passes)
