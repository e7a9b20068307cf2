"""The customer's own share of a model's quota: a token bucket per model, kept by this process.

Cooperative: it keeps a well-meaning application from throttling its neighbors, and walls nobody
off. AWS knows no quota per role: all customers of an operations account draw on the same one.

Counted as Bedrock counts: at the start of a call its input and all of `max_tokens` are taken; at
its end what was really used is charged, output several times over on some models, tokens read from
the prompt cache not at all, and the rest is given back.
https://docs.aws.amazon.com/bedrock/latest/userguide/quotas-token-burndown.html
"""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from types import TracebackType

from bulkhead import _fork
from bulkhead.errors import ConfigError, QuotaError

_MINUTE = 60.0
_FIELDS = ("tokens_per_minute", "requests_per_minute", "output_burndown")
# "5x for Anthropic Claude Opus 4, Sonnet 4.5, Sonnet 4 and 3.7 Sonnet; 1x for all others", read in
# 2026 of the models then listed; later Claude models are taken to count like these.
_FIVEFOLD = re.compile(r"anthropic\.claude-(3-7-|[a-z]+-([4-9]|[1-9][0-9])\b)")


@dataclass(frozen=True, slots=True)
class Limit:
    """What a customer may use of one model in a minute.

    tokens_per_minute    tokens, as Bedrock counts them
    requests_per_minute  requests; None: not counted
    output_burndown      what one output token counts
    """

    tokens_per_minute: int
    requests_per_minute: int | None = None
    output_burndown: int = 1

    @classmethod
    def of(cls, document: object, field: str, model: str) -> Limit:
        """Check a model's entry of the configuration. Raises ConfigError naming `field`."""
        if not isinstance(document, Mapping):
            raise ConfigError(f"field `{field}` must be an object with {', '.join(_FIELDS)}")
        for name, value in document.items():
            if name not in _FIELDS:
                raise ConfigError(
                    f"field `{field}` has {name!r}; its fields are {', '.join(_FIELDS)}"
                )
            whole = isinstance(value, int) and not isinstance(value, bool)
            if not (whole and value > 0) and not (value is None and name != _FIELDS[0]):
                raise ConfigError(f"field `{field}.{name}` must be a whole number above 0")
        if "tokens_per_minute" not in document:
            raise ConfigError(f"field `{field}.tokens_per_minute` is missing")
        return cls(
            document["tokens_per_minute"],
            document.get("requests_per_minute"),
            document.get("output_burndown") or burndown(model),
        )


def burndown(model_id: str) -> int:
    """What one output token of a model counts, unless the configuration says otherwise."""
    return 5 if _FIVEFOLD.search(model_id) else 1


class _Waiter:
    """One call in the queue of a bucket."""

    __slots__ = ("tokens", "wake")

    def __init__(self, tokens: int, wake: Callable[[], None]) -> None:
        self.tokens = tokens
        self.wake = wake


