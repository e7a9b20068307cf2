"""Texts with wildcards and policy variables, compiled once and matched many times.

A `Template` is the parsed text; a `PatternSet` is the alternation of several, in one of three
dialects. What a pattern is matched against (an action, an ARN, a context value) is decided
elsewhere.

AWS pages: reference_policies_variables, reference_policies_elements_resource,
reference_policies_elements_condition_operators.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum

from harness.iam.errors import PolicyError

Lookup = Callable[[str], str | None]
"""From a context key (lower case) to its single value, or None when the key is absent."""


class Wildcard(Enum):
    """`*` stands for any text, the empty one included; `?` for exactly one character."""

    STAR = "*"
    ONE = "?"


@dataclass(frozen=True, slots=True)
class Variable:
    """`${key}` or `${key, 'default'}`; the key is kept in lower case."""

    key: str
    default: str | None = None


Part = str | Wildcard | Variable


class Dialect(Enum):
    """How far wildcards reach."""

    EXACT = "no wildcards"
    GLOB = "wildcards match every character"
    ARN = "wildcards stay within their component, up to the fifth colon"


_VARIABLE = re.compile(r"\$\{(?:([*?$])|([^{}$',\s](?:[^{}$',]*[^{}$',\s])?)(?:, '([^'{}]*)')?)\}")
_WILDCARDS = re.compile(r"([*?])")


@dataclass(frozen=True, slots=True)
class Template:
    """One parsed text: literals, wildcards and variables in order."""

    text: str
    parts: tuple[Part, ...]

    @property
    def is_literal(self) -> bool:
        return all(isinstance(part, str) for part in self.parts)

    @property
    def is_dynamic(self) -> bool:
        return any(isinstance(part, Variable) for part in self.parts)

    def resolve(self, lookup: Lookup) -> tuple[str | Wildcard, ...] | None:
        """The parts with every variable replaced by its value, which counts as literal text.

        None when a variable has neither a value nor a default: such a text matches nothing.
        """
        resolved: list[str | Wildcard] = []
        for part in self.parts:
            if isinstance(part, Variable):
                value = lookup(part.key)
                if value is None:
                    value = part.default
                if value is None:
                    return None
                resolved.append(value)
            else:
                resolved.append(part)
        return tuple(resolved)


def parse_template(text: str, *, variables: bool, wildcards: bool = True) -> Template:
    """Parse `text`; `variables` is true for policies of version 2012-10-17 only.

    Raises PolicyError for a variable that AWS's syntax does not have.
    """
    parts: list[Part] = []
    position = 0
    start = text.find("${") if variables else -1
    while start >= 0:
        found = _VARIABLE.match(text, start)
        if found is None:
            raise PolicyError(
                f"{text!r} has a malformed policy variable: write ${{key}} or ${{key, 'default'}}"
            )
        _append(parts, text[position:start], wildcards)
        escaped, key, default = found.groups()
        parts.append(escaped if escaped else Variable(key.lower(), default))
        position = found.end()
        start = text.find("${", position)
    _append(parts, text[position:], wildcards)
    return Template(text, _joined(parts))


def _append(parts: list[Part], text: str, wildcards: bool) -> None:
    if not wildcards:
        parts.append(text)
        return
    for piece in _WILDCARDS.split(text):
        parts.append(Wildcard(piece) if piece in ("*", "?") else piece)


def _joined(parts: Iterable[Part]) -> tuple[Part, ...]:
    """Neighboring literals as one, empty ones gone."""
    joined: list[Part] = []
    for part in parts:
        if isinstance(part, str):
            if not part:
                continue
            if joined and isinstance(joined[-1], str):
                joined[-1] += part
                continue
        joined.append(part)
    return tuple(joined)


def regex_of(parts: Iterable[str | Wildcard], dialect: Dialect) -> str:
    """The regular expression of a wildcard text, to be used with `fullmatch`.

    Each `*` but the last takes the nearest place where the text up to the next `*` fits, and never
    goes back on it. That is exact for wildcards, and keeps hostile patterns from taking
    exponential time.
    """
    segments: list[list[str]] = [[]]
    reaches: list[str] = []
    colons = 0
    for part in parts:
        inside = dialect is Dialect.ARN and colons < 5
        if part is Wildcard.STAR:
            reaches.append("[^:]*" if inside else ".*")
            segments.append([])
        elif part is Wildcard.ONE:
            segments[-1].append("[^:]" if inside else ".")
        else:
            segments[-1].append(re.escape(part))
            colons += part.count(":")
    texts = ["".join(segment) for segment in segments]
    if len(texts) == 1:
        return texts[0]
    middle = "".join(
        f"(?>{reach}?{text})" for reach, text in zip(reaches[:-1], texts[1:-1], strict=True)
    )
    return f"{texts[0]}{middle}{reaches[-1]}{texts[-1]}"


class PatternSet:
    """Several templates of one dialect: a text matches the set when it matches one of them."""

    __slots__ = (
        "_any",
        "_dynamic",
        "_exact",
        "_fold",
        "_prefixes",
        "_regex",
        "_resolved",
        "dialect",
        "templates",
    )

    def __init__(
        self, templates: Iterable[Template], dialect: Dialect, *, fold: bool = False
    ) -> None:
        """With `fold`, letter case does not count; the text to match must come in lower case."""
        self.templates = tuple(templates)
        self.dialect = dialect
        self._fold = fold
        exact: list[str] = []
        prefixes: list[str] = []
        regexes: list[str] = []
        dynamic: list[tuple[Template, tuple[Variable, ...]]] = []
        self._any = False
        for template in self.templates:
            if template.is_dynamic:
                variables = tuple(p for p in template.parts if isinstance(p, Variable))
                dynamic.append((template, variables))
                continue
            parts = template.resolve(lambda _: None) or ()
            if fold:
                parts = _folded(parts)
            if template.is_literal:
                exact.append("".join(str(p) for p in parts))
            elif dialect is Dialect.GLOB and all(p is Wildcard.STAR for p in parts):
                self._any = True
            elif (
                dialect is Dialect.GLOB
                and len(parts) == 2
                and isinstance(parts[0], str)
                and parts[1] is Wildcard.STAR
            ):
                prefixes.append(parts[0])
            else:
                regexes.append(regex_of(parts, dialect))
        self._exact = frozenset(exact)
        self._prefixes = tuple(prefixes)
        self._regex = (
            re.compile("|".join(f"(?:{r})" for r in regexes), re.DOTALL) if regexes else None
        )
        self._dynamic = tuple(dynamic)
        self._resolved: dict[tuple[str | None, ...], Callable[[str], object]] = {}

    def matches(self, text: str, lookup: Lookup) -> bool:
        if self._any or text in self._exact or text.startswith(self._prefixes):
            return True
        if self._regex is not None and self._regex.fullmatch(text) is not None:
            return True
        return bool(self._dynamic) and self._matches_dynamic(text, lookup)

    def _matches_dynamic(self, text: str, lookup: Lookup) -> bool:
        for template, variables in self._dynamic:
            values = []
            for variable in variables:
                value = lookup(variable.key)
                values.append(variable.default if value is None else value)
            key = (template.text, *values)
            found = self._resolved.get(key)
            if found is None:
                if len(self._resolved) >= _RESOLVED_LIMIT:
                    self._resolved.clear()
                found = self._resolved[key] = self._resolve(template, lookup)
            if found(text):
                return True
        return False

    def _resolve(self, template: Template, lookup: Lookup) -> Callable[[str], object]:
        """The test of a template for the values that its variables have now."""
        parts = template.resolve(lookup)
        if parts is None:
            return _nothing
        if self._fold:
            parts = _folded(parts)
        if self.dialect is Dialect.EXACT:
            return "".join(map(str, parts)).__eq__
        return re.compile(regex_of(parts, self.dialect), re.DOTALL).fullmatch


_RESOLVED_LIMIT = 1024


def _nothing(_text: str) -> bool:
    return False


def _folded(parts: tuple[str | Wildcard, ...]) -> tuple[str | Wildcard, ...]:
    return tuple(part.lower() if isinstance(part, str) else part for part in parts)
