"""Reads HTTP: a WSGI environ becomes a request, a request becomes an operation with parameters.

Routing and parsing follow botocore's service models, through moto's router and parsers, which
read all of AWS's protocols but CBOR (refused). Nothing here authenticates or decides.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import UnknownServiceError
from moto.core.model import OperationModel, ServiceModel
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request as MotoRequest
from moto.core.request import determine_request_protocol
from moto.core.routing import get_service_router
from moto.core.utils import get_service_model
from werkzeug.exceptions import HTTPException

from harness.cloud.call import ApiError

# A request is signed for a signing name, which is usually, but not always, the service's own.
# One signing name may serve several endpoints that our single endpoint cannot tell apart by host.
_SIGNED_FOR: Mapping[str, tuple[str, ...]] = {
    "bedrock": ("bedrock-runtime", "bedrock", "bedrock-agent", "bedrock-agent-runtime"),
    "monitoring": ("cloudwatch",),
    "states": ("stepfunctions",),
    "tagging": ("resourcegroupstaggingapi",),
    "s3": ("s3", "s3control"),
    "dynamodb": ("dynamodb", "dynamodbstreams"),
    "elasticloadbalancing": ("elbv2", "elb"),
    "ses": ("sesv2", "ses"),
}
# Never reachable by its service name: its signing name is another one.
_NOT_SIGNING_NAMES = frozenset(s for names in _SIGNED_FOR.values() for s in names) - set(
    _SIGNED_FOR
)
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


@dataclass(frozen=True, slots=True)
class Operation:
    """What a request asks for, by the service's own model."""

    service: str
    name: str
    model: OperationModel
    protocol: str
    params: Mapping[str, Any]


def read_request(environ: dict[str, Any]) -> HttpRequest:
    """Read the whole request. Raises `ApiError` (RequestEntityTooLarge) past `MAX_BODY` bytes."""
    raw = environ.get("REQUEST_URI") or environ.get("RAW_URI") or environ.get("PATH_INFO", "/")
    if "://" in raw.split("?", 1)[0]:
        raw = "/" + raw.split("://", 1)[1].partition("/")[2]
    path, _, query = raw.partition("?")
    headers = {
        key[5:].replace("_", "-").lower(): value
        for key, value in environ.items()
        if key.startswith("HTTP_")
    }
    for key in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if environ.get(key):
            headers[key.replace("_", "-").lower()] = environ[key]
    length = int(environ.get("CONTENT_LENGTH") or 0)
    if length > MAX_BODY:
        raise ApiError("RequestEntityTooLarge", "The request body is too large.", 413)
    stream = environ["wsgi.input"]
    chunked = "chunked" in headers.get("transfer-encoding", "").lower()
    body = stream.read() if chunked else stream.read(length) if length else b""
    return HttpRequest(
        method=environ["REQUEST_METHOD"],
        path=path or "/",
        query=query,
        headers=headers,
        body=body,
        source_ip=environ.get("REMOTE_ADDR", "127.0.0.1"),
        environ=environ,
    )


def services_signed_for(signing_name: str) -> tuple[str, ...]:
    """The botocore services that a signature for `signing_name` may reach, likeliest first."""
    if signing_name in _SIGNED_FOR:
        return _SIGNED_FOR[signing_name]
    return () if signing_name in _NOT_SIGNING_NAMES else (signing_name,)


@functools.cache
def service_model(service: str) -> ServiceModel | None:
    """The model of a botocore service, or None where there is no such service."""
    try:
        return get_service_model(service)
    except (UnknownServiceError, KeyError, ValueError):
        return None


def _moto_request(request: HttpRequest) -> MotoRequest:
    environ = dict(request.environ)
    environ["RAW_URI"] = request.path + (f"?{request.query}" if request.query else "")
    environ["wsgi.input"] = _Body(request.body)
    environ["CONTENT_LENGTH"] = str(len(request.body))
    environ.pop("HTTP_TRANSFER_ENCODING", None)
    return MotoRequest(environ)


class _Body:
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

    def __iter__(self) -> _Body:
        return self

    def __next__(self) -> bytes:
        line = self.readline()
        if not line:
            raise StopIteration
        return line


def inner_environ(request: HttpRequest, account: str) -> dict[str, Any]:
    """The environ that the inner app gets: the same request, on behalf of `account`.

    Headers with which a client could choose the account itself, or moto's own behavior, are cut.
    """
    environ = {
        key: value
        for key, value in request.environ.items()
        if not key.startswith("HTTP_X_MOTO") and key != "HTTP_TRANSFER_ENCODING"
    }
    environ["RAW_URI"] = request.path + (f"?{request.query}" if request.query else "")
    environ["wsgi.input"] = _Body(request.body)
    environ["CONTENT_LENGTH"] = str(len(request.body))
    environ["HTTP_X_MOTO_ACCOUNT_ID"] = account
    return environ


def read_operation(request: HttpRequest, signing_name: str) -> Operation:
    """Find the operation of a request and parse its parameters.

    Raises `ApiError` where the service or operation is unknown, the protocol is CBOR, or the
    body does not fit the operation's input shape.
    """
    if "cbor" in request.headers.get("content-type", "") or "smithy-protocol" in request.headers:
        raise ApiError("UnknownOperationException", "This endpoint does not speak CBOR.", 404)
    for service in services_signed_for(signing_name):
        model = service_model(service)
        if model is None:
            continue
        moto_request = _moto_request(request)
        try:
            operation, uri_params = get_service_router(service).match(moto_request)
            protocol = determine_request_protocol(model, moto_request.content_type)
        except (HTTPException, NotImplementedError, KeyError, ValueError):
            continue
        return Operation(
            service=service,
            name=str(operation.name),
            model=operation,
            protocol=protocol,
            params=_parse(moto_request, operation, protocol, uri_params),
        )
    raise ApiError("UnknownOperationException", f"No such operation of {signing_name}.", 404)


def _parse(
    request: MotoRequest, operation: OperationModel, protocol: str, uri_params: Mapping[str, Any]
) -> Mapping[str, Any]:
    parser: Callable[..., Any] = PROTOCOL_PARSERS[protocol]
    try:
        parsed = parser(operation).parse(
            {
                "method": request.method,
                "values": request.values,
                "headers": request.headers,
                "body": request.data,
                "url_path": request.path,
                "url_params": uri_params,
            }
        )
    except Exception as error:
        # moto's parsers raise whatever the malformed value made Python raise.
        raise ApiError(
            "SerializationException",
            f"The request does not fit {operation.name}: {type(error).__name__}.",
        ) from None
    return parsed if isinstance(parsed, Mapping) else {}
