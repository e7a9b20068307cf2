"""Service-specific credentials of IAM users: for Bedrock, long-term API keys.

They are made, listed and removed. No call is signed with one: the gateway refuses bearer tokens.
https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateServiceSpecificCredential.html
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from harness.cloud.call import Answer, ApiError, Call
from harness.cloud.moto_estate import MotoEstate

_OPERATIONS: Final = frozenset(
    {
        "CreateServiceSpecificCredential",
        "DeleteServiceSpecificCredential",
        "ListServiceSpecificCredentials",
    }
)
_SERVICES: Final = frozenset({"bedrock.amazonaws.com"})
_MOST: Final = 2
"""Per user and service."""


class ServiceCredentials:
    """The credentials of all accounts. Thread-safe."""

    def __init__(self, estate: MotoEstate, clock: Callable[[], datetime]) -> None:
        self._estate = estate
        self._clock = clock
        self._lock = threading.Lock()
        self._of: dict[tuple[str, str], list[dict[str, Any]]] = {}

    def handles(self, service: str, operation: str) -> bool:
        """The operations that moto lacks."""
        return service == "iam" and operation in _OPERATIONS

    def answer(self, call: Call) -> Answer:
        """Raises `ApiError` (NoSuchEntity, NotSupportedService, LimitExceeded)."""
        name = str(call.params.get("UserName", ""))
        backend = self._estate.iam(call.account)
        if backend is None or name not in backend.users:
            raise ApiError("NoSuchEntity", f"The user with name {name} cannot be found.", 404)
        with self._lock:
            kept = self._of.setdefault((call.account, name), [])
            if call.operation == "CreateServiceSpecificCredential":
                return Answer({"ServiceSpecificCredential": self._make(call, name, kept)})
            if call.operation == "DeleteServiceSpecificCredential":
                wanted = call.params["ServiceSpecificCredentialId"]
                found = next((c for c in kept if c["ServiceSpecificCredentialId"] == wanted), None)
                if found is None:
                    raise ApiError("NoSuchEntity", f"No such credential {wanted} exists", 404)
                kept.remove(found)
                return Answer()
            return Answer({"ServiceSpecificCredentials": [dict(each) for each in kept]})

    def _make(self, call: Call, name: str, kept: list[dict[str, Any]]) -> dict[str, Any]:
        service = call.params["ServiceName"]
        if service not in _SERVICES:
            raise ApiError(
                "NotSupportedService", f"The embedded cloud has no credentials for {service}.", 404
            )
        if len(kept) >= _MOST:
            raise ApiError(
                "LimitExceeded",
                f"Cannot exceed quota for ServiceSpecificCredentialsPerUser: {_MOST}",
                409,
            )
        now = self._clock()
        made: dict[str, Any] = {
            "UserName": name,
            "ServiceName": service,
            "ServiceSpecificCredentialId": "ACCA" + secrets.token_hex(8).upper(),
            "ServiceCredentialAlias": f"{name}-at-{call.account}",
            "CreateDate": now,
            "Status": "Active",
        }
        days = call.params.get("CredentialAgeDays")
        if days:
            made["ExpirationDate"] = now + timedelta(days=int(days))
        kept.append(made)
        # Told once, and kept nowhere.
        return {**made, "ServiceCredentialSecret": secrets.token_urlsafe(48)}
