"""Edits of `customers.yaml` that leave everything else in the file as somebody wrote it.

A YAML library keeps comments when it writes a file anew, and yet moves some: one that introduces
the next section belongs, to it, to the end of the last. So only the lines that an edit is about are
written, where the parser says that they stand, and what the text says then is compared with what it
is to say. Where that differs (an anchor that others share), the library writes the file, unless it
would lose a comment.
"""

from __future__ import annotations

import codecs
import copy
import io
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import AliasEvent
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from harness.errors import UserError

Steps = Sequence[str]
_PLAIN = re.compile(r"^[a-z][a-z0-9]*([-_][a-z0-9]+)*$")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_WIDE = 1 << 20
_COMMENT = re.compile(r"(?:^|(?<=\s))#[^\r\n]*", re.MULTILINE)


def put(text: str, path: Steps, value: Any) -> str:
    """The text with a value at `path`, whose last step may be new. Lists keep the lines of the
    entries that stay.

    Raises `UserError` where the text is no YAML or has nothing at all but the last step.
    """

    def change(document: Any) -> None:
        _at(document, path[:-1])[path[-1]] = value

    return _edited(text, path, change, lambda: _put(text, path, value))


def remove(text: str, path: Steps) -> str:
    """The text without the entry at `path` of a mapping, and without the comment right above it.

    Raises `UserError` where the text is no YAML or has no such entry.
    """

    def change(document: Any) -> None:
        del _at(document, path[:-1])[path[-1]]

    return _edited(text, path, change, lambda: _remove(text, path))


def read(text: str) -> Any:
    """What the text says, without comments. Raises `UserError` where it is no YAML."""
    try:
        return YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        raise UserError(f"not valid YAML: {' '.join(str(error).split())}") from error


def write(file: Path, before: str, after: str) -> None:
    """Replaces the file, whole or not at all, if it still says what it did when it was read.

    Raises `UserError` where somebody has edited it since, and where it cannot be written.
    """
    content = file.read_bytes()
    # Some editors begin a file with a byte order mark, which is no part of its text.
    mark = codecs.BOM_UTF8 if content.startswith(codecs.BOM_UTF8) else b""
    if content.removeprefix(mark) != before.encode():
        raise UserError(f"{file}: was edited meanwhile, so nothing was written; run this again")
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as out:
            out.write(mark + after.encode())
            out.flush()
            os.fsync(out.fileno())
        temporary.chmod(file.stat().st_mode & 0o7777)
        temporary.replace(file)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise UserError(f"{file}: nothing was written: {error.strerror}") from error
        raise


def _edited(
    text: str, path: Steps, change: Callable[[Any], None], by_lines: Callable[[], str]
) -> str:
    wanted = copy.deepcopy(read(text))
    try:
        change(wanted)
    except (KeyError, TypeError, IndexError) as error:
        raise UserError(f"there is no {'.'.join(path)} to edit") from error
    for attempt in (by_lines, lambda: _rewritten(text, path, change)):
        try:
            result = attempt()
            if read(result) == wanted:
                return result
        except (UserError, _NoLines):
            continue
    raise UserError(
        f"{'.'.join(path)} cannot be edited without the loss of a comment, so nothing was written; "
        "edit it by hand, and apply"
    )


def _rewritten(text: str, path: Steps, change: Callable[[Any], None]) -> str:
    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = _WIDE
    yaml.indent(mapping=2, sequence=4, offset=2)
    document = yaml.load(text)
    change(document)
    out = io.StringIO()
    yaml.dump(document, out)
    # It drops empty lines at the start.
    first = text[: len(text) - len(text.lstrip("\r\n"))]
    result = first + out.getvalue().lstrip("\r\n")
    if "\r\n" in text:
        result = re.sub(r"\r*\n", "\r\n", result)
    if _comments(text) - _comments(_own(text, path)) - _comments(result):
        raise _NoLines
    return result


def _comments(text: str) -> Counter[str]:
    return Counter(each.rstrip() for each in _COMMENT.findall(text))


def _own(text: str, path: Steps) -> str:
    """The lines of the entry at `path`, and the comment right above it; nothing where it is new."""
    entry = _entry(_mapping(text, path[:-1]), path[-1])
    if entry is None:
        return ""
    start = _start_with_comment(text, entry[0])
    return text[start : _line_end(text, _content_end(entry[1]))]


