"""Ties a model call on the wire to the LangChain run that makes it.

LangChain tells a handler that a run starts and ends; botocore tells what was sent and answered,
with the request id and retries that langchain-aws drops on some paths. Both happen in the same
context (also in the executor threads of async runs, whose context is a copy), so a context variable
carries the run to the call. A run takes at most one call: whatever else is called in the same
context is a call of its own.

One path loses the context: langchain-aws's text models, when they are awaited, call from a bare
executor thread. There the prompt itself tells which run calls.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

if TYPE_CHECKING:
    from bulkhead.exchange import Exchange


class Owner(Protocol):
    """A handler that was told of a run's start."""

    def lost(self, key: Hashable) -> None:
        """Take it that nobody will tell of the end of this run."""


class Run:
    """A LangChain run of one model call.

    key       stands for its id, which it does not hold: when nobody does, nobody reports its end
    target    the model id or ARN it will call; `None` if that is not known
    mates     the runs of the same `generate([…])`, itself included; LangChain starts them together
    exchange  the call that it made, once it has made one
    ended     whether LangChain has reported its end
    closed    whether it makes no call any more
    owners    whom to tell when its end will not be reported
    completes whether it is a text model's
    prompt    of a text model, until it has ended
    """

    __slots__ = (
        "_mates",
        "chosen",
        "closed",
        "completes",
        "ended",
        "exchange",
        "key",
        "owners",
        "prompt",
        "target",
        "used",
    )

    def __init__(self, key: Hashable, target: str | None, prompt: str | None = None) -> None:
        self.key = key
        self.target = target
        # None while it is alone: most are, and would otherwise wait for the garbage collector.
        self._mates: list[Run] | None = None
        self.exchange: Exchange | None = None
        self.ended = False
        self.closed = False
        self.used = False  # by a run whose end was reported, its own or a mate's
        self.chosen: Exchange | None = None
        self.prompt = prompt
        self.completes = prompt is not None
        self.owners: tuple[Owner, ...] = ()

    @property
    def mates(self) -> Sequence[Run]:
        return (self,) if self._mates is None else self._mates

    def join(self, first: Run) -> None:
        """Become one of the mates of a run that began before."""
        if first._mates is None:
            first._mates = [first]
        first._mates.append(self)
        self._mates = first._mates

    @property
    def called(self) -> bool:
        """Whether there is a call for its record: its own, or one that a mate left over."""
        if self._mates is None or self.chosen is not None:
            return self.exchange is not None or self.chosen is not None
        return any(
            each.exchange is not None and not each.used and (each is self or each.ended)
            for each in self._mates
        )

    @property
    def overdue(self) -> bool:
        """Whether its end should have been reported by now, its call being over.

        Of a `generate([…])`, LangChain reports all ends when all calls are over, or stops at the
        first error and reports that one alone.
        """
        if self.ended:
            return False
        others = [each for each in self.mates if each is not self]
        return any(each.ended for each in others) or all(
            each.exchange is not None and not each.exchange.open for each in others
        )

    def abandon(self) -> None:
        """Tell the owners of a run that has not ended that it will not."""
        if not self.ended:
            for owner in self.owners:
                owner.lost(self.key)


# With their ids, which so live while a run can still be given a call.
_pending: ContextVar[tuple[tuple[UUID, Run], ...]] = ContextVar("bulkhead_runs", default=())
_lock = threading.RLock()  # a signal handler that closes may have interrupted its holder
_prompted: dict[Hashable, tuple[UUID, Run]] = {}


def key_of(run_id: UUID) -> Hashable:
    """What stands for a run's id without keeping it alive."""
    return getattr(run_id, "int", run_id)


def begin(run_id: UUID, target: str | None, batch: int, prompt: str | None = None) -> Run:
    """Announce a run in this context; two handlers of the same run share one.

    prompt  of a text model
    """
    waiting = _pending.get()
    key = key_of(run_id)
    for _, each in waiting:
        if each.key == key:
            return each
    run = Run(key, target, prompt)
    if prompt is not None:
        _prompted[key] = (run_id, run)
    first = waiting[-1][1] if batch > 1 and waiting else None
    if first and first.exchange is None and not first.closed and len(first.mates) < batch:
        run.join(first)
        _pending.set((*waiting, (run_id, run)))
        return run
    # Runs that wait from before and were never called have lost their caller.
    _pending.set(((run_id, run),))
    return run


def end(run: Run) -> None:
    """Note that a run has ended: no call is its own any more.

    Nor will one of a chat model's mates call that has not: LangChain reports ends when all calls
    are over, or stops at an error. (BedrockLLM reports the first end itself, before it goes on.)
    Whoever asks for the run's call asks afterwards: before, another thread may yet give it one.
    """
    with _lock:
        run.ended = run.closed = True
        run.owners = ()
        if not run.completes:
            for each in run.mates:
                each.closed = True
        if run.prompt is not None:
            run.prompt = None
            _prompted.pop(run.key, None)


def leave(*, sent: bool = False) -> None:
    """Note that LangChain failed, maybe without a run's end: no call here is that run's any more.

    A thread that LangChain has `sent` may still call, for a run that waits in its own context, or
    whose prompt is known.
    """
    if not sent:
        for _, run in _pending.get():
            _prompted.pop(run.key, None)
    _pending.set(())


def forget() -> None:
    """Start afresh in the child of a fork, where another thread may have held the lock."""
    global _lock  # noqa: PLW0603
    _lock = threading.RLock()
    _prompted.clear()


def claim(
    target: str | None, exchange: Exchange, prompt: Callable[[], str] | None = None
) -> Run | None:
    """Give a call to the run that waits for it; `None`: no run does.

    prompt  tells what a text model is asked, where no run of this context waits
    """
    waiting = _pending.get()
    if not waiting and not _prompted:
        return None
    with _lock:
        for _, run in waiting:
            if _waits(run, target):
                run.exchange = exchange
                return run
        candidates = [run for _, run in list(_prompted.values()) if _waits(run, target)]
        if candidates and prompt is not None:
            asked = prompt()
            for run in candidates:
                # Some models want a frame around it.
                if run.prompt and run.prompt.strip() in asked:
                    run.exchange = exchange
                    return run
    return None


def _waits(run: Run, target: str | None) -> bool:
    return run.exchange is None and not run.closed and run.target in (None, target)


def exchange_of(run: Run, request_id: str | None) -> Exchange | None:
    """Return the call of a run that ends, each call at most once.

    The runs of one `generate([…])` may have taken each other's calls: some were answered by
    LangChain's cache, or they ran at the same time. The request id tells, where LangChain has it.
    """
    if len(run.mates) == 1:
        return run.exchange
    with _lock:
        if run.chosen is not None:  # by another handler of the same run
            return run.chosen
        free = [run, *(each for each in run.mates if each is not run)]
        for each in free:
            exchange = each.exchange
            if exchange is None or each.used:
                continue
            if request_id is None or exchange.request_id == request_id:
                each.used = True
                run.chosen = exchange
                return exchange
    return None
