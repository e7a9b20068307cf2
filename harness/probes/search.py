"""Looks for canaries in whatever an account keeps, read in full and searched here.

Filter patterns of services are not used: emulators ignore some of them, and a canary may stand
inside JSON, escaped or base64.
"""

from __future__ import annotations

import base64
import functools
import json
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Place:
    """An account and a Region, with the name that people know the account by."""

    account: str
    region: str
    owner: str

    def __str__(self) -> str:
        return f"{self.owner} ({self.account}, {self.region})"


_START = 6


@dataclass(frozen=True, slots=True)
class Finding:
    """A canary seen somewhere. What stood around it is not kept."""

    canary: str
    place: Place
    shelf: str
    """What kind of thing it lay in, such as `log groups`."""
    where: str
    """Which one: the name of a log group, a bucket, an event. Empty where the name tells
    content."""

    def __str__(self) -> str:
        return f"{self.where or self.shelf} of {self.place}"


@functools.lru_cache(maxsize=4096)
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


def find(
    texts: Iterable[tuple[str, str]], canaries: Iterable[str], place: Place, shelf: str
) -> list[Finding]:
    """Which canaries stand in `texts`, pairs of where something lies and what it says.

    The place's own name is searched with it, and then not told.
    """
    wanted = {canary: spellings(canary) for canary in canaries}
    # Canaries begin alike, so a few beginnings tell at once that a text has none of them.
    starts = {form[:_START] for forms in wanted.values() for form in forms}
    found: set[Finding] = set()
    for where, text in texts:
        if not any(start in text or start in where for start in starts):
            continue
        for canary, forms in wanted.items():
            if any(form in where for form in forms):
                found.add(Finding(canary, place, shelf, ""))
            elif any(form in text for form in forms):
                found.add(Finding(canary, place, shelf, where))
    return sorted(found, key=lambda finding: (finding.where, finding.canary))