class _Bucket:
    """Tokens and requests of one model. First come, first served; `take` must hold `lock`."""

    def __init__(self, limit: Limit, share: float, clock: Callable[[], float]) -> None:
        self.limit = limit
        self.capacity = max(1, int(limit.tokens_per_minute * share))
        requests = limit.requests_per_minute
        self.requests = None if requests is None else max(1.0, requests * share)
        self._clock = clock
        self._tokens = float(self.capacity)
        self._free = self.requests or 0.0
        self._at = clock()
        self.queue: deque[_Waiter] = deque()
        self.lock = threading.Lock()

    def renew(self) -> None:
        """Start anew in a forked child, with what is left but nobody waiting."""
        self.queue = deque()
        self.lock = threading.Lock()

    def wait_for(self, waiter: _Waiter) -> float:
        """Take what the waiter needs and return 0, or return the seconds until it is there.

        What those ahead in the queue need is left to them. The answer is an upper bound, as tokens
        may be given back.
        """
        self._refill()
        tokens = waiter.tokens
        requests = 1
        for ahead in self.queue:
            if ahead is waiter:
                break
            tokens += ahead.tokens
            requests += 1
        seconds = max(0.0, tokens - self._tokens) * _MINUTE / self.capacity
        if self.requests is not None:
            lacking = max(0.0, requests - self._free)
            seconds = max(seconds, lacking * _MINUTE / self.requests)
        if seconds > 0:
            return max(seconds, 0.001)
        self.queue.remove(waiter)
        self._tokens -= waiter.tokens
        self._free -= 1
        return 0.0

    def leave(self, waiter: _Waiter) -> None:
        """Stop waiting."""
        with self.lock:
            if waiter in self.queue:
                self.queue.remove(waiter)
                self._wake()

    def give_back(self, tokens: int, requests: int = 0) -> None:
        """Return tokens; a negative number takes more, also below zero."""
        with self.lock:
            self._refill()
            self._tokens = min(float(self.capacity), self._tokens + tokens)
            if self.requests is not None:
                self._free = min(self.requests, self._free + requests)
            self._wake()

    def left(self) -> int:
        """Tokens that are there now; less than none after calls that used more than reserved."""
        with self.lock:
            self._refill()
            return int(self._tokens)

    def _wake(self) -> None:
        for waiter in self.queue:
            waiter.wake()

    def _refill(self) -> None:
        now = self._clock()
        minutes = max(0.0, now - self._at) / _MINUTE
        self._at = now
        self._tokens = min(float(self.capacity), self._tokens + minutes * self.capacity)
        if self.requests is not None:
            self._free = min(self.requests, self._free + minutes * self.requests)


