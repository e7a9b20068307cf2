"""A proxy in front of the embedded cloud that delays, fails, cuts or rewrites chosen answers."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit


@dataclass
class Fault:
    """What to do with one request.

    delay   seconds to wait before the request is passed on
    answer  status, content type, body to answer with; the request is not passed on
    body    changes the body of the answer
    cut     close the connection after that many bytes of the body
    silent  close the connection without an answer
    """

    delay: float = 0.0
    answer: tuple[int, str, bytes] | None = None
    body: Callable[[bytes], bytes] | None = None
    cut: int | None = None
    silent: bool = False


@dataclass
class FaultProxy:
    """Listens on `url`. A fault serves the next request whose path ends as its key says."""

    upstream: str
    url: str = ""
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    _server: Any = None

    def start(self) -> FaultProxy:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(
            target=lambda: self._server.serve_forever(poll_interval=0.02), daemon=True
        ).start()
        return self

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def next_fault(self, path: str) -> Fault:
        for ending, waiting in self.faults.items():
            if waiting and path.endswith(ending):
                return waiting.pop(0)
        return Fault()


def _handler(proxy: FaultProxy) -> type[BaseHTTPRequestHandler]:
    place = urlsplit(proxy.upstream)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            proxy.calls.append(self.path)
            fault = proxy.next_fault(self.path)
            if fault.delay:
                time.sleep(fault.delay)
            if fault.silent:
                self.close_connection = True
                return
            if fault.answer is not None:
                status, kind, data = fault.answer
                headers = [("Content-Type", kind), ("x-amzn-RequestId", f"fault-{time.time_ns()}")]
            else:
                link = http.client.HTTPConnection(str(place.hostname), place.port, timeout=60)
                link.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                for name, value in self.headers.items():
                    link.putheader(name, value)
                link.endheaders(body)
                response = link.getresponse()
                status, data = response.status, response.read()
                headers = [
                    (name, value)
                    for name, value in response.getheaders()
                    if name.lower() not in ("transfer-encoding", "content-length", "connection")
                ]
                link.close()
            if fault.body is not None:
                data = fault.body(data)
            try:
                self.send_response(status)
                for name, value in headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data if fault.cut is None else data[: fault.cut])
                if fault.cut is not None:
                    self.wfile.flush()
                    self.close_connection = True
            except OSError:
                self.close_connection = True

        do_GET = do_POST
        do_PUT = do_POST

        def log_message(self, *_: object) -> None:
            """Silent."""

    return Handler
