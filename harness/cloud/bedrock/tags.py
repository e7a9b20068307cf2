"""Tags: what may be one, and those of everything but inference profiles, which keep their own."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from harness.cloud.bedrock.errors import invalid
from harness.cloud.call import ApiError

TAGS: Final = 200
"""How many tags a resource can have."""
_TAG_TEXT: Final = re.compile(r"[a-zA-Z0-9\s._:/=+@-]*")
_TAG_KEY_LENGTH: Final = 128
_TAG_VALUE_LENGTH: Final = 256


class Tags:
    """Tags by ARN, of the resources that exist. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tags: dict[str, dict[str, str]] = {}

    def set(self, arn: str, tags: Mapping[str, str]) -> None:
        """A new resource with its tags."""
        with self._lock:
            self._tags[arn] = dict(tags)

    def of(self, arn: str) -> dict[str, str] | None:
        """The tags of a resource; `None`: no such resource."""
        with self._lock:
            held = self._tags.get(arn)
            return None if held is None else dict(held)

    def add(self, arn: str, tags: Mapping[str, str]) -> None:
        """Adds or replaces tags. Raises `ApiError` (TooManyTagsException)."""
        with self._lock:
            merged = {**self._tags[arn], **tags}
            if len(merged) > TAGS:
                raise ApiError("TooManyTagsException", f"A resource can have at most {TAGS} tags.")
            self._tags[arn] = merged

    def remove(self, arn: str, keys: Iterable[str]) -> None:
        with self._lock:
            for key in keys:
                self._tags[arn].pop(key, None)

    def forget(self, arn: str) -> None:
        """The resource is gone."""
        with self._lock:
            self._tags.pop(arn, None)


def checked_tags(tags: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Tags as a mapping. Raises `ApiError`: ValidationException, TooManyTagsException."""
    checked: dict[str, str] = {}
    for tag in tags:
        key, value = tag["key"], tag["value"]
        if key in checked:
            raise invalid("The tags contain a key more than once.")
        if key.lower().startswith("aws:"):
            raise invalid("Tag keys that begin with aws: are reserved.")
        if (
            not 1 <= len(key) <= _TAG_KEY_LENGTH
            or len(value) > _TAG_VALUE_LENGTH
            or not _TAG_TEXT.fullmatch(key)
            or not _TAG_TEXT.fullmatch(value)
        ):
            raise invalid(
                f"A tag key has 1 to {_TAG_KEY_LENGTH} and a value up to {_TAG_VALUE_LENGTH} "
                f"characters of {_TAG_TEXT.pattern}"
            )
        checked[key] = value
    if len(checked) > TAGS:
        raise ApiError("TooManyTagsException", f"A resource can have at most {TAGS} tags.")
    return checked
