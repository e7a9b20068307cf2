"""Account policies that say how long log groups keep events, whatever the groups say themselves.

They act a day after they were put, and an earlier version until then. moto keeps all events; what
changes is what a group tells of itself, and that is what shows whose word counts.
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutAccountPolicy.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from harness.cloud.observability.played import invalid
from harness.cloud.observability.settings import AccountPolicy

TYPE: Final = "RETENTION_POLICY"
FOREVER: Final = "NEVER_EXPIRE"
_DELAY_MS: Final = 24 * 60 * 60 * 1000
_DAYS: Final = frozenset(
    {
        *(30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096),
        *(1827, 2192, 2557, 2922, 3288, 3653),
    }
)
_MODES: Final = frozenset({"NEW_ONLY", "RETROACTIVE"})
# AWS names the filter and shows no example of a retention policy's: both forms are taken.
_PREFIX: Final = re.compile(
    r'\s*LogGroupNamePrefix\s*(?:=\s*("[^"]*")|IN\s*(\[.*\]))\s*', re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Retention:
    """What a policy says: `days` or `FOREVER`, and for which groups."""

    days: int | str
    new_only: bool
    prefixes: tuple[str, ...]
    """Empty: all groups."""

    @property
    def length(self) -> float:
        """To compare by: the longest wins."""
        return float("inf") if isinstance(self.days, str) else self.days


def read(text: str, selection: str) -> Retention:
    """What a policy's document and selection say. Raises `ApiError` for one that AWS refuses."""
    try:
        document: Any = json.loads(text)
    except ValueError:
        document = None
    if not isinstance(document, dict) or set(document) != {"retentionInDays", "enforcementMode"}:
        raise invalid("A retention policy has retentionInDays and enforcementMode.")
    days, mode = document["retentionInDays"], document["enforcementMode"]
    if days != FOREVER and (isinstance(days, bool) or days not in _DAYS):
        raise invalid("The retentionInDays of a retention policy is not one of the valid values.")
    if mode not in _MODES:
        raise invalid("The enforcementMode is not NEW_ONLY or RETROACTIVE.")
    return Retention(days, mode == "NEW_ONLY", _prefixes(selection))


def _prefixes(selection: str) -> tuple[str, ...]:
    if not selection:
        return ()
    found = _PREFIX.fullmatch(selection)
    try:
        names = json.loads(found[1] or found[2]) if found is not None else None
    except ValueError:
        names = None
    if isinstance(names, str):
        names = [names]
    if not isinstance(names, list) or not names:
        raise invalid('The selectionCriteria must be LogGroupNamePrefix = "PREFIX".')
    return tuple(map(str, names))


def told(
    policies: Sequence[AccountPolicy], name: str, created_ms: int, now_ms: int
) -> Mapping[str, Any] | None:
    """The members of a group's description that the account's policies change; None: none does.

    `retentionInDays` is None where events never expire.
    """
    best: tuple[AccountPolicy, Retention] | None = None
    for each in policies:
        policy = in_force(each, now_ms)
        if policy is None:
            continue
        said = read(policy.document.text, policy.selection)
        if said.new_only and created_ms < policy.created:
            continue
        if said.prefixes and not name.startswith(said.prefixes):
            continue
        if best is None or said.length > best[1].length:
            best = policy, said
    if best is None:
        return None
    policy, said = best
    days = None if isinstance(said.days, str) else said.days
    return {"retentionInDays": days, "retentionPolicyName": policy.name}


def in_force(policy: AccountPolicy | None, now_ms: int) -> AccountPolicy | None:
    """The version of a policy that acts now."""
    while policy is not None and now_ms < policy.document.updated + _DELAY_MS:
        policy = policy.before
    return policy
