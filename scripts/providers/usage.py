"""What our Terraform asks of the provider, and what of that some release does not have.

Looked at are the arguments and nested blocks of every resource and data source, and every attribute
that an expression reads of one: by its name, as `values(…)[*]`, the item of a `for` over it or
`each.value`. What goes through a local is not seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts import terraform_files as terraform
from scripts.providers.schema import Schema

# https://developer.hashicorp.com/terraform/language/meta-arguments
META = frozenset(
    {"connection", "count", "depends_on", "for_each", "lifecycle", "provider", "provisioner"}
)
# The schemas are kept for resources and data sources; the others are refused by their address.
_BLOCKS = {"resource": ""} | {name: f"{name}." for name in ("data", "action", "ephemeral", "list")}
_REFERENCE = re.compile(r"(?<![\w.\"-])(?:(data\.)?(aws_[a-z0-9_]+)\.([a-z_][\w-]*)|self(?=\.))")
_NAME = r"(?:data\.)?aws_[a-z0-9_]+\.[a-z_][\w-]*"
_VALUES = re.compile(rf"\bvalues\(({_NAME})\)")
_FOR = re.compile(rf"\bfor (?:\w+, )?(\w+) in ({_NAME})\s*:")
_EACH = re.compile(rf"(?:\$\{{)?({_NAME})\}}?")
_STEP = re.compile(r"\.([a-z_]\w*)")


@dataclass(frozen=True, slots=True)
class Use:
    """One name asked of the provider."""

    file: str
    address: str
    """The resource, as `aws_iam_role.fleet` or `data.aws_region.current`."""
    path: tuple[str, ...]
    """The attribute, with the blocks around it; empty for the resource itself."""
    sets: bool
    """Whether it is set, or only read."""

    @property
    def kind(self) -> str:
        return self.address.removeprefix("data.").split(".")[0]

    def __str__(self) -> str:
        return ".".join((self.address, *self.path))


def uses(files: Iterable[Path], root: Path) -> Iterator[Use]:
    """Every use in these files. Raises `ValueError` for a file that is not valid HCL."""
    for file in files:
        document, name = terraform.read(file), file.relative_to(root).as_posix()
        checks = [body for _, body in terraform.labelled(document, "check")]
        for block, prefix in _BLOCKS.items():
            typed = (each for part in (document, *checks) for each in terraform.typed(part, block))
            for kind, label, body in typed:
                if kind.startswith("aws_"):
                    address = f"{prefix}{kind}.{label}"
                    yield Use(name, address, (), True)
                    for path in _set(body, META):
                        yield Use(name, address, path, True)
                    each = _EACH.fullmatch(str(body.get("for_each")))
                    for text in _texts(body):
                        told = text.replace("each.value.", f"{each[1]}.") if each else text
                        yield from _read(told, name, address)
                    body.clear()
        for text in _texts(document):
            yield from _read(text, name, "")


def lacking(used: Iterable[Use], schemas: Iterable[Schema]) -> list[str]:
    """One message for each use that a release does not have, and for each type nobody looked at."""
    releases = list(schemas)
    found: dict[str, None] = {}
    for use in used:
        for release in releases:
            if problem := _problem(use, release):
                found[f"{use.file}: {use}: provider {release.version} {problem}"] = None
    return list(found)


def _problem(use: Use, release: Schema) -> str:
    kinds = release.data if use.address.startswith("data.") else release.resources
    block = kinds.get(use.kind)
    if block is None:
        return f"has no {use.kind}, or it is not among what is kept in scripts/providers"
    for depth, name in enumerate(use.path):
        if name in block.blocks:
            block = block.blocks[name]
            continue
        if name not in block.names():
            return f"has no {'.'.join((use.kind, *use.path[: depth + 1]))}"
        if use.sets and name not in block.settable:
            return f"does not let {'.'.join((use.kind, *use.path[: depth + 1]))} be set"
        break  # what follows is inside a value
    return ""


def _set(body: Mapping[str, Any], skipped: frozenset[str]) -> Iterator[tuple[str, ...]]:
    for name, value in body.items():
        if name in skipped:
            continue
        if name == "dynamic":
            for label, dynamic in ((k, v) for entry in value for k, v in entry.items()):
                yield (label,)
                for content in dynamic.get("content", []):
                    yield from ((label, *path) for path in _set(content, frozenset()))
            continue
        yield (name,)
        if isinstance(value, list):
            for inner in value:
                if isinstance(inner, dict):
                    yield from ((name, *path) for path in _set(inner, frozenset()))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name != "description":
                yield name
                yield from _texts(inner)


def _read(text: str, file: str, own: str) -> Iterator[Use]:
    """The uses in an expression; `own` is the address of the resource it stands in."""
    text = _VALUES.sub(r"\1", text)
    for item, named in _FOR.findall(text):
        text = re.sub(rf"(?<![\w.]){item}(?=\.)", named, text)
    for reference in _REFERENCE.finditer(text):
        address = f"{reference[1] or ''}{reference[2]}.{reference[3]}" if reference[2] else own
        path: list[str] = []
        place = reference.end()
        while True:
            place = _past_index(text, place)
            step = _STEP.match(text, place)
            if step is None:
                break
            path.append(step[1])
            place = step.end()
        if address:
            yield Use(file, address, tuple(path), False)


def _past_index(text: str, place: int) -> int:
    """Behind the indexes that start here, such as `["${key}/${model}"]` or `[*]`."""
    while place < len(text) and (text[place] == "[" or text.startswith(".*", place)):
        if text[place] == ".":
            place += 2
            continue
        depth = 0
        for place in range(place, len(text)):  # noqa: B020
            depth += {"[": 1, "]": -1}.get(text[place], 0)
            if depth == 0:
                break
        place += 1
    return place
