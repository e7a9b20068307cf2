"""Canaries are found however a log writes them."""

from __future__ import annotations

import base64
import gzip
import io
import json
from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import quote

import pytest
from botocore.exceptions import ClientError

from harness.probes import shelves
from harness.probes.search import Place, find, spellings
from harness.probes.shelves import Access, LogGroups

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
    texts = LogGroups().texts(Access(lambda _: Logs(), PLACE, "x"), 0)
    found = find(texts, [CANARY, "another"], PLACE, "log groups")
    # A name that tells content is not repeated.
    assert {f.where for f in found} == {"/c", ""}
    assert {f.canary for f in found} == {CANARY}


class Buckets:
    """One bucket of the Region, one of another, and one that goes away."""

    objects: ClassVar[dict[str, bytes]] = {
        "plain": CANARY.encode(),
        "packed": gzip.compress(json.dumps({"x": CANARY}).encode()),
        "broken": b"\x1f\x8b no gzip",
    }

    def list_buckets(self) -> Any:
        return {"Buckets": [{"Name": n} for n in ("gone", "elsewhere", "here")]}

    def get_bucket_location(self, Bucket: str) -> Any:
        if Bucket == "gone":
            raise ClientError({"Error": {"Code": "NoSuchBucket"}}, "GetBucketLocation")
        place = {"here": PLACE.region, "elsewhere": None}
        return {"LocationConstraint": place[Bucket]}

    def get_paginator(self, _: str) -> Any:
        class Paginator:
            def paginate(self, **_: Any) -> Any:
                when = datetime.now(UTC)
                yield {"Contents": [{"Key": k, "LastModified": when} for k in Buckets.objects]}

        return Paginator()

    def get_object(self, Bucket: str, Key: str) -> Any:
        assert Bucket == "here"
        return {"Body": io.BytesIO(self.objects[Key])}


def test_objects_are_unpacked() -> None:
    access = Access(lambda _: Buckets(), PLACE, "x")
    seen = [text for _, text in shelves.Buckets().texts(access, 0)]
    assert [CANARY in text for text in seen][:1] == [True]
    assert [len(find([("here", t)], [CANARY], PLACE, "buckets")) for t in seen] == [1, 1, 0]
