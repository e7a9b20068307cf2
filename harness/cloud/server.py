"""Serves a cloud over HTTP on loopback, with a gate that can hold all requests for a moment."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from harness.cloud.cloud import Cloud
from harness.cloud.http_server import HOST, LoopbackServer


class Gate:
    """Counts requests under way; `closed()` waits until there are none and lets none in."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._inside = 0
        self._shut = False

    def enter(self) -> None:
        """Wait while the gate is shut, then count one in."""
        with self._condition:
            self._condition.wait_for(lambda: not self._shut)
            self._inside += 1

    def leave(self) -> None:
        """Count one out."""
        with self._condition:
            self._inside -= 1
            self._condition.notify_all()

    @contextmanager
    def closed(self, timeout: float) -> Iterator[None]:
        """Nobody is inside the block. Raises TimeoutError where a request does not end."""
        with self._condition:
            self._shut = True
            try:
                if not self._condition.wait_for(lambda: self._inside == 0, timeout):
                    raise TimeoutError("a request is still under way")
                yield
            finally:
                self._shut = False
                self._condition.notify_all()


class _Body:
    """A response body that leaves the gate when the server has sent it."""

    def __init__(self, body: Iterable[bytes], gate: Gate) -> None:
        self._body = body
        self._gate: Gate | None = gate

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._body)

    def close(self) -> None:
        gate, self._gate = self._gate, None
        close = getattr(self._body, "close", None)
        try:
            if close is not None:
                close()
        finally:
            if gate is not None:
                gate.leave()


class CloudServer:
    """An HTTP server for one cloud, on 127.0.0.1. Raises OSError where the port is taken."""

    def __init__(self, cloud: Cloud, port: int = 0) -> None:
        self.gate = Gate()
        self._cloud = cloud
        self._server = LoopbackServer(self._serve, port)

    def start(self) -> CloudServer:
        """Serve in a thread."""
        self._server.start()
        return self

    @property
    def endpoint(self) -> str:
        """The URL to point SDKs at."""
        return f"http://{HOST}:{self._server.port}"

    def stop(self) -> None:
        """End serving and close the port."""
        self._server.stop()

    def _serve(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        self.gate.enter()
        try:
            return _Body(self._cloud(environ, start_response), self.gate)
        except BaseException:
            self.gate.leave()
            raise
