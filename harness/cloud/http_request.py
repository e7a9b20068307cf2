"""Reads HTTP: a WSGI environ becomes a request, whole and as it was sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.cloud.call import ApiError

MAX_BODY = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One HTTP request: raw (still percent-encoded) path and query, lower-case header names."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    source_ip: str
    environ: dict[str, Any]


def read_request(environ: dict[str, Any]) -> HttpRequest:
    """Read the whole request. Raises `ApiError` (RequestEntityTooLarge) past `MAX_BODY` bytes."""
    raw = environ.get("REQUEST_URI") or environ.get("RAW_URI") or environ.get("PATH_INFO", "/")
    if raw.startswith(("http://", "https://")):
        raw = "/" + raw.split("://", 1)[1].partition("/")[2]
    path, _, query = raw.partition("?")
    headers = headers_of(environ)
    length = int(environ.get("CONTENT_LENGTH") or 0)
    if length > MAX_BODY:
        raise ApiError("RequestEntityTooLarge", "The request body is too large.", 413)
    stream = environ["wsgi.input"]
    chunked = "chunked" in headers.get("transfer-encoding", "").lower()
    body = stream.read(MAX_BODY + 1) if chunked else stream.read(length) if length else b""
    if len(body) > MAX_BODY:
        raise ApiError("RequestEntityTooLarge", "The request body is too large.", 413)
    return HttpRequest(
        method=environ["REQUEST_METHOD"],
        path=path or "/",
        query=query,
        headers=headers,
        body=body,
        source_ip=environ.get("REMOTE_ADDR", "127.0.0.1"),
        environ=environ,
    )


def headers_of(environ: Mapping[str, Any]) -> dict[str, str]:
    """The headers of a WSGI environ, by lower-case name."""
    headers = {
        key[5:].replace("_", "-").lower(): value
        for key, value in environ.items()
        if key.startswith("HTTP_")
    }
    for key in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if environ.get(key):
            headers[key.replace("_", "-").lower()] = environ[key]
    return headers


class Body:
    """A readable body for WSGI consumers, without copying it into a BytesIO buffer twice."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0

    def read(self, size: int = -1) -> bytes:
        end = len(self._body) if size < 0 else min(self._at + size, len(self._body))
        chunk = self._body[self._at : end]
        self._at = end
        return chunk

    def readline(self, size: int = -1) -> bytes:
        stop = self._body.find(b"\n", self._at)
        end = len(self._body) if stop < 0 else stop + 1
        return self.read(min(end - self._at, size) if size >= 0 else end - self._at)

    def __iter__(self) -> Body:
        return self

    def __next__(self) -> bytes:
        line = self.readline()
        if not line:
            raise StopIteration
        return line
