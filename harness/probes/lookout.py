"""Watches every log group of every account in every Region for canaries.

Absence proves something only where a canary would have been seen. So a marker is planted in each
place after the canaries were sent, and a place counts as searched once its marker was found there.
Services that deliver late (on AWS, invocation logs within minutes) are outside of that bound.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from harness.probes.cast import Cast
from harness.probes.search import Finding, Place, search

PATIENCE = 30.0
"""Seconds until a marker must be readable: CloudWatch Logs is eventually consistent."""
_STREAM = "markers"
_MARGIN = 600_000
"""Milliseconds before the canaries were made from which on events are read; clocks differ."""


def canary(kind: str) -> str:
    """A string that nobody else writes."""
    return f"canary-{kind}-{secrets.token_hex(12)}"


@dataclass(frozen=True, slots=True)
class Sighting:
    """What a search saw, and where it was blind."""

    findings: tuple[Finding, ...]
    searched: tuple[Place, ...]
    blind: tuple[Place, ...]
    """Places whose marker was not found: nothing is known of them."""

    def of(self, canary: str) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.canary == canary)


class Lookout:
    """Plants markers and searches. Creates one log group in each place, removed with the cast."""

    def __init__(self, cast: Cast) -> None:
        self._cast = cast
        self._group = f"/bulkhead-probe/{cast.helper_name('markers')}"
        for place in cast.stage.places:
            self._prepare(place)

    def search(self, canaries: Iterable[str], *, since: int) -> Sighting:
        """Search all places for the canaries, which were made at `since` (milliseconds).

        Raises botocore's `ClientError` when a place cannot be read.
        """
        wanted = tuple(canaries)
        marker = canary("marker")
        for place in self._cast.stage.places:
            self._plant(place, marker)
        found: dict[Place, list[Finding]] = {}
        blind = list(self._cast.stage.places)
        deadline = time.monotonic() + PATIENCE
        while blind:
            for place in tuple(blind):
                seen = search(self._logs(place), place, (marker, *wanted), since=since - _MARGIN)
                found[place] = seen
                if any(finding.canary == marker for finding in seen):
                    blind.remove(place)
            if time.monotonic() > deadline:
                break
        return Sighting(
            findings=tuple(f for seen in found.values() for f in seen if f.canary != marker),
            searched=tuple(place for place in self._cast.stage.places if place not in blind),
            blind=tuple(blind),
        )

    def _logs(self, place: Place) -> Any:
        return self._cast.client(self._cast.administrator(place.account), "logs", place.region)

    def _prepare(self, place: Place) -> None:
        logs = self._logs(place)
        logs.create_log_group(logGroupName=self._group)
        self._cast.on_close(lambda: logs.delete_log_group(logGroupName=self._group))
        logs.create_log_stream(logGroupName=self._group, logStreamName=_STREAM)

    def _plant(self, place: Place, marker: str) -> None:
        event = {"timestamp": int(time.time() * 1000), "message": marker}
        self._logs(place).put_log_events(
            logGroupName=self._group, logStreamName=_STREAM, logEvents=[event]
        )
