"""Remembers which permissions each principal asked for: what least privilege is measured against.

Each permission is kept once per principal and resource, with the request as it was first decided,
so that it can be decided again under another policy. Keeping one costs a look into a dictionary.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from threading import Lock
from typing import Any, Final

from harness.iam import Decision, Principal, Request

LIMIT: Final = 50_000
"""Permissions that are remembered; later ones are not."""
_SECRET_KEYS: Final = frozenset({"sts:externalid"})
_PRINCIPAL: Final = tuple(field.name for field in fields(Principal))


class Asked:
    """The permissions that were asked for and given, by principal. Thread-safe."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._kept: dict[tuple[str, str, str], Request] = {}
        self._lock = Lock()

    def keep(self, decision: Decision) -> None:
        """Remember an allowed request. Refused ones say nothing of what is needed."""
        request = decision.request
        key = (request.principal.principal_arn, request.action, request.resource)
        if key in self._kept or not decision.allowed:
            return
        with self._lock:
            if len(self._kept) < self._limit:
                self._kept[key] = request

    def by(self, principal: str) -> list[dict[str, Any]]:
        """What a principal (the ARN of its user or role) was allowed, as JSON data for `requests`.

        External ids are left out.
        """
        with self._lock:
            kept = [request for key, request in self._kept.items() if key[0] == principal]
        return [
            {
                "principal": {name: getattr(request.principal, name) for name in _PRINCIPAL},
                "action": request.action,
                "resource": request.resource,
                "resource_account": request.resource_account,
                "context": {
                    key: value if isinstance(value, str) else list(value)
                    for key, value in request.context.items()
                    if key.lower() not in _SECRET_KEYS
                },
            }
            for request in kept
        ]


def requests(told: Iterable[Mapping[str, Any]]) -> list[Request]:
    """What `Asked.by` told, as requests that can be decided again."""
    return [
        Request(
            Principal(**each["principal"]),
            each["action"],
            each["resource"],
            each["resource_account"],
            {
                key: value if isinstance(value, str) else tuple(value)
                for key, value in each["context"].items()
            },
        )
        for each in told
    ]
