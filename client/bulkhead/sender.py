"""One thread that sends batches to one log stream: repeats, splits, gives up."""

from __future__ import annotations

import logging
import random
import threading
import time

from bulkhead._say import say
from bulkhead.backlog import Backlog
from bulkhead.batch import Event, pack
from bulkhead.delivery import Delivery, Remedy
from bulkhead.errors import BulkheadError
from bulkhead.session import code_of
from bulkhead.transport import Transport

# A frozen process (AWS Lambda) finds its time spent when it wakes: attempts must be spent too.
_LEAST_ATTEMPTS = 5


class Sender:
    """Takes from the backlog until there is no more; ends when idle unless it is to be kept."""

    def __init__(
        self, backlog: Backlog, transport: Transport, delivery: Delivery, *, keep: bool, stays: bool
    ) -> None:
        self.keep = keep
        self.taken: list[Event] = []
        self.first = 0
        self.troubled = False
        self.runs = False
        self._undone: list[list[Event]] = []
        self._backlog = backlog
        self._transport = transport
        self._delivery = delivery
        self._stays = stays

    def start(self) -> bool:
        """Start the thread. False: the interpreter is shutting down."""
        self.runs = True
        try:
            threading.Thread(target=self.run, name="bulkhead-sender", daemon=True).start()
        except RuntimeError:
            self.runs = False
        return self.runs

    def run(self) -> None:
        """What the thread does; called directly where no thread can start any more."""
        backlog = self._backlog
        try:
            while (events := backlog.cut(self)) is not None:
                self._undone = [*pack(events)][::-1]
                while self._undone:
                    self._settle(self._undone.pop())
                self.troubled = False
                backlog.landed(self)
        finally:
            self.runs = False

    def _settle(self, batch: list[Event]) -> None:
        """Deliver one batch or give it up, whatever happens; its halves, if it is split, later."""
        try:
            if self._backlog.trying(batch):
                self._deliver(batch, time.monotonic())
            else:  # the spool was closed: it is the successor's, which would send it again
                self._give_up(batch, TimeoutError())
        except KeyboardInterrupt:  # only where no thread could be started
            raise
        except BaseException as error:
            # Not foreseen; without this thread nothing would ever be delivered again.
            self._backlog.failed(error)
            self._give_up(batch, error)

    def _deliver(self, batch: list[Event], started: float) -> None:
        attempt = 0
        while True:
            try:
                rejections = self._transport.send(batch)
            except Exception as error:
                remedy = self._transport.remedy(error)
                if remedy is Remedy.GIVE_UP:
                    self._refuse(batch, error)
                    return
                if remedy is Remedy.SPLIT:
                    self._split(batch, error)
                    return
                self.troubled = True
                if not self._pause(remedy, attempt, started):
                    self._give_up(batch, error)
                    return
                attempt += 1
                self._backlog.retried()
            else:
                self._backlog.delivered(batch, rejections)
                return

    def _split(self, batch: list[Event], error: Exception) -> None:
        if len(batch) == 1:
            self._backlog.lost(batch, "dropped_failed")
            say(logging.WARNING, "a record was not accepted (%s)", code_of(error))
            return
        middle = len(batch) // 2
        self._undone += (batch[middle:], batch[:middle])

    def _refuse(self, batch: list[Event], error: Exception) -> None:
        if isinstance(error, BulkheadError) and self._backlog.refusal is None:
            self._backlog.refusal = error
            say(logging.ERROR, "%s", error)
        # Right credentials may yet come, if only to the next process.
        self._backlog.lost(self._backlog.kept(batch), "dropped_refused")

    def _give_up(self, batch: list[Event], error: BaseException) -> None:
        lost = self._backlog.kept(batch)
        if lost:
            self._backlog.lost(lost, "dropped_failed")
            say(logging.WARNING, "records dropped: %d (%s)", len(lost), code_of(error))

    def _pause(self, remedy: Remedy, attempt: int, started: float) -> bool:
        """Wait before the next attempt; False when there is no time for one."""
        delay = random.uniform(0, self._delivery.most_seconds(remedy, attempt))
        backlog = self._backlog
        until = time.monotonic() + delay
        spent = until >= started + self._delivery.give_up_after and attempt + 1 >= _LEAST_ATTEMPTS
        if (spent and not self._stays) or until >= backlog.deadline:
            return False
        backlog.pause(delay)
        return time.monotonic() < backlog.deadline
