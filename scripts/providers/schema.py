"""The schema of a provider release, cut down to names, as it is kept beside this file.

A block is `{"in": [...], "out": [...], "blocks": {NAME: block}}`: what a configuration may set,
what it may only read, and what is nested. Only resources and data sources of the services that this
project could use are kept (`SERVICES`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
FILES = ("aws-5.json", "aws-6.json")
SERVICES = re.compile(
    r"aws_(bedrock_|budgets_|caller_identity$|ce_|cloudtrail$|cloudwatch_|dynamodb_table$|iam_|kms_"
    r"|lambda_(function|permission)$|oam_|observabilityadmin_|organizations_|partition$|region$"
    r"|regions$|resourceexplorer2_|s3_bucket(_|$)|scheduler_|secretsmanager_secret|sfn_|sns_topic"
    r"|sqs_queue|ssm_parameter|vpc_endpoint$)"
)
"""The resource types that are kept. A type that this leaves out is a type no Terraform here may use
until it is added and the files are made again."""


@dataclass(slots=True)
class Block:
    """The names that a resource, a data source or a nested block has."""

    settable: set[str] = field(default_factory=set)
    """Attributes that a configuration may set. All may be read."""
    computed: set[str] = field(default_factory=set)
    """Attributes that can only be read."""
    blocks: dict[str, Block] = field(default_factory=dict)
    """Nested blocks, and attributes that are objects or lists of such."""

    def as_json(self) -> dict[str, Any]:
        document: dict[str, Any] = {}
        if self.settable:
            document["in"] = sorted(self.settable)
        if self.computed:
            document["out"] = sorted(self.computed)
        if self.blocks:
            document["blocks"] = {name: self.blocks[name].as_json() for name in sorted(self.blocks)}
        return document

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Block:
        return cls(
            settable=set(document.get("in", ())),
            computed=set(document.get("out", ())),
            blocks={k: cls.from_json(v) for k, v in document.get("blocks", {}).items()},
        )

    def names(self) -> set[str]:
        """Every name that an expression may read."""
        return self.settable | self.computed | set(self.blocks)


@dataclass(frozen=True, slots=True)
class Schema:
    """One release of the provider."""

    version: str
    source: str
    """Where the names were taken from, so that somebody else can take them again."""
    resources: Mapping[str, Block]
    data: Mapping[str, Block]

    def save(self, path: Path) -> None:
        """Writes one line per type, so that a difference between two releases can be read."""
        lines = [
            "{",
            f' "provider": {json.dumps(self.version)},',
            f' "source": {json.dumps(self.source)},',
        ]
        for name, kinds in (("data", self.data), ("resources", self.resources)):
            lines.append(f' "{name}": {{')
            entries = [f'  "{kind}": {json.dumps(kinds[kind].as_json())}' for kind in sorted(kinds)]
            lines.append(",\n".join(entries))
            lines.append(" }" if name == "resources" else " },")
        path.write_text("\n".join([*lines, "}"]) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Schema:
        document = json.loads(path.read_text(encoding="utf-8"))
        return cls(
            version=document["provider"],
            source=document["source"],
            resources={k: Block.from_json(v) for k, v in document["resources"].items()},
            data={k: Block.from_json(v) for k, v in document["data"].items()},
        )


def both() -> tuple[Schema, ...]:
    """The releases that the project's version constraint is held against, one per major."""
    return tuple(Schema.load(FOLDER / name) for name in FILES)


def wanted(types: Iterable[str]) -> list[str]:
    """Those of these types that are kept."""
    return sorted(kind for kind in types if SERVICES.match(kind))


def from_terraform(document: Mapping[str, Any], version: str, source: str) -> Schema:
    """The schema from the output of `terraform providers schema -json`.

    https://developer.hashicorp.com/terraform/cli/commands/providers/schema
    """
    (provider,) = (
        value for name, value in document["provider_schemas"].items() if name.endswith("/aws")
    )

    def kept(kinds: Mapping[str, Any]) -> dict[str, Block]:
        return {kind: _block(kinds[kind]["block"]) for kind in wanted(kinds)}

    return Schema(
        version=version,
        source=source,
        resources=kept(provider["resource_schemas"]),
        data=kept(provider["data_source_schemas"]),
    )


def _block(document: Mapping[str, Any]) -> Block:
    block = Block()
    for name, attribute in document.get("attributes", {}).items():
        nested = _nested(attribute)
        if nested is not None:
            block.blocks[name] = nested
        elif attribute.get("optional") or attribute.get("required"):
            block.settable.add(name)
        else:
            block.computed.add(name)
    for name, kind in document.get("block_types", {}).items():
        block.blocks[name] = _block(kind["block"])
    return block


def _nested(attribute: Mapping[str, Any]) -> Block | None:
    """What an attribute nests, where it is an object or a list, set or map of objects."""
    if nested := attribute.get("nested_type"):
        return _block(nested)
    return _of_type(attribute.get("type"), settable=_is_input(attribute))


def _is_input(attribute: Mapping[str, Any]) -> bool:
    return bool(attribute.get("optional") or attribute.get("required"))


def _of_type(kind: Any, *, settable: bool) -> Block | None:
    """The block of a type in Terraform's JSON, such as `["list", ["object", {…}]]`."""
    if not isinstance(kind, list):
        return None
    name, inner = kind[0], kind[1]
    if name != "object":
        return _of_type(inner, settable=settable)
    block = Block()
    for field_name, field_kind in inner.items():
        nested = _of_type(field_kind, settable=settable)
        if nested is not None:
            block.blocks[field_name] = nested
        else:
            (block.settable if settable else block.computed).add(field_name)
    return block
