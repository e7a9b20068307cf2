"""What a user may choose about the delivery of records: how much waits, how long, and what gives.

Values only; `writer` acts on them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Literal

WhenFull = Literal["drop_newest", "drop_oldest", "block"]


class Remedy(Enum):
    """What to do about a batch that was not accepted; the transport judges."""

    RETRY = "retry"
    """An outage, a timeout, a broken connection."""
    SLOW_DOWN = "slow down"
    """Throttled: the endpoint works and wants less."""
    WAIT = "wait"
    """The group, its stream or a right is not there yet."""
    RENEW = "renew"
    """The credentials expired on the way, or their account is not known yet."""
    SPLIT = "split"
    """Something in the batch is not acceptable: send it in halves, to find what."""
    GIVE_UP = "give up"
    """The destination is wrong: nothing may be sent."""


# Seconds: the most to wait before the first repetition (doubled for each further one), and ever.
# Each wait is a random part of that ("full jitter"):
# https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/
BACKOFF: dict[Remedy, tuple[float, float]] = {
    Remedy.RETRY: (0.2, 10.0),
    Remedy.SLOW_DOWN: (0.5, 20.0),
    Remedy.WAIT: (1.0, 30.0),
    Remedy.RENEW: (0.1, 5.0),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How records are delivered. ValueError names what is wrong.

    capacity         records that may wait in memory
    capacity_bytes   bytes that may wait in memory: of finished records, and, as much again, of the
                     prompts and answers of which records have yet to be made, with a spool too
    when_full        `drop_newest`, `drop_oldest`, or `block` the caller for `block_seconds` and
                     then drop the newest; blocking stalls an event loop
    linger           seconds to gather a batch
    streams          log streams written at the same time when one does not keep up
    give_up_after    seconds (and five attempts) after which a batch is dropped; with a spool it
                     stays there and is tried on
    backoff          seconds, (first, most), for every class of error; None for the table `BACKOFF`
    exit_seconds     the most that closing may take at exit and on SIGTERM
    heartbeat        seconds between signs of life and reports of losses; 0 for no signs of life
    on_sigterm       deliver what waits when the process is told to end, if the application leaves
                     that signal alone and the main thread makes the writer
    """

    capacity: int = 10_000
    capacity_bytes: int = 64 * 1024 * 1024
    when_full: WhenFull = "drop_newest"
    block_seconds: float = 1.0
    linger: float = 1.0
    streams: int = 4
    give_up_after: float = 300.0
    backoff: tuple[float, float] | None = None
    exit_seconds: float = 5.0
    heartbeat: float = 60.0
    on_sigterm: bool = True

    def __post_init__(self) -> None:
        for name in ("capacity", "capacity_bytes", "streams"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
        for name in ("block_seconds", "linger", "give_up_after", "exit_seconds", "heartbeat"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must be 0 seconds or more")
        if self.when_full not in ("drop_newest", "drop_oldest", "block"):
            raise ValueError("when_full must be drop_newest, drop_oldest or block")
        if self.backoff is not None and not 0 <= self.backoff[0] <= self.backoff[1]:
            raise ValueError("backoff must be two numbers of seconds, the smaller one first")

    def most_seconds(self, remedy: Remedy, attempt: int) -> float:
        """The most to wait before attempt number `attempt` + 2 (0 is the first repetition)."""
        first, most = self.backoff or BACKOFF[remedy]
        return min(most, first * float(2 ** min(attempt, 30)))
