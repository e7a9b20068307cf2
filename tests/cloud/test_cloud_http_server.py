"""The HTTP server: answers go out whole, events at once, and connections end with their client."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from harness.cloud.http_server import HOST, LoopbackServer

PATIENCE = 10.0
App = Callable[[dict[str, Any], Any], Iterable[bytes]]


@pytest.fixture
def serve() -> Iterator[Callable[[App], LoopbackServer]]:
    running: list[LoopbackServer] = []

    def start(app: App) -> LoopbackServer:
        running.append(LoopbackServer(app, threads=4))
        running[-1].start()
        return running[-1]

    yield start
    for server in running:
        server.stop()


def _sized(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Length", str(len(body) + 3))])
    return [b"ok " + body]


def _ask(server: LoopbackServer) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(HOST, server.port, timeout=PATIENCE)


def _raw(server: LoopbackServer, request: bytes) -> socket.socket:
    link = socket.create_connection((HOST, server.port), timeout=PATIENCE)
    link.sendall(request)
    return link


def test_headers_and_body_go_out_in_one(
    serve: Callable[[App], LoopbackServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[bytes] = []
    send = LoopbackServer.channel_class.send

    def recording(self: Any, data: bytes, do_close: bool = True) -> int:
        sent.append(bytes(data))
        return int(send(self, data, do_close))

    monkeypatch.setattr(LoopbackServer.channel_class, "send", recording)
    connection = _ask(serve(_sized))
    for body in (b"one", b"two"):
        connection.request("POST", "/", body=body)
        assert connection.getresponse().read() == b"ok " + body
    assert [part.rpartition(b"\r\n\r\n")[2] for part in sent] == [b"ok one", b"ok two"]


def test_a_part_is_there_before_the_next_is_made(
    serve: Callable[[App], LoopbackServer],
) -> None:
    read = threading.Event()

    def streaming(_environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b"first"
        assert read.wait(PATIENCE), "the first part did not arrive"
        yield b"second"

    connection = _ask(serve(streaming))
    connection.request("GET", "/")
    answer = connection.getresponse()
    assert answer.read(5) == b"first"
    read.set()
    assert answer.read() == b"second"


@pytest.mark.parametrize("method", ["HEAD", "DELETE"])
def test_an_answer_without_a_body_arrives(
    serve: Callable[[App], LoopbackServer], method: str
) -> None:
    def bare(_environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("204 No Content" if method == "DELETE" else "404 Not Found", [])
        return []

    connection = _ask(serve(bare))
    connection.request(method, "/")
    assert connection.getresponse().status in (204, 404)


def test_a_body_that_an_answer_to_head_has_is_not_sent(
    serve: Callable[[App], LoopbackServer],
) -> None:
    def wordy(_environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("403 Forbidden", [("Content-Length", "4")])
        return [b"no, "]

    with _raw(serve(wordy), b"HEAD / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n") as link:
        got = b"".join(iter(lambda: link.recv(65536), b""))
    assert got.startswith(b"HTTP/1.1 403 Forbidden\r\n")
    assert b"Content-Length: 4\r\n" in got
    assert got.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("body", [b"", b"abc"])
def test_a_client_that_waits_to_continue_is_answered(
    serve: Callable[[App], LoopbackServer], body: bytes
) -> None:
    length = str(len(body)).encode()
    head = b"PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: " + length
    with _raw(serve(_sized), head + b"\r\n\r\n") as link:
        first = link.recv(65536)
        if body:
            assert first == b"HTTP/1.1 100 Continue\r\n\r\n"
            link.sendall(body)
            first = link.recv(65536)
        assert first.startswith(b"HTTP/1.1 200 OK\r\n")
        assert first.endswith(b"\r\n\r\nok " + body)


def test_the_path_is_passed_on_as_it_was_sent(serve: Callable[[App], LoopbackServer]) -> None:
    seen: list[str] = []

    def noting(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.append(environ["REQUEST_URI"])
        start_response("200 OK", [("Content-Length", "0")])
        return []

    connection = _ask(serve(noting))
    connection.request("GET", "//a%2Fb/../c?x=%20y")
    connection.getresponse().read()
    assert seen == ["//a%2Fb/../c?x=%20y"]


def test_an_error_of_the_application_is_a_500_and_no_traceback(
    serve: Callable[[App], LoopbackServer],
) -> None:
    def failing(_environ: dict[str, Any], _start_response: Any) -> list[bytes]:
        raise RuntimeError("do not tell")

    connection = _ask(serve(failing))
    connection.request("GET", "/")
    answer = connection.getresponse()
    assert answer.status == 500
    assert b"do not tell" not in answer.read()


def test_a_stopped_server_frees_its_port_and_a_taken_port_is_an_error() -> None:
    server = LoopbackServer(_sized)
    server.start()
    with pytest.raises(OSError, match="in use"):
        LoopbackServer(_sized, server.port)
    connection = _ask(server)
    connection.request("POST", "/", body=b"x")
    connection.getresponse().read()
    server.stop()
    with pytest.raises(OSError):
        socket.create_connection((HOST, server.port), timeout=PATIENCE)
