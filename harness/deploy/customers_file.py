"""`customers.yaml` as data that fits its schema, and where in the file each field stands."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, validators
from jsonschema.exceptions import ValidationError, best_match
from ruamel.yaml import YAML
from ruamel.yaml.comments import TaggedScalar
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.reader import ReaderError

from harness.errors import UserError

SCHEMA_FILE = "customers.schema.json"
_DOUBLED = re.compile(r'found duplicate key ("[^"]*")')

_SWITCH = re.compile(r"y|Y|yes|Yes|YES|on|On|ON|n|N|no|No|NO|off|Off|OFF")
"""What Terraform's YAML, without quotes, takes for true or false, and that of the harness for a
text."""


def read(file: Path) -> bytes:
    """The file's content. Raises `UserError`."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}") from error


def parse(file: Path, content: bytes) -> Any:
    """What the file says, with the lines where it does. Raises `UserError`."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UserError(f"{file}:{line}: is not UTF-8 text; save it as UTF-8") from error
    yaml = YAML(typ="rt")
    # So that a quoted text is of a type of its own.
    yaml.preserve_quotes = True
    try:
        document = yaml.load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{file}:{mark.line + 1}" if mark else str(file)
        problem = " ".join(str(error.problem or error.context or "cannot be parsed").split())
        if doubled := _DOUBLED.match(problem):
            problem = f"the key {doubled[1]} stands twice; remove or rename one"
        raise UserError(f"{place}: not valid YAML: {problem}") from error
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise UserError(
            f"{file}:{line}: not valid YAML: the character {chr(error.character)!r} may not stand "
            "there; remove it"
        ) from error
    except RecursionError as error:
        raise UserError(f"{file}:1: not valid YAML: nested too deeply") from error
    except YAMLError as error:
        raise UserError(f"{file}: not valid YAML: {' '.join(str(error).split())}") from error
    if problems := [
        f"{place_of(file, document, path)}: {word} without quotes is true or false "
        "to Terraform; write that, or put it in quotes"
        for path, word in _switches(document, [], set())
    ]:
        raise UserError(*problems)
    return document


def _switches(value: Any, path: list[Any], seen: set[int]) -> Iterator[tuple[list[Any], str]]:
    """The keys and texts that Terraform would take for something else."""
    # What an anchor repeats is told once.
    if id(value) in seen:
        return
    seen.add(id(value))
    entries: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, Mapping):
        entries = value.items()
    elif isinstance(value, list):
        entries = enumerate(value)
    for step, each in entries:
        for word in (step, each):
            # A quoted one is of a class of ruamel's own.
            if type(word) is str and _SWITCH.fullmatch(word):
                yield [*path, step], word
        yield from _switches(each, [*path, step], seen)


def validate(file: Path, document: Any) -> Any:
    """The schema that the document fits. Raises `UserError`."""
    if document is None:
        example = "environments/embedded/customers.yaml"
        raise UserError(f"{file}:1: is empty; start from a copy of {example}")
    schema_file = file.parent / SCHEMA_FILE
    try:
        schema = json.loads(schema_file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{schema_file}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise UserError(f"{schema_file}: is not JSON: {error}") from error
    customers = document.get("customers") if isinstance(document, Mapping) else None
    for key in customers if isinstance(customers, Mapping) else ():
        # JSON has text keys only, so no schema says this.
        if not isinstance(key, str):
            place = f"{file}:{_line(document, ['customers', key])}"
            raise UserError(f"{place}: customers: the key {key!r} is not a text; put it in quotes")
    errors = list(_VALIDATOR(schema).iter_errors(document))
    if not errors:
        return schema
    found: dict[str, int] = {}
    for each in errors:
        worst = best_match([each])
        path = list(worst.absolute_path)
        key = [worst.instance] if "propertyNames" in worst.absolute_schema_path else []
        line = _line(document, [*path, *(key or _unknown(worst)[:1])])
        found[f"{file}:{line}: {field_name(path)}: {_say(worst)}"] = line
    raise UserError(*sorted(found, key=lambda message: found[message]))


def _pattern(_: Any, pattern: str, value: Any, __: Any) -> Iterator[ValidationError]:
    """Python's `$`, and not JSON schema's, also stands before a last line break."""
    if isinstance(value, str) and (value.endswith("\n") or not re.search(pattern, value)):
        yield ValidationError(f"{value!r} does not match {pattern!r}")


_VALIDATOR: Any = validators.extend(Draft202012Validator, {"pattern": _pattern})  # type: ignore[no-untyped-call]


def _unknown(error: ValidationError) -> list[Any]:
    """The fields that the schema does not know."""
    if error.validator != "additionalProperties":
        return []
    assert isinstance(error.schema, Mapping)
    instance: Any = error.instance
    return [key for key in instance if key not in error.schema.get("properties", {})]


def _say(error: ValidationError) -> str:
    """What is wrong and how to fix it, in words instead of the schema's."""
    value: Any = error.instance
    rule: Any = error.validator_value
    match error.validator:
        case "required":
            missing = [name for name in rule if name not in value]
            return f"{', '.join(missing)} is missing; add it"
        case "additionalProperties":
            assert isinstance(error.schema, Mapping)
            allowed = sorted(error.schema.get("properties", {}))
            unknown = _unknown(error)
            hint = f"; known here: {', '.join(allowed)}" if allowed else ""
            return f"unknown field {', '.join(map(str, unknown))}{hint}"
        case "type" if rule == "string" and isinstance(value, int):
            return f"{value!r} is a number; put it in quotes, since leading zeros count"
        case "type":
            return f"must be {_article(str(rule))}, not {_kind(value)}"
        case "enum":
            return f"{value!r} is not one of {', '.join(map(str, rule))}"
        case "uniqueItems":
            return "has an entry twice; remove one"
        case "minItems" | "minProperties":
            return "is empty; add at least one entry"
    description = error.schema.get("description") if isinstance(error.schema, Mapping) else None
    if isinstance(description, str):
        shown = _kind(value) if isinstance(value, Mapping | list) else repr(value)
        return f"{shown} does not fit; wanted: {description}"
    return error.message


def _kind(value: Any) -> str:
    """A value's kind in the words of YAML."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, datetime.date):
        return "a date; put it in quotes"
    if isinstance(value, TaggedScalar | bytes):
        return "a value with a tag; write a plain text"
    return (
        "a mapping"
        if isinstance(value, Mapping)
        else "a list"
        if isinstance(value, list)
        else "a text"
    )


def _article(kind: str) -> str:
    return {
        "object": "a mapping",
        "array": "a list",
        "string": "a text",
        "integer": "a whole number",
        "boolean": "true or false",
    }.get(kind, kind)


def field_name(path: list[str | int]) -> str:
    """A field as it is told to people."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text or "the file"


def place_of(file: Path, document: Any, path: list[str | int]) -> str:
    """`file:line: field`, the line as near as YAML tells."""
    return f"{file}:{_line(document, path)}: {field_name(path)}"


def _line(document: Any, path: list[str | int]) -> int:
    """The line of a field, as near as YAML tells."""
    line = 1
    for step in path:
        position = getattr(document, "lc", None)
        try:
            if position is not None:
                line = (position.item if isinstance(step, int) else position.key)(step)[0] + 1
            document = document[step]
        except (KeyError, IndexError, TypeError, AttributeError):
            break
    return line
