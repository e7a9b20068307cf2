"""Canaries are found however a log writes them."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote

import pytest

from harness.probes.search import Place, search, spellings

CANARY = 'canary "1/ä" 0f3a'
PLACE = Place("111111111111", "eu-central-1", "operations")


@pytest.mark.parametrize(
    "text",
    [
        f"before {CANARY} after",
        json.dumps({"inputText": CANARY}),
        f"?q={quote(CANARY, safe='')}&x",
        *(base64.b64encode(b"x" * n + CANARY.encode() + b"tail").decode() for n in range(6)),
        *(base64.b64encode(b"x" * n + CANARY.encode()).decode() for n in range(3)),
    ],
)
def test_every_spelling_is_seen(text: str) -> None:
    assert any(form in text for form in spellings(CANARY))


def test_a_part_of_a_canary_is_not_a_canary() -> None:
    assert not any(form in CANARY[:-3] for form in spellings(CANARY))
    assert min(map(len, spellings(CANARY))) > len(CANARY) // 2


class Logs:
    """Two pages of groups, two of events."""

    def get_paginator(self, operation: str) -> Any:
        pages = {
            "describe_log_groups": [
                {"logGroups": [{"logGroupName": "/a"}]},
                {"logGroups": [{"logGroupName": f"/{CANARY}-name"}, {"logGroupName": "/c"}]},
            ],
            "filter_log_events": [
                {"events": [{"message": "nothing", "logStreamName": "s"}]},
                {"events": [{"message": f"x{CANARY}", "logStreamName": "s"}]},
            ],
        }

        class Paginator:
            def paginate(self, **request: Any) -> list[dict[str, Any]]:
                if operation == "filter_log_events" and request["logGroupName"] != "/c":
                    return pages[operation][:1]
                return pages[operation]

        return Paginator()


def test_all_pages_and_all_names_are_searched() -> None:
    logs: Any = Logs()
    found = search(logs, PLACE, [CANARY, "another"], since=0)
    assert {f.group for f in found} == {"/c", f"/{CANARY}-name"}
    assert {f.canary for f in found} == {CANARY}
