"""Watches every shelf of every account in a Region for canaries.

Absence proves something only where a canary would have been seen. So a marker is planted on each
shelf after the canaries were sent, and a shelf counts as searched once its marker was found there.
Services that deliver late (on AWS, invocation logs within minutes) are outside of that bound.
"""

from __future__ import annotations

import functools
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass

from harness.probes.cast import Cast
from harness.probes.search import Finding, Place, find
from harness.probes.shelves import SHELVES, Access, Shelf

PATIENCE = 30.0
"""Seconds until a marker must be readable: CloudWatch is eventually consistent."""
_MARGIN = 5_000
"""Milliseconds before the canaries were made from which on things are read: the services' clocks
differ a little among themselves."""


def canary(kind: str) -> str:
    """A string that nobody else writes."""
    return f"canary-{kind}-{secrets.token_hex(12)}"


@dataclass(frozen=True, slots=True)
class Spot:
    """One shelf of one place."""

    place: Place
    shelf: Shelf

    def __str__(self) -> str:
        return f"{self.shelf.name} of {self.place}"


@dataclass(frozen=True, slots=True)
class Sighting:
    """What a search saw, and where it was blind."""

    findings: tuple[Finding, ...]
    searched: tuple[Spot, ...]
    blind: tuple[Spot, ...]
    """Spots whose marker was not found: nothing is known of them."""

    @property
    def places(self) -> tuple[str, ...]:
        """Where was looked, a line for each account and Region with the kinds of things there."""
        shelves: dict[Place, list[str]] = {}
        for spot in self.searched:
            shelves.setdefault(spot.place, []).append(spot.shelf.name)
        return tuple(f"{place}: {', '.join(names)}" for place, names in shelves.items())

    def of(self, canary: str) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.canary == canary)


class Lookout:
    """Plants markers and searches. What it makes in each place is removed with the cast."""

    def __init__(self, cast: Cast, region: str) -> None:
        self._cast = cast
        self._name = cast.helper_name("markers")
        self._spots = [
            Spot(place, shelf)
            for place in cast.stage.places
            if place.region == region
            for shelf in SHELVES
        ]
        for spot in self._spots:
            remove = spot.shelf.prepare(self._access(spot.place))
            if remove is not None:
                cast.on_close(remove)

    def search(self, canaries: Iterable[str], *, since: int) -> Sighting:
        """Search everything for the canaries, which were made at `since` (milliseconds) or later by
        the services' clock, see `Cast.now`.

        Raises botocore's `ClientError` when something cannot be read.
        """
        wanted = tuple(canaries)
        marker = canary("marker")
        for spot in self._spots:
            spot.shelf.plant(self._access(spot.place), marker)
        found: dict[Spot, list[Finding]] = {}
        blind = list(self._spots)
        deadline = time.monotonic() + PATIENCE
        while blind:
            for spot in tuple(blind):
                place = spot.place
                texts = spot.shelf.texts(self._access(place), since - _MARGIN)
                found[spot] = find(texts, (marker, *wanted), place, spot.shelf.name)
                if any(finding.canary == marker for finding in found[spot]):
                    blind.remove(spot)
            if time.monotonic() > deadline:
                break
        return Sighting(
            findings=tuple(f for seen in found.values() for f in seen if f.canary != marker),
            searched=tuple(spot for spot in self._spots if spot not in blind),
            blind=tuple(blind),
        )

    def _access(self, place: Place) -> Access:
        administrator = self._cast.administrator(place.account)
        client = functools.partial(self._cast.client, administrator, region=place.region)
        return Access(client, place, self._name)
