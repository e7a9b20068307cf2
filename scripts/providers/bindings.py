"""The schema of a provider release from generated bindings of it.

A release that is not on this machine can be known from the bindings that CDK Terrain generates of
its schema and publishes on PyPI: one JavaScript class for each resource, data source and nested
block, with a comment for each attribute that says whether it is computed, optional or required.
"""

from __future__ import annotations

import re
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from scripts.providers.schema import Block, Schema, wanted

DISTRIBUTION = "cdktn-provider-aws"
_CLASS = re.compile(r"^class (\w+) extends cdktn\.(\w+) \{$", re.MULTILINE)
_MAIN = re.compile(
    r"^class (\w+) extends cdktn\.(TerraformResource|TerraformDataSource) \{$", re.MULTILINE
)
_TYPE = re.compile(r'^    static tfResourceType = "(\w+)";$', re.MULTILINE)
_VERSION = re.compile(r"providerVersion: '([0-9.]+)'")
_ATTRIBUTE = re.compile(
    r"^    // (\w+) - computed: (?:true|false), optional: (true|false), required: (true|false)$"
    r"(?:\n    _\w+ = new (\w+)\(this, \"(\w+)\")?",
    re.MULTILINE,
)
_ELEMENT = re.compile(r"^        return new (\w+)\(this\.terraformResource", re.MULTILINE)


@dataclass(slots=True)
class _Class:
    """A class of the bindings: its attributes as (name, settable, class of what it nests)."""

    attributes: list[tuple[str, bool, str]] = field(default_factory=list)
    element: str = ""
    """For a list or a map, the class of what is in it."""


def from_wheel(wheel: Path, source: str) -> Schema:
    """The schema from a wheel of the bindings.

    Raises `ValueError` when its files name no release or several.
    """
    resources: dict[str, Block] = {}
    data: dict[str, Block] = {}
    versions: set[str] = set()
    for text in _sources(wheel):
        found = _TYPE.search(text)
        main = _MAIN.search(text)
        # Providers and ephemeral resources have a type too.
        if found is None or main is None:
            continue
        kind = found[1].removeprefix("data_")
        if wanted([kind]):
            versions |= set(_VERSION.findall(text))
            kinds = data if main[2] == "TerraformDataSource" else resources
            kinds[kind] = _block(main[1], _classes(text))
    if len(versions) != 1:
        raise ValueError(f"{wheel.name}: names {len(versions)} provider releases, not one")
    return Schema(version=versions.pop(), source=source, resources=resources, data=data)


def _sources(wheel: Path) -> Iterator[str]:
    with zipfile.ZipFile(wheel) as archive:
        (inner,) = (name for name in archive.namelist() if name.endswith(".jsii.tgz"))
        with archive.open(inner) as stream, tarfile.open(fileobj=stream, mode="r|gz") as package:
            for member in package:
                if re.fullmatch(r"package/lib/[\w-]+/index\.js", member.name):
                    file = package.extractfile(member)
                    assert file is not None
                    yield file.read().decode("utf-8")


def _classes(text: str) -> dict[str, _Class]:
    """The classes in a file of the bindings."""
    classes: dict[str, _Class] = {}
    starts = list(_CLASS.finditer(text))
    for start, end in zip(starts, [*starts[1:], None], strict=True):
        body = text[start.end() : end.start() if end else len(text)]
        made = _Class()
        for name, optional, required, nested, inner in _ATTRIBUTE.findall(body):
            settable = "true" in (optional, required)
            made.attributes.append((name, settable, nested if inner == name else ""))
        if start[2] in ("ComplexList", "ComplexMap"):
            (made.element,) = _ELEMENT.findall(body)
        classes[start[1]] = made
    return classes


def _block(name: str, classes: Mapping[str, _Class]) -> Block:
    block = Block()
    for attribute, settable, nested in classes[name].attributes:
        if nested:
            block.blocks[attribute] = _block(classes[nested].element or nested, classes)
        elif settable:
            block.settable.add(attribute)
        else:
            block.computed.add(attribute)
    return block
