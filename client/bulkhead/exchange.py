"""One call on the wire: what botocore learns of it from its start to its end.

An exchange knows facts, no content; `conversation`, where content was asked for, holds that apart.
It ends exactly once: answered, failed, its stream consumed, broken or closed, or dropped by
everybody, which the garbage collector tells. What a forked child does with its copy of it is no
end: the parent tells that.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from bulkhead import _fork
from bulkhead.facts import Facts

if TYPE_CHECKING:
    from bulkhead.content import Conversation
    from bulkhead.correlation import Run

SUCCESS, ERROR, CANCELLED = "success", "error", "cancelled"
UNFINISHED = "unfinished"


class Exchange:
    """A call in progress, then finished.

    target    the `modelId` of the request
    facts     fields of the record, as far as known
    run       the LangChain run that makes the call, if one does; it then makes the record
    status    `None` until it has ended
    ident     the id of its record, where its content names that
    made      its record, once there is one; an empty one where that was handed over to be made
    """

    __slots__ = (
        "__weakref__",
        "_dropped",
        "_ended",
        "_open",
        "_process",
        "complete",
        "conversation",
        "facts",
        "first",
        "ident",
        "made",
        "run",
        "started",
        "status",
        "stopped",
        "target",
    )

    def __init__(
        self,
        target: str | None,
        ended: Callable[[Exchange], None],
        dropped: Callable[[Exchange], None],
    ) -> None:
        self.target = target
        self.facts: Facts = {}
        self.run: Run | None = None
        self.conversation: Conversation | None = None
        self.status: str | None = None
        self.ident: str | None = None
        self.made: Facts | None = None
        self.complete = False
        self.started = time.perf_counter()
        self.first: float | None = None
        self.stopped: float | None = None
        self._ended = ended
        self._dropped = dropped
        self._open = [None]
        self._process = _fork.generation

    @property
    def request_id(self) -> object:
        """The request id, once there is an answer."""
        return self.facts.get("aws.request_id")

    @property
    def open(self) -> bool:
        """Whether its end is still to come."""
        return bool(self._open)

    def chunk(self) -> None:
        """Note that a part of a streamed answer arrived."""
        if self.first is None:
            self.first = time.perf_counter()

    def finish(self, status: str, error: str | None = None) -> None:
        """End it; only the first end counts, whichever thread brings it."""
        try:
            try:
                self._open.pop()
            except IndexError:
                return
            self._end(status, error)
        except BaseException:
            # A signal handler raised, maybe after the pop. Who is told twice makes one record.
            self._open.clear()
            self._end(self.status or status, error)
            raise

    def _end(self, status: str, error: str | None) -> None:
        self.stopped = time.perf_counter()
        if error is not None:
            self.facts["error.type"] = error
        self.status = status
        if self._process == _fork.generation:  # else it is the parent's to record
            self._ended(self)

    def stop(self) -> None:
        """End it because nobody reads on: what came before the answer was whole is cancelled."""
        if self.complete:
            self.finish(SUCCESS)
        else:
            self.finish(CANCELLED, UNFINISHED)

    def __del__(self) -> None:
        # Garbage collection may interrupt code that holds any lock: only hand over.
        if self._open and self._process == _fork.generation:
            self._dropped(self)

    def timings(self) -> Facts:
        """Seconds on the client: to the end (or until now) and to the first part of a stream."""
        stopped = self.stopped if self.stopped is not None else time.perf_counter()
        facts: Facts = {"gen_ai.client.operation.duration": round(stopped - self.started, 6)}
        if self.first is not None:
            facts["gen_ai.response.time_to_first_chunk"] = round(self.first - self.started, 6)
        return facts
