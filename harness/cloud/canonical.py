"""One reading of a request, for whoever parses it.

The gateway decides what a request asks for and the inner app does it. Both parse it, so whatever
two parsers may read differently is removed or refused here, before either has looked: parameters in
two places, names given twice, headers and hosts that could choose another service, Region or
operation. What is left says the same to both.
"""

from __future__ import annotations

import dataclasses
import re
import zlib
from typing import Any
from urllib.parse import unquote_plus

from harness.cloud.call import ApiError
from harness.cloud.http_request import MAX_BODY, Body, HttpRequest, headers_of

FORM = "application/x-www-form-urlencoded"
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
_BUCKET_HOST = re.compile(
    r"(?P<bucket>[a-z0-9.-]{3,63})\.s3(?:[.-][a-z0-9-]+)?\.amazonaws\.com(?::443)?"
)
_SIGNATURE_PARAMETERS = frozenset(
    f"x-amz-{name}"
    for name in (
        *("algorithm", "content-sha256", "credential", "date", "expires", "security-token"),
        *("signature", "signedheaders"),
    )
)
# Signed or not, these could tell the inner app another account, service, Region or body.
_DROPPED = (
    *("HTTP_HOST", "HTTP_USER_AGENT", "HTTP_TRANSFER_ENCODING", "HTTP_X_HTTP_METHOD_OVERRIDE"),
    *("HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PREFIX", "HTTP_FORWARDED"),
)


def canonical(request: HttpRequest, service: str, protocol: str) -> HttpRequest:
    """The request as every parser shall read it, for an operation of `service`.

    Raises `ApiError` where it says different things in different places.
    """
    query = _without_signature(request.query)
    request = _decoded(request) if service != "s3" else _path_style(request)
    if protocol in ("query", "ec2"):
        return _form(request, query)
    if protocol == "json":
        # All of it is in the target header and the body.
        return _rebuilt(request, path="/", query="")
    return _rebuilt(request, query=query, drop=("HTTP_X_AMZ_TARGET",))


def _form(request: HttpRequest, query: str) -> HttpRequest:
    """Query protocols: parameters in the URL, the body or both become one form."""
    pairs = [pair for pair in query.split("&") if pair]
    if request.body:
        try:
            pairs += [pair for pair in request.body.decode("ascii").split("&") if pair]
        except UnicodeDecodeError:
            raise ApiError("MalformedQueryString", "The form is not percent-encoded.") from None
    names = [unquote_plus(pair.partition("=")[0]) for pair in pairs]
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ApiError("MalformedQueryString", f"The parameter {twice} is given more than once.")
    return _rebuilt(
        request,
        method="POST",
        path="/",
        query="",
        body="&".join(pairs).encode(),
        content_type=FORM,
        drop=("HTTP_X_AMZ_TARGET",),
    )


def _path_style(request: HttpRequest) -> HttpRequest:
    """The request with its bucket in the path, where the signed host names it, as that of real
    endpoints does."""
    found = _BUCKET_HOST.fullmatch(request.headers.get("host", ""))
    if found is None:
        return request
    bucket = f"/{found['bucket']}"
    environ = {**request.environ, "PATH_INFO": bucket + request.environ.get("PATH_INFO", "/")}
    path = bucket + request.path
    return dataclasses.replace(request, path=path, environ=environ)


def _decoded(request: HttpRequest) -> HttpRequest:
    """The request with its body as it was before compression."""
    encoding = request.headers.get("content-encoding", "")
    if not encoding:
        return request
    if encoding != "gzip":
        raise ApiError("SerializationException", f"Content-Encoding {encoding!r} is not supported.")
    try:
        stream = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        body = stream.decompress(request.body, MAX_BODY)
        complete = stream.eof and not stream.unconsumed_tail
    except zlib.error:
        complete = False
    if not complete:
        raise ApiError("SerializationException", "The body is not gzip, or is too large.")
    return _rebuilt(request, body=body, drop=("HTTP_CONTENT_ENCODING",))


def _rebuilt(
    request: HttpRequest,
    *,
    method: str | None = None,
    path: str | None = None,
    query: str | None = None,
    body: bytes | None = None,
    content_type: str | None = None,
    drop: tuple[str, ...] = (),
) -> HttpRequest:
    """A request with these parts exchanged, in its fields and in its environ alike."""
    method = request.method if method is None else method
    query = request.query if query is None else query
    body = request.body if body is None else body
    dropped = {*_DROPPED, *drop}
    environ: dict[str, Any] = {
        key: value
        for key, value in request.environ.items()
        if key not in dropped and not key.startswith("HTTP_X_MOTO")
    }
    if path is None:
        path = request.path
    else:
        environ["PATH_INFO"] = path
    host = f"127.0.0.1:{environ.get('SERVER_PORT', '80')}"
    target = path + (f"?{query}" if query else "")
    environ |= {
        "HTTP_HOST": host,
        "REQUEST_METHOD": method,
        "QUERY_STRING": query,
        "RAW_URI": target,
        "REQUEST_URI": target,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": Body(body),
    }
    if content_type is not None:
        environ["CONTENT_TYPE"] = content_type
    return dataclasses.replace(
        request,
        method=method,
        path=path,
        query=query,
        body=body,
        headers=headers_of(environ),
        environ=environ,
    )


def _without_signature(query: str) -> str:
    return "&".join(
        pair
        for pair in query.split("&")
        if pair and unquote_plus(pair.partition("=")[0]).lower() not in _SIGNATURE_PARAMETERS
    )
