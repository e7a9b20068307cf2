"""What queries lead to: results, fields of groups, single events."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support.cloud import A, B, Clients, allow, error_code, trust

from harness.cloud.log_pointers import Pointer
from harness.cloud.observability.query_columns import Column, columns


def queried(group: Any, query: str = "fields @message, level", **rest: Any) -> str:
    now = int(time.time())
    started = group.logs.start_query(
        logGroupName=group.name, startTime=now - 60, endTime=now + 60, queryString=query, **rest
    )
    return str(started["queryId"])


def rows(group: Any, query_id: str) -> list[dict[str, str]]:
    found = group.logs.get_query_results(queryId=query_id)["results"]
    return [{cell["field"]: cell["value"] for cell in row} for row in found]


def test_a_query_that_there_is_not_has_no_results(group: Any) -> None:
    source, other = group(A), group(B)
    source.put('{"level": "warn"}')
    query = queried(source)
    (row,) = rows(source, query)
    assert (row["level"], row["@message"]) == ("warn", '{"level": "warn"}')
    assert error_code(rows, source, "none") == "ResourceNotFoundException"
    assert error_code(rows, other, query) == "ResourceNotFoundException"


def test_the_fields_of_a_group(group: Any) -> None:
    source = group(A)
    source.put('{"level": "warn", "user": {"id": 1}}', '{"level": "info"}', "text", "text")

    def fields(name: str) -> dict[str, int]:
        told = source.logs.get_log_group_fields(logGroupName=name)["logGroupFields"]
        return {each["name"]: each["percent"] for each in told}

    found = fields(source.name)
    assert (found["@message"], found["level"], found["user.id"]) == (100, 50, 25)
    assert error_code(fields, f"{source.name}-none") == "ResourceNotFoundException"


def test_an_event_is_read_by_its_pointer(
    group: Any, clients: Clients, make_role: Callable[..., str]
) -> None:
    source, secret = group(A), group(A)
    source.put('{"level": "warn"}')
    secret.put("secret")
    (row,) = rows(source, queried(source))
    (hidden,) = rows(secret, queried(secret))
    may = allow("logs:GetLogRecord", f"{source.arn}:*")
    logs = clients(clients.assume(A, make_role(A, trust({"AWS": A}), may)), "logs")

    def read(pointer: str, **rest: Any) -> dict[str, str]:
        return dict(logs.get_log_record(logRecordPointer=pointer, **rest)["logRecord"])

    record = read(row["@ptr"])
    assert (record["level"], record["@logStream"]) == ("warn", "stream")
    with pytest.raises(ClientError, match="logs:GetLogRecord on resource: .*" + secret.name):
        read(hidden["@ptr"])
    with pytest.raises(ClientError, match="logs:Unmask"):
        read(row["@ptr"], unmask=True)
    assert error_code(read, "garbled") == "AccessDeniedException"
    none = Pointer(A, source.arn.split(":")[3], source.name, 10**9)
    assert error_code(read, none.text) == "ResourceNotFoundException"


def test_other_languages_are_refused_in_words(group: Any) -> None:
    source = group(A)
    assert queried(source, queryLanguage="CWLI")
    with pytest.raises(ClientError, match="does not provide queries in SQL"):
        queried(source, "SELECT * FROM logs", queryLanguage="SQL")


def test_columns_of_a_query() -> None:
    message = Column("@message", "@message", unmasked=False)
    assert columns("filter level = 'x'") == ()
    assert columns("fields @message | limit 2") == (message,)
    assert columns("FIELDS a.b | fields @message") == (
        Column("a.b", "a.b", unmasked=False),
        message,
    )
    assert columns("fields a, b | display Unmask(c) AS d") == (Column("d", "c", unmasked=True),)


@pytest.mark.parametrize(
    "query",
    [
        "fields @message | filter @message like /canary/",
        "parse @message 'a *' as b",
        "stats count(*) by level",
        "fields strlen(@message)",
        "fields concat(unmask(@message), 'x')",
        "fields @message | sort level",
        "fields @message | limit none",
        "dedup level",
        "x",
    ],
)
def test_a_query_that_would_have_no_effect_is_refused(group: Any, query: str) -> None:
    source = group(A)
    source.put("a canary")
    assert error_code(queried, source, query) == "InvalidParameterException"
    by_arn = {"logGroupIdentifiers": [source.arn]}
    now = int(time.time())
    asked = {"startTime": now - 60, "endTime": now + 60, "queryString": query}
    assert error_code(source.logs.start_query, **by_arn, **asked) == "InvalidParameterException"


@pytest.mark.parametrize(
    "query",
    [
        "fields @message, unmask(@message) as was | sort @timestamp desc | limit 5",
        "FIELDS @message| Display @message |Sort @timestamp",
    ],
)
def test_a_query_that_is_played_is_not(group: Any, query: str) -> None:
    source = group(A)
    source.put("a canary")
    (row,) = rows(source, queried(source, query))
    assert row["@message"] == "a canary"
