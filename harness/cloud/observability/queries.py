"""What queries found, the fields of a group and of one event.

moto ends in a crash for an unknown query, and lacks the other two.
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogGroupFields.html
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from moto.logs.models import logs_backends

from harness.cloud.call import Call
from harness.cloud.ingestion import group_ref
from harness.cloud.log_masking import raw_text, visible_text
from harness.cloud.log_pointers import read_pointer
from harness.cloud.observability.event_fields import fields_of
from harness.cloud.observability.played import invalid, named_group, not_found, stored_group
from harness.cloud.observability.query_columns import check_commands

LANGUAGE = "CWLI"


def check_query(call: Call) -> None:
    """Raise `ApiError` (InvalidParameterException) for a query that is not played.

    That is one in another language, or with a command that would have no effect.

    https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_StartQuery.html
    """
    language = call.params.get("queryLanguage")
    if language not in (None, "", LANGUAGE):
        raise invalid(f"The embedded cloud does not provide queries in {language}.")
    check_commands(str(call.params.get("queryString") or ""))


def results(call: Call) -> Mapping[str, Any]:
    """GetQueryResults, of the caller's account and Region alone."""
    queries: Any = logs_backends[call.account][call.region].queries
    query = queries.get(str(call.params["queryId"]))
    if query is None:
        raise not_found("query")
    told: Mapping[str, Any] = query.to_result_json()
    return told


def group_fields(call: Call) -> Mapping[str, Any]:
    """GetLogGroupFields: how many in a hundred events have which field."""
    group = stored_group(named_group(call))
    events = list(_events(group))
    counted = Counter(
        name
        for stream, event in events
        for name in fields_of(event, visible_text(event), stream, group)
    )
    found = [
        {"name": name, "percent": round(100 * count / len(events))}
        for name, count in counted.most_common()
    ]
    return {"logGroupFields": found}


def record(call: Call) -> Mapping[str, Any]:
    """GetLogRecord: all fields of the event that a query's `@ptr` leads to."""
    pointer = read_pointer(call.params["logRecordPointer"])
    if pointer is None:
        raise invalid("The specified log record pointer is invalid.")
    group = stored_group(group_ref(pointer.account, pointer.region, pointer.group))
    for stream, event in _events(group):
        if event.event_id == pointer.event:
            text = raw_text(event) if call.params.get("unmask") else visible_text(event)
            fields = fields_of(event, text, stream, group)
            return {"logRecord": {name: str(value) for name, value in fields.items()}}
    raise not_found("log record")


def _events(group: Any) -> Iterator[tuple[str, Any]]:
    for name, stream in list(group.streams.items()):
        for event in list(stream.events):
            yield name, event
