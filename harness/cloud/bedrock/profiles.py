"""Application inference profiles (AIPs) of all accounts and regions, with their tags.

Only the store: which requests make, change and list them is `control`'s matter. Thread-safe.
"""

from __future__ import annotations

import random
import string
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from harness.cloud.bedrock.errors import conflict
from harness.cloud.bedrock.models import SystemProfile, parse_profile_arn, system_profile
from harness.cloud.call import ApiError

PROFILES_PER_REGION: Final = 1000
"""Quota L-40EC9882."""
_ID_LENGTH: Final = 12
_ALPHABET: Final = string.ascii_lowercase + string.digits

Place = tuple[str, str]
"""Account and region."""


@dataclass(frozen=True, slots=True)
class ApplicationProfile:
    """One AIP. `models` are the foundation model ARNs a call through it may run on."""

    account: str
    region: str
    id: str
    name: str
    description: str | None
    source: str
    """The ARN it was copied from."""
    models: tuple[str, ...]
    created: datetime

    @property
    def arn(self) -> str:
        return (
            f"arn:aws:bedrock:{self.region}:{self.account}:application-inference-profile/{self.id}"
        )


@dataclass(slots=True)
class _Shelf:
    profiles: dict[str, ApplicationProfile] = field(default_factory=dict)
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    requests: dict[str, tuple[object, str]] = field(default_factory=dict)
    """Client request token → (the request, the id it made)."""


class ProfileStore:
    """All AIPs of the cloud."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._shelves: dict[Place, _Shelf] = {}
        self._random = random.SystemRandom()

    def create(
        self,
        place: Place,
        *,
        name: str,
        description: str | None,
        source: str,
        models: tuple[str, ...],
        tags: Mapping[str, str],
        token: str | None,
        now: datetime,
    ) -> ApplicationProfile:
        """Makes a profile, or returns the one that an earlier request with this token made.

        Raises `ApiError`: ConflictException for a name in use or a token reused for another
        request, ServiceQuotaExceededException.
        """
        account, region = place
        request = (name, description, source, tuple(sorted(tags.items())))
        with self._lock:
            shelf = self._shelves.setdefault(place, _Shelf())
            if token is not None and token in shelf.requests:
                earlier, made = shelf.requests[token]
                if made in shelf.profiles:
                    if earlier != request:
                        raise conflict(
                            "The client request token was used before with other parameters."
                        )
                    return shelf.profiles[made]
            if any(profile.name == name for profile in shelf.profiles.values()):
                raise conflict(f"An inference profile with the name {name} already exists.")
            if len(shelf.profiles) >= PROFILES_PER_REGION:
                raise ApiError(
                    "ServiceQuotaExceededException",
                    f"The account has reached its limit of {PROFILES_PER_REGION} inference "
                    "profiles in this Region.",
                )
            identifier = self._new_id(shelf)
            profile = ApplicationProfile(
                account, region, identifier, name, description, source, models, now
            )
            shelf.profiles[identifier] = profile
            shelf.tags[identifier] = dict(tags)
            if token is not None:
                shelf.requests[token] = (request, identifier)
            return profile

    def find(self, place: Place, identifier: str) -> ApplicationProfile | None:
        """By id or ARN; an ARN of another account or region finds nothing."""
        account, region = place
        parsed = parse_profile_arn(identifier)
        if parsed is not None:
            if not parsed.application or (parsed.account, parsed.region) != (account, region):
                return None
            identifier = parsed.id
        with self._lock:
            shelf = self._shelves.get(place)
            return shelf.profiles.get(identifier) if shelf else None

    def listed(self, place: Place) -> list[ApplicationProfile]:
        """The profiles of one account and region, oldest first."""
        with self._lock:
            shelf = self._shelves.get(place)
            found = list(shelf.profiles.values()) if shelf else []
        return sorted(found, key=lambda profile: (profile.created, profile.id))

    def delete(self, profile: ApplicationProfile) -> bool:
        """Removes a profile and its tags; `False` if it was gone already."""
        with self._lock:
            shelf = self._shelves.get((profile.account, profile.region))
            if shelf is None or profile.id not in shelf.profiles:
                return False
            del shelf.profiles[profile.id]
            shelf.tags.pop(profile.id, None)
            return True

    def tags(self, profile: ApplicationProfile) -> dict[str, str]:
        """A copy of the profile's tags."""
        with self._lock:
            shelf = self._shelves.get((profile.account, profile.region))
            return dict(shelf.tags.get(profile.id, {})) if shelf else {}

    def tag_keys(self, account: str) -> set[str]:
        """The keys of all tags of an account's profiles."""
        with self._lock:
            return {
                key
                for (owner, _), shelf in self._shelves.items()
                if owner == account
                for tags in shelf.tags.values()
                for key in tags
            }

    def tag(self, profile: ApplicationProfile, tags: Mapping[str, str], *, limit: int) -> None:
        """Adds or replaces tags. Raises `ApiError` (TooManyTagsException) past `limit`."""
        with self._lock:
            held = self._shelves[(profile.account, profile.region)].tags.setdefault(profile.id, {})
            merged = {**held, **tags}
            if len(merged) > limit:
                raise ApiError("TooManyTagsException", f"A resource can have at most {limit} tags.")
            held.update(tags)

    def untag(self, profile: ApplicationProfile, keys: list[str]) -> None:
        """Removes tags; keys that are not there are ignored."""
        with self._lock:
            held = self._shelves[(profile.account, profile.region)].tags.get(profile.id, {})
            for key in keys:
                held.pop(key, None)

    def _new_id(self, shelf: _Shelf) -> str:
        while True:
            identifier = "".join(self._random.choices(_ALPHABET, k=_ID_LENGTH))
            if identifier not in shelf.profiles:
                return identifier


def system_profile_named(place: Place, identifier: str) -> SystemProfile | None:
    """The system profile with this id or ARN, as seen from an account and region.

    An ARN may leave the account out; another account's is not found.
    """
    account, region = place
    parsed = parse_profile_arn(identifier)
    if parsed is not None:
        if parsed.application or parsed.region != region or parsed.account not in ("", account):
            return None
        identifier = parsed.id
    return system_profile(identifier, region)