class _NoLines(Exception):
    """The text is written in a way that no line can be edited by itself."""


def _at(document: Any, path: Steps) -> Any:
    for step in path:
        document = document[step]
    return document


def _put(text: str, path: Steps, value: Any) -> str:
    mapping = _mapping(text, path[:-1])
    entry = _entry(mapping, path[-1])
    newline = "\r\n" if "\r\n" in text else "\n"
    if entry is None:
        if not mapping.value:
            raise _NoLines
        if mapping.flow_style:
            end = _content_end(mapping.value[-1][1])
            return f"{text[:end]}, {_flow(path[-1])}: {_flow(value)}{text[end:]}"
        column = mapping.value[0][0].start_mark.column
        lines = _lines({path[-1]: value}, column)
        end = _line_end(text, _content_end(mapping))
        before = text[:end] if text[:end].endswith("\n") else text[:end] + newline
        gap = newline if _spaced(text, mapping) else ""
        return before + gap + "".join(line + newline for line in lines) + text[end:]
    key, old = entry
    if isinstance(old, SequenceNode) and isinstance(value, list) and old.value:
        return _put_list(text, old, _at(read(text), path), value, newline)
    if not isinstance(old, MappingNode | SequenceNode) or old.flow_style:
        if isinstance(value, dict) or (isinstance(old, ScalarNode) and old.style in ("|", ">")):
            raise _NoLines
        return text[: old.start_mark.index] + _flow(value) + text[old.end_mark.index :]
    start = _line_start(text, key.start_mark.index)
    end = _line_end(text, _content_end(old))
    lines = _lines({path[-1]: value}, key.start_mark.column)
    return text[:start] + "".join(line + newline for line in lines) + text[end:]


def _put_list(text: str, old: SequenceNode, said: list[Any], value: list[Any], newline: str) -> str:
    kept: list[int] = []
    position = 0
    for number, each in enumerate(said):
        if position < len(value) and value[position] == each:
            kept.append(number)
            position += 1
    new = value[position:]
    if old.flow_style and set("#\r\n").intersection(
        text[old.start_mark.index : old.end_mark.index]
    ):
        return _put_flow(text, old.value, kept, new)
    if old.flow_style:
        slices = [text[n.start_mark.index : n.end_mark.index] for n in old.value]
        shown = ", ".join([*(slices[number] for number in kept), *map(_flow, new)])
        return text[: old.start_mark.index] + f"[{shown}]" + text[old.end_mark.index :]
    if not value:
        raise _NoLines
    column = text[_line_start(text, old.value[0].start_mark.index) :].index("-")
    end = _line_end(text, _content_end(old))
    added = "".join(f"{' ' * column}- {_flow(each)}{newline}" for each in new)
    head = text[:end] if text[:end].endswith("\n") else text[:end] + newline
    result = head + added + text[end:] if added else text
    for number in reversed(range(len(said))):
        if number not in kept:
            node = old.value[number]
            start = _line_start(text, node.start_mark.index)
            stop = _line_end(text, _content_end(node))
            result = result[:start] + result[stop:]
    return result


def _put_flow(text: str, nodes: list[Node], kept: list[int], new: list[Any]) -> str:
    """A list in brackets over several lines, whose comments stay; those behind what goes, go."""
    if not kept and not new:
        raise _NoLines
    added, last = ", ".join(map(_flow, new)), len(nodes) - 1
    # From behind, so that what is edited moves nothing that is still to be.
    for number in range(last, -1, -1):
        start, stop = nodes[number].start_mark.index, nodes[number].end_mark.index
        shown = ""
        if number == last and added:
            shown = f"{text[start:stop]}, {added}" if number in kept else added
        elif number in kept:
            continue
        elif number == last:
            behind = re.compile(r"[ \t]*,").match(text, stop)
            stop = behind.end() if behind else stop
        else:
            stop = nodes[number + 1].start_mark.index
        text = text[:start] + shown + text[stop:]
    return text


def _remove(text: str, path: Steps) -> str:
    mapping = _mapping(text, path[:-1])
    entry = _entry(mapping, path[-1])
    if entry is None:
        raise _NoLines
    key, old = entry
    if mapping.flow_style:
        return _remove_flow(text, mapping, mapping.value.index(entry))
    start = _start_with_comment(text, key)
    end = _line_end(text, _content_end(old))
    # Of the empty lines around it one stays.
    if _blank_line_before(text, start) and (end >= len(text) or _blank_line_at(text, end)):
        start = _line_start(text, start - 1)
    return text[:start] + text[end:]


