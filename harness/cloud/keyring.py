"""Who holds which access key: long-term keys of users, keys of services, and STS sessions.

The only place that knows secrets. Nothing here decides what a caller may do, and no secret or
token leaves through a repr or an exception.
"""

from __future__ import annotations

import secrets
import string
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from harness.cloud.call import Caller

_ID_ALPHABET = string.ascii_uppercase + "234567"


@dataclass(frozen=True, slots=True)
class Credential:
    """One access key, its secret and, for a session, its token and end."""

    access_key_id: str
    secret: str = field(repr=False)
    caller: Caller
    token: str = field(default="", repr=False)
    expires_at: datetime | None = None


def new_key_id(prefix: str) -> str:
    """An access key id as AWS makes them: `AKIA` or `ASIA` and 16 characters."""
    return prefix + "".join(secrets.choice(_ID_ALPHABET) for _ in range(16))


def new_secret() -> str:
    """A secret access key of 40 characters."""
    return secrets.token_urlsafe(30)


def new_token() -> str:
    """An opaque session token."""
    return "FwoGZXIvYXdz" + secrets.token_urlsafe(180)


class KeyRing:
    """Access keys by id. `get` costs the same however many there are."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._credentials: dict[str, Credential] = {}
        self._sweep_at = 1024

    def __len__(self) -> int:
        return len(self._credentials)

    def get(self, access_key_id: str) -> Credential | None:
        """The credential of a key id, expired or not; None when nobody holds it."""
        return self._credentials.get(access_key_id)

    def add(self, credential: Credential) -> Credential:
        """Remember a credential under its key id."""
        with self._lock:
            if len(self._credentials) >= self._sweep_at:
                self._drop_expired()
            self._credentials[credential.access_key_id] = credential
        return credential

    def remove(self, access_key_id: str) -> None:
        """Forget a key; unknown ids are ignored."""
        with self._lock:
            self._credentials.pop(access_key_id, None)

    def rename(self, entity_id: str, arn: str) -> None:
        """Give all keys and sessions of a user its new ARN."""
        with self._lock:
            for key, credential in self._credentials.items():
                caller = credential.caller
                if caller.entity_id != entity_id:
                    continue
                if caller.kind == "user":
                    caller = replace(caller, arn=arn, principal_arn=arn)
                elif caller.kind == "federated-user":
                    caller = replace(caller, parent_arn=arn)
                self._credentials[key] = replace(credential, caller=caller)

    def age(self, by: timedelta) -> None:
        """Make every session older, as if `by` had passed since it was issued."""
        with self._lock:
            self._credentials = {
                key: credential
                if credential.expires_at is None
                else _aged(credential, credential.expires_at - by, by)
                for key, credential in self._credentials.items()
            }

    def _drop_expired(self) -> None:
        # Expired sessions stay known for a day, so that they are answered with ExpiredToken.
        now = self._now()
        self._credentials = {
            key: credential
            for key, credential in self._credentials.items()
            if credential.expires_at is None or (now - credential.expires_at).days < 1
        }
        self._sweep_at = max(1024, 2 * len(self._credentials))


def _aged(credential: Credential, expires_at: datetime, by: timedelta) -> Credential:
    caller = credential.caller
    moved = {
        name: moment - by
        for name in ("issued_at", "expires_at")
        if (moment := getattr(caller, name)) is not None
    }
    return replace(credential, expires_at=expires_at, caller=replace(caller, **moved))
