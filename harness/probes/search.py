"""Looks for canaries in every log group that an account can read.

Filter patterns are not used: emulators ignore some of them, and a canary may stand inside JSON,
escaped or base64. Everything that was written since the canary was made is read and searched here.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient


@dataclass(frozen=True, slots=True)
class Place:
    """An account and a Region, with the name that people know the account by."""

    account: str
    region: str
    owner: str

    def __str__(self) -> str:
        return f"{self.owner} ({self.account}, {self.region})"


@dataclass(frozen=True, slots=True)
class Finding:
    """A canary seen in a log group. What stood around it is not kept."""

    canary: str
    place: Place
    group: str

    def __str__(self) -> str:
        return f"{self.group} of {self.place}"


def spellings(canary: str) -> tuple[str, ...]:
    """The canary as it may stand in a log: plain, JSON- and URL-escaped, and the part of it that
    stays the same in base64 for each of the three alignments."""
    found = {canary, json.dumps(canary)[1:-1], quote(canary, safe="")}
    raw = canary.encode()
    for offset in range(3):
        # Cut what mixes with unknown neighbors at both ends.
        encoded = base64.b64encode(b"\0" * offset + raw).decode().rstrip("=")
        start, end = (4 if offset else 0), len(encoded) - len(encoded) % 4
        if (offset + len(raw)) % 3:
            end = min(end, (offset + len(raw)) // 3 * 4)
        found.add(encoded[start:end])
    return tuple(sorted(found))


def search(
    logs: CloudWatchLogsClient, place: Place, canaries: Iterable[str], *, since: int
) -> list[Finding]:
    """Every log group of one account and Region in which one of `canaries` stands.

    `since` is in milliseconds since 1970. Names of groups and streams are searched too. Raises
    botocore's `ClientError` when something cannot be read: what was not read was not searched.
    """
    wanted = {canary: spellings(canary) for canary in canaries}
    found: set[Finding] = set()
    for group in group_names(logs):
        for text in (group, *_texts(logs, group, since)):
            found.update(
                Finding(canary, place, group)
                for canary, forms in wanted.items()
                if any(form in text for form in forms)
            )
    return sorted(found, key=lambda finding: (finding.group, finding.canary))


def group_names(logs: CloudWatchLogsClient) -> Iterator[str]:
    """The names of all log groups of the client's account and Region."""
    for page in logs.get_paginator("describe_log_groups").paginate():
        for group in page["logGroups"]:
            yield group["logGroupName"]


def by_canary(findings: Iterable[Finding]) -> Mapping[str, list[Finding]]:
    """The findings of each canary."""
    sorted_out: dict[str, list[Finding]] = {}
    for finding in findings:
        sorted_out.setdefault(finding.canary, []).append(finding)
    return sorted_out


def _texts(logs: CloudWatchLogsClient, group: str, since: int) -> Iterator[str]:
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=since)
    for page in pages:
        for event in page["events"]:
            yield event.get("message", "")
            yield event.get("logStreamName", "")
