"""The columns of a Logs Insights query: which fields, and which of them unmasked.

`unmask(@message)` shows what came in, in a column of that name; `@message` beside it stays masked.
moto knows four fields and no functions.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax-Unmask.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax-Display.html
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import moto.logs.logs_query as moto_queries

from harness.cloud.log_masking import raw_text, visible_text
from harness.cloud.log_pointers import Pointer
from harness.cloud.observability.event_fields import fields_of
from harness.cloud.observability.played import invalid

_COMMAND = re.compile(r"\s*(fields|display)\s+(.*)", re.IGNORECASE | re.DOTALL)
_COLUMN = re.compile(r"(.+?)(?:\s+as\s+(\S+))?", re.IGNORECASE | re.DOTALL)
_UNMASK = re.compile(r"unmask\s*\(\s*([^()]+?)\s*\)", re.IGNORECASE)
_PLAYED = re.compile(
    r"(?:(?:fields|display)\s+[^(]*|limit\s+\d+|sort\s+@timestamp(?:\s+(?:asc|desc))?)",
    re.IGNORECASE,
)
_KEPT = "bulkhead_columns"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its heading, the field in it, whether it is unmasked."""

    heading: str
    field: str
    unmasked: bool


def columns(query: str) -> tuple[Column, ...]:
    """The columns that a query asks for; those of its last `display`, where there is one."""
    found: list[Column] = []
    for command in query.split("|"):
        match = _COMMAND.fullmatch(command)
        if match is None:
            continue
        here = [_column(part.strip()) for part in match[2].split(",") if part.strip()]
        found = here if match[1].lower() == "display" else found + here
    return tuple(found)


def check_commands(query: str) -> None:
    """Raise `ApiError` (InvalidParameterException) for what moto passes over.

    A filter that does not filter, or a function without a value, would look like an answer.
    """
    for command in query.split("|"):
        plain = _UNMASK.sub("unmasked", command).strip()
        if plain and _PLAYED.fullmatch(plain) is None:
            raise invalid(
                "The embedded cloud plays queries of fields, display, limit and sort @timestamp, "
                "with no function but unmask."
            )


def _column(text: str) -> Column:
    match = _COLUMN.fullmatch(text)
    shown, heading = (match[1], match[2]) if match is not None else (text, None)
    unmask = _UNMASK.fullmatch(shown)
    field = unmask[1] if unmask is not None else shown
    name = heading or (f"unmask({field})" if unmask is not None else field)
    return Column(name, field, unmask is not None)


@functools.cache
def adapt_queries() -> None:
    """Make moto's rows have these columns. Once is enough."""
    module: Any = moto_queries
    parse: Any = module.parse_query

    def parse_query(query: str) -> Any:
        parsed = parse(query)
        setattr(parsed, _KEPT, columns(query))
        return parsed

    def row(self: Any) -> Mapping[str, Any]:
        asked: tuple[Column, ...] = getattr(self.query, _KEPT)
        visible, raw = _fields(self, visible_text(self.event)), None
        if any(column.unmasked for column in asked):
            raw = _fields(self, raw_text(self.event))
        group = self.log_group
        pointer = Pointer(group.account_id, group.region, group.name, self.event.event_id)
        cells: dict[str, Any] = {}
        for column in asked:
            source = raw if column.unmasked and raw is not None else visible
            if column.field in source:
                cells[column.heading] = source[column.field]
        return {"@ptr": pointer.text, **cells}

    module.parse_query = parse_query
    module.ParsedEvent._create_fields = row


def _fields(row: Any, message: str) -> Mapping[str, Any]:
    return fields_of(row.event, message, row.log_stream.log_stream_name, row.log_group)
