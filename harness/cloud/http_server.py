"""The HTTP server on loopback: waitress, with the headers of an answer sent in one with its body.

A server this near answers while the client's own writer may not have noticed yet that the request
is sent. Go's client then gives up the connection once it has the headers; a body that is still on
its way is lost, and the SDK makes a call again that was done. One send leaves no such moment.
Idle connections stay open: closed by the server, they may be closed while the next request comes.
"""

from __future__ import annotations

import logging
import threading
from typing import Any

from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer
from waitress.task import WSGITask

HOST = "127.0.0.1"
_SETTINGS = {
    "backlog": 1024,
    # Connections end when their client does.
    "channel_timeout": 7 * 24 * 3600,
    "connection_limit": 4096,
    "ident": "bulkhead",
}


class _Task(WSGITask):  # type: ignore[misc]
    wrote_header: bool

    def write(self, data: bytes) -> None:
        if self.complete and not self.wrote_header:
            self.channel.hold(self.build_response_header())
            self.wrote_header = True
        # The answer to HEAD has no body, however long it says that it would be: a client would take
        # one for the start of the next answer.
        super().write(data if self.request.command != "HEAD" else b"")

    def finish(self) -> None:
        super().finish()
        self.channel.release()


class _Channel(HTTPChannel):  # type: ignore[misc]
    """A connection that keeps the headers back until the first of the body comes."""

    task_class = _Task
    _held = b""

    def hold(self, headers: bytes) -> None:
        self._held = headers

    def release(self) -> None:
        if self._held:
            self.write_soon(b"")

    def send_continue(self) -> None:
        if self.request.completed:
            # A body of no bytes: waitress would wait for it for ever.
            self.request.expect_continue = False
        else:
            super().send_continue()

    def write_soon(self, data: bytes) -> int:
        held, self._held = self._held, b""
        return int(super().write_soon(held + data if held else data))


class LoopbackServer(TcpWSGIServer):  # type: ignore[misc]
    """A WSGI server at 127.0.0.1. Raises OSError where the port is taken."""

    channel_class = _Channel

    def __init__(self, app: Any, port: int = 0, threads: int = 24) -> None:
        # A request that waits for a thread is no news where many come at once.
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)
        super().__init__(app, host=HOST, port=port, threads=threads, **_SETTINGS)
        self._thread = threading.Thread(target=self.run, daemon=True, name="http")

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.effective_port)

    def start(self) -> None:
        """Serve in a thread."""
        self._thread.start()

    def stop(self) -> None:
        """End serving and close the port. Requests under way have a second to end."""
        self.task_dispatcher.shutdown(timeout=1)
        self.pull_trigger(self._close_connections)
        self._thread.join(timeout=5)

    def _close_connections(self) -> None:
        # The trigger stays: a request that did not end in time may still pull it.
        for dispatcher in list(self._map.values()):
            if dispatcher is not self.trigger:
                dispatcher.close()
        self._map.clear()

    def pull_trigger(self, thunk: Any = None) -> None:
        """Wake the thread that serves; it calls `thunk`."""
        self.trigger.pull_trigger(thunk)