class Reservation:
    """What one call holds. Settle it with what was used, or cancel it; either counts once.

    As a context manager it serves the first call of its model inside the block, which then takes
    nothing of its own and settles it. It is cancelled by an exception; without one, what was not
    settled stays charged in full.
    """

    def __init__(self, bucket: _Bucket | None, tokens: int) -> None:
        self._bucket = bucket
        self._used = False
        self.tokens = tokens

    @property
    def held(self) -> bool:
        """Whether it is still to be settled; that of a model without a limit never is."""
        return self._bucket is not None

    def settle(self, input_tokens: int, output_tokens: int, cache_write_tokens: int = 0) -> None:
        """Charge what the call used: input besides the cache, output, and what the cache kept."""
        bucket, self._bucket = self._bucket, None
        if bucket is not None:
            burnt = output_tokens * bucket.limit.output_burndown
            bucket.give_back(self.tokens - (input_tokens + cache_write_tokens + burnt))

    def cancel(self) -> None:
        """Give all of it back: Bedrock did not take the call."""
        bucket, self._bucket = self._bucket, None
        if bucket is not None:
            bucket.give_back(self.tokens, 1)

    def serve(self, bucket: _Bucket) -> bool:
        """Whether a call takes it in place of one of its own: once, and of the same model."""
        with bucket.lock:
            serves = self._bucket is bucket and not self._used
            self._used = self._used or serves
        return serves

    def __enter__(self) -> Reservation:
        self._before = _entered.set(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _entered.reset(self._before)
        if isinstance(error, Exception):
            self.cancel()


_entered: ContextVar[Reservation | None] = ContextVar("bulkhead_reservation", default=None)


class Quota:
    """The buckets of one process. Safe to use from threads, coroutines and forked children.

    limits  by model id; a model without an entry is not limited
    share   the part of each limit that this process may use: several processes count apart
    wait    seconds that a call may wait unless it says otherwise

    Every method that takes a model raises QuotaError where there is no room in time.
    """

    def __init__(
        self,
        limits: Mapping[str, Limit],
        *,
        share: float = 1.0,
        wait: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._buckets = {model: _Bucket(limit, share, clock) for model, limit in limits.items()}
        self._wait = wait
        self._clock = clock
        _fork.watch(self)

    def limits(self, model: str) -> bool:
        """Whether a model has a limit."""
        return model in self._buckets

    def left(self, model: str) -> int | None:
        """Tokens of a model that are there now; None if it has no limit."""
        bucket = self._buckets.get(model)
        return None if bucket is None else bucket.left()

    def reserve(
        self,
        model: str,
        *,
        input_tokens: int,
        max_tokens: int | None,
        wait: float | None = None,
    ) -> Reservation:
        """Take a call's tokens, waiting for at most `wait` seconds.

        Raises QuotaError: `max_tokens` is missing (Bedrock would reserve the model's maximum), the
        call can never fit, or there was no room in time.
        """
        bucket = self._buckets.get(model)
        if bucket is None:
            return Reservation(None, 0)
        came = threading.Event()
        waiter = self._enter(bucket, model, input_tokens, max_tokens, came.set)
        deadline = self._clock() + (self._wait if wait is None else wait)
        try:
            while seconds := self._try(bucket, waiter):
                self._in_time(bucket, model, waiter, deadline, seconds)
                came.wait(min(seconds, max(0.0, deadline - self._clock())))
                came.clear()
        except BaseException:
            bucket.leave(waiter)
            raise
        return Reservation(bucket, waiter.tokens)

    def admit(self, model: str, input_tokens: int, max_tokens: int | None) -> Reservation:
        """What a call of a client does: use the reservation that it is made within, or `reserve`.

        Raises QuotaError as `reserve` does.
        """
        entered, bucket = _entered.get(), self._buckets.get(model)
        if entered is not None and bucket is not None and entered.serve(bucket):
            return entered
        return self.reserve(model, input_tokens=input_tokens, max_tokens=max_tokens)

    async def areserve(
        self,
        model: str,
        *,
        input_tokens: int,
        max_tokens: int | None,
        wait: float | None = None,
    ) -> Reservation:
        """As `reserve`, for coroutines: waiting blocks no thread."""
        bucket = self._buckets.get(model)
        if bucket is None:
            return Reservation(None, 0)
        loop, came = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(came.set)

        waiter = self._enter(bucket, model, input_tokens, max_tokens, wake)
        deadline = self._clock() + (self._wait if wait is None else wait)
        try:
            while seconds := self._try(bucket, waiter):
                self._in_time(bucket, model, waiter, deadline, seconds)
                try:
                    async with asyncio.timeout(min(seconds, max(0.0, deadline - self._clock()))):
                        await came.wait()
                except TimeoutError:
                    pass
                came.clear()
        except BaseException:
            bucket.leave(waiter)
            raise
        return Reservation(bucket, waiter.tokens)

    def reset_after_fork(self) -> None:
        """Nobody waits in the child, and no thread holds a lock there."""
        for bucket in self._buckets.values():
            bucket.renew()

    def _enter(
        self,
        bucket: _Bucket,
        model: str,
        input_tokens: int,
        max_tokens: int | None,
        wake: Callable[[], None],
    ) -> _Waiter:
        if max_tokens is None:
            raise QuotaError(
                f"a call of {model} must say max_tokens: without, Bedrock reserves the model's "
                "maximum of the shared quota",
                model=model,
            )
        tokens = input_tokens + max_tokens
        if tokens > bucket.capacity:
            raise QuotaError(
                f"a call of {model} reserves {tokens} tokens (input and max_tokens), and this "
                f"process may use {bucket.capacity} a minute; lower max_tokens or raise the quota",
                model=model,
                needed=tokens,
            )
        waiter = _Waiter(tokens, wake)
        with bucket.lock:
            bucket.queue.append(waiter)
        return waiter

    @staticmethod
    def _try(bucket: _Bucket, waiter: _Waiter) -> float:
        with bucket.lock:
            return bucket.wait_for(waiter)

    def _in_time(
        self, bucket: _Bucket, model: str, waiter: _Waiter, deadline: float, seconds: float
    ) -> None:
        """Raise QuotaError once the deadline has passed."""
        if self._clock() < deadline:
            return
        raise QuotaError(
            f"the quota of {model} has no room for {waiter.tokens} tokens now; "
            f"at most {seconds:.1f} s from now it has ({bucket.capacity} tokens a minute"
            + (f", {bucket.requests:g} requests)" if bucket.requests is not None else ")"),
            model=model,
            needed=waiter.tokens,
            retry_after=seconds,
        )