def _remove_flow(text: str, mapping: MappingNode, number: int) -> str:
    """An entry leaves a mapping in braces; of the commas around it one goes along."""
    key, old = mapping.value[number]
    start, end = key.start_mark.index, _content_end(old)
    before = _content_end(mapping.value[number - 1][1]) if number else start
    if number and not text[before:start].replace(",", "", 1).strip():
        return text[:before] + text[end:]
    behind = re.compile(r"[ \t]*,[ \t]*").match(text, end)
    return text[:start] + text[behind.end() if behind else end :]


def _start_with_comment(text: str, key: Node) -> int:
    """Where the line of a key starts, or the comment right above it."""
    start = _line_start(text, key.start_mark.index)
    indent = " " * key.start_mark.column
    while start:
        above = text[_line_start(text, start - 1) : start]
        if not above.startswith(f"{indent}#"):
            break
        start -= len(above)
    return start


class _WithAliases(Composer):
    """An alias is a node where it stands, and not what it repeats."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if not self.parser.check_event(AliasEvent):
            return super().compose_node(parent, index)
        alias = self.parser.get_event()
        return ScalarNode("", f"*{alias.anchor}", alias.start_mark, alias.end_mark)


def _mapping(text: str, path: Steps) -> MappingNode:
    yaml = YAML(typ="rt")
    yaml.Composer = _WithAliases
    try:
        node: Node | None = yaml.compose(text)
    except YAMLError as error:
        raise _NoLines from error
    for step in path:
        entry = _entry(node, step) if isinstance(node, MappingNode) else None
        node = None if entry is None else entry[1]
    if not isinstance(node, MappingNode):
        raise _NoLines
    return node


def _entry(mapping: MappingNode, name: str) -> tuple[Node, Node] | None:
    return next(((key, value) for key, value in mapping.value if key.value == name), None)


def _content_end(node: Node) -> int:
    """Where a node's text ends; what a parser calls its end is where the next begins."""
    if not isinstance(node, MappingNode | SequenceNode) or node.flow_style or not node.value:
        return int(node.end_mark.index)
    last = node.value[-1]
    return _content_end(last[1] if isinstance(node, MappingNode) else last)


def _line_start(text: str, index: int) -> int:
    return text.rfind("\n", 0, index) + 1


def _line_end(text: str, index: int) -> int:
    """Behind the line that has the last character before `index`."""
    found = text.find("\n", max(index - 1, 0))
    return len(text) if found < 0 else found + 1


def _blank_line_before(text: str, index: int) -> bool:
    return index > 0 and not text[_line_start(text, index - 1) : index].strip()


def _blank_line_at(text: str, index: int) -> bool:
    return not text[index : _line_end(text, index + 1)].strip()


def _spaced(text: str, mapping: MappingNode) -> bool:
    """Whether an empty line is between the last two entries."""
    if len(mapping.value) < 2:
        return False
    start = _line_start(text, mapping.value[-1][0].start_mark.index)
    while start and text[_line_start(text, start - 1) : start].lstrip().startswith("#"):
        start = _line_start(text, start - 1)
    return _blank_line_before(text, start)


def _lines(value: Mapping[str, Any], column: int) -> list[str]:
    """A mapping as lines of this file's style: what has no mapping within is on one."""
    lines: list[str] = []
    indent = " " * column
    for key, each in value.items():
        name = _flow(key)
        if isinstance(each, Mapping) and each and column < 4:
            lines += [f"{indent}{name}:", *_lines(each, column + 2)]
        elif isinstance(each, list) and any(isinstance(item, Mapping) for item in each):
            lines.append(f"{indent}{name}:")
            lines += [f"{indent}  - {_flow(item)}" for item in each]
        else:
            lines.append(f"{indent}{name}: {_flow(each)}")
    return lines


def _flow(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, Mapping):
        if not value:
            return "{}"
        return "{ " + ", ".join(f"{_flow(k)}: {_flow(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, str) and _PLAIN.match(value) and value not in _WORDS:
        return value
    # Of JSON every scalar is one of YAML.
    return json.dumps(value, ensure_ascii=False)
