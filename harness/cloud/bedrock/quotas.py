"""Throttling: requests and tokens per minute of an account, a Region and a model.

All roles of an account share a model's quota, whichever profile they call it by: one customer of an
operations account can starve the others. Tokens are reserved when a call begins, as many as it may
use at most. When it ends, what it used counts: tokens read from the prompt cache do not, and those
of an answer do several times over for some models.

https://docs.aws.amazon.com/bedrock/latest/userguide/quotas-token-burndown.html
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from harness.cloud.bedrock.converse import Reply
from harness.cloud.bedrock.models import FoundationModel
from harness.cloud.bedrock.profiles import Place
from harness.cloud.bedrock.settings import BedrockSettings
from harness.cloud.call import ApiError

_MINUTE: Final = timedelta(minutes=1)


@dataclass(slots=True)
class Reservation:
    """What one call took; `tokens` are those that it may use, and when it ends those it used."""

    at: datetime
    tokens: int


class Quotas:
    """The quotas of all accounts. Thread-safe."""

    def __init__(self, settings: BedrockSettings, clock: Callable[[], datetime]) -> None:
        self._default = settings.requests_per_minute, settings.tokens_per_minute
        self._limits = {
            (quota.account, quota.model): (quota.requests_per_minute, quota.tokens_per_minute)
            for quota in settings.quotas
        }
        self._clock = clock
        self._lock = threading.Lock()
        self._taken: dict[tuple[Place, str], deque[Reservation]] = {}

    def reserve(self, place: Place, model: FoundationModel, tokens: int) -> Reservation:
        """Take a request and so many tokens of the last minute's.

        Raises `ApiError` (ThrottlingException) when there are not so many left.
        """
        requests, limit = self._limit(place[0], model.id)
        with self._lock:
            now = self._clock()
            reservation = Reservation(now, tokens)
            if requests is None and limit is None:
                return reservation
            taken = self._taken.setdefault((place, model.id), deque())
            while taken and taken[0].at <= now - _MINUTE:
                taken.popleft()
            if requests is not None and len(taken) >= requests:
                raise _throttled("requests")
            if limit is not None and sum(each.tokens for each in taken) + tokens > limit:
                raise _throttled("tokens")
            taken.append(reservation)
            return reservation

    def _limit(self, account: str, model: str) -> tuple[int | None, int | None]:
        """Requests and tokens per minute: the account's own quota, else that of all accounts."""
        for holder in (account, ""):
            if (holder, model) in self._limits:
                return self._limits[(holder, model)]
        return self._default

    def settle(self, reservation: Reservation, used: int) -> None:
        """From now on a call counts for what it used, see `spent`."""
        with self._lock:
            reservation.tokens = used


def spent(model: FoundationModel, reply: Reply) -> int:
    """The tokens of the quota that an answered call has used."""
    return reply.input_tokens + reply.cache_write_tokens + model.burndown * reply.output_tokens


def _throttled(what: str) -> ApiError:
    return ApiError(
        "ThrottlingException", f"Too many {what}, please wait before trying again.", 429
    )
