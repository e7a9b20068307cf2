"""Queries of linked groups say what the source's data protection leaves visible."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from moto.logs.models import logs_backends

from harness.cloud.call import ApiError, Call, Caller
from harness.cloud.ingestion import Ingestion, group_ref
from harness.cloud.log_masking import adapt_masking
from harness.cloud.observability.query_columns import adapt_queries
from harness.cloud.trails.linked_logs import LinkedLogs
from harness.cloud.trails.links import LOG_GROUP, Link, Links, Sink

SOURCE, MONITORING, REGION = "121212121212", "343434343434", "eu-central-1"
GROUP = group_ref(SOURCE, REGION, "/app")
READER = Caller("user", MONITORING, "arn", "arn", "AIDAANN")


@pytest.fixture
def links() -> Iterator[Links]:
    adapt_masking()
    adapt_queries()
    backend: Any = logs_backends[SOURCE][REGION]
    backend.create_log_group(GROUP.name, {})
    backend.create_log_stream(GROUP.name, "s")
    ingestion = Ingestion()
    ingestion.mask = lambda _, message: message.replace("secret", "******")
    event = {"timestamp": int(time.time() * 1000), "message": "a secret"}
    ingestion.put(GROUP, "s", [event])
    links, sink = Links(), Sink(MONITORING, REGION, "1", "sink")
    links.sinks[(MONITORING, REGION)] = sink
    everything = {"groups": lambda _: True, "namespaces": lambda _: True}
    link = Link(SOURCE, REGION, "1", sink, "l", "l", (LOG_GROUP,), {}, **everything)
    links.links[link.arn] = link
    yield links
    backend.delete_log_group(GROUP.name)


def messages(links: Links, query: str) -> list[str]:
    params = {
        "logGroupIdentifiers": [GROUP.arn],
        "queryString": query,
        "startTime": 1,
        "endTime": 4_000_000_000,
    }
    answer = LinkedLogs(links).answer(Call("logs", "StartQuery", REGION, params, READER))
    assert answer is not None
    backend: Any = logs_backends[MONITORING][REGION]
    rows = backend.queries[answer.members["queryId"]].results
    return [text for row in rows for name, text in row.items() if name != "@ptr"]


def test_a_query_shows_masked_text_unless_it_unmasks(links: Links) -> None:
    assert messages(links, "fields @message") == ["a ******"]
    assert messages(links, "fields @message | display unmask(@message)") == ["a secret"]


def test_a_query_of_a_group_that_is_not_linked_finds_none(links: Links) -> None:
    links.links.clear()
    with pytest.raises(ApiError, match="ResourceNotFound"):
        messages(links, "fields @message")
