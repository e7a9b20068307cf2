"""Writes answers and errors in the wire format of the protocol that the request spoke.

moto's serializers do the writing, from botocore's models; event streams are framed event by event.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from moto.core.eventstream import EventStream as MotoEventStream
from moto.core.eventstream import EventStreamEncoder
from moto.core.model import OperationModel, ServiceModel
from moto.core.serialize import SerializationContext, get_serializer_class

from harness.cloud.call import Answer, ApiError, EventStream, TextEvents
from harness.cloud.http_request import HttpRequest
from harness.cloud.sigv4 import AuthenticationError, Fault
from harness.cloud.wire import Operation, service_model, services_signed_for

# Common error codes are not in the service models; moto warns of each.
warnings.filterwarnings("ignore", message=r"Exception\(_WireError\) with code ")

# An error's code where the protocol is XML (query, rest-xml) and where it is JSON.
# https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html
_FAULT_CODES: Mapping[Fault, tuple[str, str]] = {
    Fault.MISSING: ("MissingAuthenticationToken", "MissingAuthenticationTokenException"),
    Fault.INCOMPLETE: ("IncompleteSignature", "IncompleteSignatureException"),
    Fault.UNKNOWN_KEY: ("InvalidClientTokenId", "UnrecognizedClientException"),
    Fault.WRONG_TOKEN: ("InvalidClientTokenId", "UnrecognizedClientException"),
    Fault.WRONG_SIGNATURE: ("SignatureDoesNotMatch", "InvalidSignatureException"),
    Fault.EXPIRED_SIGNATURE: ("SignatureDoesNotMatch", "InvalidSignatureException"),
    Fault.WRONG_BODY: ("SignatureDoesNotMatch", "InvalidSignatureException"),
    Fault.EXPIRED_SESSION: ("ExpiredToken", "ExpiredTokenException"),
}
_S3_FAULT_CODES: Mapping[Fault, str] = {
    Fault.MISSING: "AccessDenied",
    Fault.UNKNOWN_KEY: "InvalidAccessKeyId",
    Fault.WRONG_TOKEN: "InvalidToken",
    Fault.EXPIRED_SIGNATURE: "RequestTimeTooSkewed",
    Fault.WRONG_BODY: "XAmzContentSHA256Mismatch",
}
_REASONS = {200: "OK", 400: "Bad Request", 403: "Forbidden", 404: "Not Found"}


@dataclass(slots=True)
class Response:
    """An HTTP response; `body` may be produced while it is sent."""

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: Iterable[bytes] = ()

    @property
    def status_line(self) -> str:
        """The status as WSGI wants it."""
        return f"{self.status} {_REASONS.get(self.status, 'Status')}"


class _WireError(Exception):
    """What moto's serializers take an error to be."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def complete(operation: Operation, answer: Answer, request_id: str) -> Response:
    """The response for an answer of a native service."""
    serializer = _serializer(operation.model, operation.service, operation.protocol, request_id)
    written = serializer.serialize(dict(answer.members))
    response = _response(written, request_id)
    response.headers += answer.headers.items()
    return response


def streamed(operation: Operation, stream: EventStream, request_id: str) -> Response:
    """The response for an event stream: each event is framed when the service yields it."""
    serializer = _serializer(operation.model, operation.service, operation.protocol, request_id)
    event_serializer = serializer._event_stream_serializer
    output: Any = operation.model.output_shape
    member: str = output.event_stream_name
    exceptions = {
        name
        for name, shape in output.members[member].members.items()
        if shape.metadata.get("exception")
    }

    def frames() -> Iterator[bytes]:
        encoder = EventStreamEncoder()
        events = ({name: dict(content)} for name, content in stream.events)
        for message in MotoEventStream({member: events}, output, event_serializer):
            name = message.headers[":event-type"]
            if name in exceptions:
                message.headers = {
                    ":message-type": "exception",
                    ":exception-type": name,
                    ":content-type": "application/json",
                }
            yield encoder.encode_event(message)

    headers = [
        ("Content-Type", "application/vnd.amazon.eventstream"),
        ("x-amzn-RequestId", request_id),
    ]
    headers += [
        (str(output.members[name].serialization["name"]), value)
        for name, value in stream.members.items()
    ]
    return Response(200, headers, frames())


