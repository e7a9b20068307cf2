"""Makes a case on which the engines differ as small as it stays one."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from scripts.peers.compare import Difference, both
from scripts.peers.node import Peer


def shrunk(difference: Difference, peer: Peer) -> dict[str, Any]:
    """The case with everything left out that the difference, ours against the peer's, can spare."""
    data = copy.deepcopy(difference.data)
    while True:
        for smaller, _, ours, answer in both(list(_smaller(data)), peer):
            if ours == difference.ours and answer.get("result") == difference.peer:
                data = smaller
                break
        else:
            return data


def _smaller(data: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The case without one of its parts, larger parts first."""
    for path in sorted(_paths(data, ()), key=len):
        smaller = copy.deepcopy(data)
        holder: Any = smaller
        for step in path[:-1]:
            holder = holder[step]
        del holder[path[-1]]
        yield smaller


def _paths(part: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    """Where something stands that a case may be without."""
    if isinstance(part, list):
        for index, each in enumerate(part):
            if len(part) > 1 or path[-1] in ("identityPolicies", "scps", "rcps"):
                yield (*path, index)
            yield from _paths(each, (*path, index))
    elif isinstance(part, dict):
        for key, value in part.items():
            if _optional(key, path):
                yield (*path, key)
            yield from _paths(value, (*path, key))


def _optional(key: str, path: tuple[Any, ...]) -> bool:
    if not path:
        return key not in ("id", "request", "resourcePolicy")
    return key == "Condition" or path[-1] == "context" or "Condition" in path
