"""Reads from AWS and changes nothing: every page of a list, retried where AWS says slow down.

What is refused, or is not there as an API, is noted as a gap with its code, and reading goes on: a
part that nobody could look at must never look like one in which nothing is.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from harness.errors import UserError
from harness.targets.base import Target

_READS = re.compile(r"(get|list|describe)_[a-z0-9_]+")
_TOKENS = ("nextToken", "NextToken", "NextMarker", "Marker")
_GONE = re.compile(r".*(NotFound|NoSuch|DoesNotExist|NonExistent).*")
# Many accounts are read at once, so the API's limits are met on real accounts.
_PATIENT = {"mode": "adaptive", "total_max_attempts": 8}


class Gone(Exception):
    """What was listed is there no more: whoever looks at it leaves it out."""


@dataclass(frozen=True, slots=True, order=True)
class Gap:
    """Something that could not be read."""

    account: str
    region: str
    """Empty for what an account has once."""
    section: str
    """The part of the snapshot that lacks it."""
    resource: str
    """Empty where the whole part is unknown."""
    call: str
    code: str


@dataclass(slots=True)
class Gaps:
    """All that could not be read. Safe for threads."""

    _found: set[Gap] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, gap: Gap) -> None:
        with self._lock:
            self._found.add(gap)

    def __iter__(self) -> Iterator[Gap]:
        with self._lock:
            return iter(sorted(self._found))


class Unread(Exception):
    """A call was not answered; the argument is the error's code."""


class Reader:
    """One account in one Region, read as its administrator.

    `region` is empty for what an account has once; then calls go to `home`.
    """

    def __init__(self, target: Target, gaps: Gaps, account: str, region: str, home: str) -> None:
        self.account, self.region = account, region
        self._target, self._gaps, self._home = target, gaps, home

    def every(
        self, section: str, service: str, operation: str, member: str, **params: Any
    ) -> list[Any]:
        """The items of all pages; none where they could not be read, which is noted."""
        try:
            return [
                i for page in self._pages(service, operation, params) for i in _in(page, member)
            ]
        except Unread as error:
            self._note(section, "", operation, service, error)
            return []

    def pages(self, section: str, service: str, operation: str, **params: Any) -> list[Any]:
        """All pages as they are, for lists of several kinds; none where they could not be read."""
        try:
            return list(self._pages(service, operation, params))
        except Unread as error:
            self._note(section, "", operation, service, error)
            return []

    def of(
        self,
        section: str,
        resource: str,
        service: str,
        operation: str,
        *,
        absent: tuple[str, ...] = (),
        **params: Any,
    ) -> Mapping[str, Any]:
        """What a call tells of one resource, of all pages where it has several; empty for one of
        the codes `absent`, and where it could not be read, which is noted.

        `resource` is empty for a setting of the place. Raises `Gone` where a resource is no more.
        """
        whole: dict[str, Any] = {}
        try:
            for page in self._pages(service, operation, params):
                for name, value in page.items():
                    known = whole.get(name)
                    both = isinstance(known, list) and isinstance(value, list)
                    whole[name] = [*known, *value] if both else value  # type: ignore[misc]
        except Unread as error:
            code = str(error)
            if code in absent:
                return {}
            if resource and _GONE.fullmatch(code):
                raise Gone from None
            self._note(section, resource, operation, service, error)
            return {}
        return whole

    def _note(
        self, section: str, resource: str, operation: str, service: str, error: Unread
    ) -> None:
        call = f"{service}:{operation}"
        self._gaps.add(Gap(self.account, self.region, section, resource, call, str(error)))

    def _pages(
        self, service: str, operation: str, params: Mapping[str, Any]
    ) -> Iterator[Mapping[str, Any]]:
        if not _READS.fullmatch(operation):
            raise ValueError(f"{service}:{operation} is no read")
        try:
            client = self._client(service)
            if client.can_paginate(operation):
                yield from client.get_paginator(operation).paginate(**params)
                return
            call, more = getattr(client, operation), dict[str, Any]()
            while True:
                page = call(**params, **more)
                yield page
                more = {name: page[name] for name in _TOKENS if page.get(name)}
                if not more:
                    return
        except ClientError as error:
            raise Unread(error.response.get("Error", {}).get("Code", "Unknown")) from None
        except BotoCoreError as error:
            raise Unread(type(error).__name__) from None
        except UserError:
            raise Unread("NoCredentials") from None

    def _client(self, service: str) -> Any:
        region = self.region or self._home
        session = self._target.session(self.account)
        # Its host bears the account's number, which not every endpoint has: that is no throttle.
        patience = {} if service == "s3control" else {"retries": _PATIENT}
        return self._target.client(session, service, region, **patience)


def _in(page: Mapping[str, Any], member: str) -> list[Any]:
    found: Any = page
    for name in member.split("."):
        found = found.get(name) or {}
    return list(found)