def text_events(stream: TextEvents, request_id: str) -> Response:
    """The response for server-sent events, each sent when the service yields it.

    https://html.spec.whatwg.org/multipage/server-sent-events.html
    """
    headers = [("Content-Type", "text/event-stream"), ("x-amzn-RequestId", request_id)]
    frames = (
        f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in stream.events
    )
    return Response(200, headers, frames)


def api_error(operation: Operation, error: ApiError, request_id: str) -> Response:
    """The response for an error of a known operation."""
    return _error(operation.model, operation.service, operation.protocol, error, request_id)


def unknown_operation(
    request: HttpRequest, signing_name: str, error: ApiError, request_id: str
) -> Response:
    """The response for an error before the operation is known, in the likeliest protocol."""
    service, protocol = _guess(request, signing_name)
    model = service_model(service)
    assert model is not None
    return _error(OperationModel({}, model), service, protocol, error, request_id)


def authentication_error(
    request: HttpRequest, signing_name: str, error: AuthenticationError, request_id: str
) -> Response:
    """The response for a request whose signature does not hold, with its protocol's code."""
    service, protocol = _guess(request, signing_name)
    xml_code, json_code = _FAULT_CODES[error.fault]
    is_json = protocol in ("json", "rest-json")
    code = json_code if is_json else xml_code
    if service == "s3":
        code = _S3_FAULT_CODES.get(error.fault, xml_code)
    status = 400 if protocol == "json" else 403
    if service == "s3" and error.fault in (Fault.EXPIRED_SESSION, Fault.WRONG_BODY):
        status = 400
    model = service_model(service)
    assert model is not None
    return _error(
        OperationModel({}, model),
        service,
        protocol,
        ApiError(code, error.message, status),
        request_id,
    )


def access_denied(operation: Operation, message: str, request_id: str) -> Response:
    """The response for a refused call: AWS's code and status for the protocol."""
    is_json = operation.protocol in ("json", "rest-json")
    code = "AccessDeniedException" if is_json else "AccessDenied"
    status = 400 if operation.protocol == "json" else 403
    return api_error(operation, ApiError(code, message, status), request_id)


def _guess(request: HttpRequest, signing_name: str) -> tuple[str, str]:
    """The service and protocol to answer in, for a request that could not be read further."""
    for service in _candidates(signing_name) if signing_name else ():
        model = service_model(service)
        if model is not None and str(model.protocol) != "smithy-rpc-v2-cbor":
            return service, _spoken(request, model)
    content_type = request.headers.get("content-type", "")
    if "x-amz-json" in content_type or "x-amz-target" in request.headers:
        return "logs", "json"
    if "application/json" in content_type:
        return "bedrock", "rest-json"
    if "x-www-form-urlencoded" in content_type or "Action=" in request.query or not signing_name:
        return "sts", "query"
    # Of the services that are known by no name here, those without a target or an action are REST,
    # and nearly all of these speak JSON.
    return "bedrock", "rest-json"


def _candidates(signing_name: str) -> tuple[str, ...]:
    """Services whose protocol a signing name tells, whether or not they can be reached by it.

    Many are signed for as their own name with hyphens: `access-analyzer`.
    """
    return (*services_signed_for(signing_name), signing_name.replace("-", ""))


def _spoken(request: HttpRequest, model: ServiceModel) -> str:
    spoken = [str(p) for p in model.metadata.get("protocols", [model.protocol])]
    content_type = request.headers.get("content-type", "")
    if "x-amz-json" in content_type and "json" in spoken:
        return "json"
    if "x-www-form-urlencoded" in content_type and "query" in spoken:
        return "query"
    return str(model.protocol)


def _serializer(model: OperationModel, service: str, protocol: str, request_id: str) -> Any:
    make: Callable[..., Any] = get_serializer_class(service, protocol)
    return make(model, context=SerializationContext(request_id=request_id))


def _error(
    model: OperationModel, service: str, protocol: str, error: ApiError, request_id: str
) -> Response:
    serializer = _serializer(model, service, protocol, request_id)
    written = serializer.serialize(_WireError(error.code, error.message))
    response = _response(written, request_id)
    response.status = error.status
    return response


def _response(written: Mapping[str, Any], request_id: str) -> Response:
    body = written["body"]
    data = body.encode() if isinstance(body, str) else bytes(body)
    headers = {str(k): str(v) for k, v in written["headers"].items()}
    headers["x-amzn-RequestId"] = request_id
    headers["Content-Length"] = str(len(data))
    return Response(int(written["status_code"]), list(headers.items()), (data,))
