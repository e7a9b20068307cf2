"""Looks at a signed request before its first byte leaves: whose key, which service, which region.

What was signed with anything but SigV4 (a bearer token, nothing at all) does not leave.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from bulkhead.errors import RequestRefusedError

_SCOPE = re.compile(r"Credential=(?P<key>[^/]+)/[0-9]{8}/(?P<region>[^/]+)/(?P<service>[^/]+)/")

signed_by: ContextVar[str] = ContextVar("bulkhead_signed_by", default="")
"""The access key id of the last request that passed a gate in this thread or task."""


def scope_of(request: Any) -> tuple[str, str, str] | None:
    """Access key id, region and service that a request was signed with; None without SigV4."""
    header = request.headers.get("Authorization", b"")
    text = header.decode("ascii", "replace") if isinstance(header, bytes) else str(header)
    match = _SCOPE.search(text) if text.startswith("AWS4-") else None
    return (match["key"], match["region"], match["service"]) if match else None


class Gate:
    """A botocore `before-send` hook. `knows` says whether an access key id may sign."""

    def __init__(self, service: str, region: str, knows: Callable[[str], bool]) -> None:
        self._service = service
        self._region = region
        self._knows = knows

    def check(self, request: Any, **_: Any) -> None:
        """Raise RequestRefusedError unless a known key signed for this service and region."""
        scope = scope_of(request)
        if scope is None:
            raise RequestRefusedError(
                f"a {self._service} request was not signed with SigV4; it was not sent"
            )
        key, region, service = scope
        if not self._knows(key):
            raise RequestRefusedError(
                f"a {self._service} request was signed with another key than this session's; "
                "it was not sent"
            )
        if (service, region) != (self._service, self._region):
            raise RequestRefusedError(
                f"a {self._service} request was signed for {service} in {region}; it was not sent"
            )
        signed_by.set(key)
