"""Reads inputs in state machines: reference paths, payload templates and intrinsic functions.

What is not listed here is refused when a machine is saved.
https://docs.aws.amazon.com/step-functions/latest/dg/intrinsic-functions.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from harness.cloud.event_inputs import at_path

_PATH: Final = re.compile(r"\$\$?(\.[\w-]+|\[\d+\]|\[['\"][^'\"]+['\"]\])*")
_PART: Final = re.compile(
    r"\s*(?:(?P<text>'(?:[^'\\]|\\.)*')|(?P<number>-?\d+)|(?P<path>\$[^,()\s]*)"
    r"|(?P<name>States\.\w+)|(?P<sign>[(),]))"
)


class DefinitionError(ValueError):
    """A definition that is malformed, or that the embedded cloud does not run."""


class StatesError(Exception):
    """An error that a state can catch or retry: its name and what went wrong."""

    def __init__(self, name: str, cause: str) -> None:
        super().__init__(f"{name}: {cause}")
        self.name = name
        self.cause = cause


@dataclass(frozen=True, slots=True)
class Scope:
    """What paths read: the state's input (`$`) and the context object (`$$`)."""

    data: Any
    context: Mapping[str, Any]


Reader = Callable[[Scope], Any]


def path(text: Any) -> Reader:
    """A reference path. Raises `DefinitionError`; the reader raises `StatesError`."""
    if not isinstance(text, str) or _PATH.fullmatch(text) is None:
        raise DefinitionError(f"the path {text!r} is not one that the embedded cloud reads")

    def read(scope: Scope) -> Any:
        inside = text.startswith("$$")
        found = at_path(scope.context if inside else scope.data, text[1:] if inside else text)
        if found is None:
            raise StatesError("States.Runtime", f"The path {text} is not in the input.")
        return found

    return read


def template(value: Any) -> Reader:
    """A payload template: fields whose name ends in `.$` are read. Raises `DefinitionError`."""
    if isinstance(value, Mapping):
        fields = {
            key.removesuffix(".$"): expression(inside) if key.endswith(".$") else template(inside)
            for key, inside in value.items()
        }
        return lambda scope: {key: read(scope) for key, read in fields.items()}
    if isinstance(value, list):
        items = [template(item) for item in value]
        return lambda scope: [read(scope) for read in items]
    return lambda _: value


def expression(text: Any) -> Reader:
    """A path or a call of an intrinsic function. Raises `DefinitionError`."""
    if not isinstance(text, str):
        raise DefinitionError(f"{text!r} is neither a path nor an intrinsic function")
    if text.startswith("$"):
        return path(text)
    parts: list[tuple[str, str]] = []
    place = 0
    while place < len(text.rstrip()):
        found = _PART.match(text, place)
        if found is None or found.lastgroup is None:
            raise DefinitionError(f"cannot read {text[place:]!r} in {text!r}")
        parts.append((found.lastgroup, found[found.lastgroup]))
        place = found.end()
    reader, left = _call(parts, text)
    if left:
        raise DefinitionError(f"{text!r} goes on after its end")
    return reader


_Parts = list[tuple[str, str]]


def _call(parts: _Parts, text: str) -> tuple[Reader, _Parts]:
    if len(parts) < 3 or parts[0][0] != "name" or parts[1][1] != "(":
        raise DefinitionError(f"{text!r} is neither a path nor an intrinsic function")
    name, rest = parts[0][1], parts[2:]
    function = _FUNCTIONS.get(name)
    if function is None:
        raise DefinitionError(f"the embedded cloud does not play {name}")
    arguments: list[Reader] = []
    while rest and rest[0][1] != ")":
        argument, rest = _argument(rest, text)
        arguments.append(argument)
        if rest and rest[0][1] == ",":
            rest = rest[1:]
        elif not rest or rest[0][1] != ")":
            raise DefinitionError(f"a comma or a parenthesis is missing in {text!r}")
    if not rest:
        raise DefinitionError(f"a parenthesis is missing in {text!r}")

    def run(scope: Scope) -> Any:
        try:
            return function(*(read(scope) for read in arguments))
        except (TypeError, IndexError, ValueError, AttributeError) as error:
            raise StatesError("States.IntrinsicFailure", f"{name}: {error}") from None

    return run, rest[1:]


def _argument(parts: _Parts, text: str) -> tuple[Reader, _Parts]:
    kind, word = parts[0]
    if kind == "name":
        return _call(parts, text)
    if kind == "path":
        return path(word), parts[1:]
    if kind == "number":
        number = int(word)
        return (lambda _: number), parts[1:]
    if kind == "text":
        plain = re.sub(r"\\(.)", r"\1", word[1:-1])
        return (lambda _: plain), parts[1:]
    raise DefinitionError(f"unexpected {word!r} in {text!r}")


def _format(pattern: str, *values: Any) -> str:
    pieces = pattern.split("{}")
    if len(pieces) != len(values) + 1:
        raise ValueError("the template has another number of {} than there are values")
    texts = [v if isinstance(v, str) else json.dumps(v) for v in values]
    return pieces[0] + "".join(text + piece for text, piece in zip(texts, pieces[1:], strict=True))


def _split(text: str, separators: str) -> list[str]:
    return [piece for piece in re.split(f"[{re.escape(separators)}]", text) if piece]


def _item(items: list[Any], index: int) -> Any:
    if index < 0:
        raise IndexError("the index is negative")
    return items[index]


_FUNCTIONS: Final[Mapping[str, Callable[..., Any]]] = {
    "States.Format": _format,
    "States.StringSplit": _split,
    "States.ArrayGetItem": _item,
    "States.Array": lambda *values: list(values),
    "States.ArrayLength": len,
}
