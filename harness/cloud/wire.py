"""What a request asks for: an operation of a service, with its parameters.

Routing and parsing follow botocore's service models, through moto's router and parsers, which
read all of AWS's protocols but CBOR (refused). Operations that AWS has and botocore does not are
added from `extra_operations`, in the form of botocore's own models. Nothing here authenticates or
decides.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

from botocore.exceptions import UnknownServiceError
from moto.core.loaders import create_loader
from moto.core.model import OperationModel, ServiceModel
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request as MotoRequest
from moto.core.request import determine_request_protocol
from moto.core.routing import ServiceOperationRouter
from moto.core.utils import get_service_model
from werkzeug.exceptions import HTTPException

from harness.cloud.call import ApiError
from harness.cloud.canonical import canonical
from harness.cloud.http_request import HttpRequest

# A request is signed for a signing name, which is usually, but not always, the service's own.
# One signing name may serve several endpoints that our single endpoint cannot tell apart by host.
_SIGNED_FOR: Mapping[str, tuple[str, ...]] = {
    # Agents are decided only, not played; the runtime goes first, whose paths are longer.
    "bedrock": ("bedrock-runtime", "bedrock", "bedrock-agent-runtime", "bedrock-agent"),
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


_SHORT_TARGET = "CloudTrail_20131101."
_LONG_TARGET = "com.amazonaws.cloudtrail.v20131101."
_EXTRA_OPERATIONS = Path(__file__).with_name("extra_operations")


@dataclass(frozen=True, slots=True)
class Operation:
    """What a request asks for, by the service's own model."""

    service: str
    name: str
    model: OperationModel
    protocol: str
    params: Mapping[str, Any]
    request: HttpRequest
    """The canonical request that this was read from."""


def services_signed_for(signing_name: str) -> tuple[str, ...]:
    """The botocore services that a signature for `signing_name` may reach, likeliest first."""
    if signing_name in _SIGNED_FOR:
        return _SIGNED_FOR[signing_name]
    return () if signing_name in _NOT_SIGNING_NAMES else (signing_name,)


@functools.cache
def service_model(service: str) -> ServiceModel | None:
    """The model of a botocore service, or None where there is no such service."""
    try:
        model = get_service_model(service)
    except (UnknownServiceError, KeyError, ValueError):
        return None
    more = _EXTRA_OPERATIONS / f"{service}.json"
    if not more.is_file():
        return model
    known = create_loader().load_service_model(service, "service-2")
    extra = json.loads(more.read_text())
    merged = {part: {**known[part], **extra[part]} for part in ("operations", "shapes")}
    return ServiceModel({**known, **merged}, service)


@functools.cache
def _router(service: str) -> ServiceOperationRouter:
    model = service_model(service)
    assert model is not None
    return ServiceOperationRouter(model)


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
        try:
            protocol = determine_request_protocol(model, request.headers.get("content-type"))
            read = canonical(request, service, protocol)
            moto_request = MotoRequest(_with_known_target(read.environ))
            operation, uri_params = _router(service).match(moto_request)
        except (HTTPException, NotImplementedError, KeyError, ValueError):
            continue
        _refuse_ambiguous(operation, read.query)
        return Operation(
            service=service,
            name=str(operation.name),
            model=operation,
            protocol=protocol,
            params=_parse(moto_request, operation, protocol, uri_params),
            request=read,
        )
    raise ApiError("UnknownOperationException", f"No such operation of {signing_name}.", 404)


def _with_known_target(environ: Mapping[str, Any]) -> dict[str, Any]:
    """The environ, its target written as botocore's model has it: CloudTrail has two names, and
    the SDK for Go sends the short one."""
    target = str(environ.get("HTTP_X_AMZ_TARGET", ""))
    if target.startswith(_SHORT_TARGET):
        return {**environ, "HTTP_X_AMZ_TARGET": _LONG_TARGET + target}
    return dict(environ)


def _refuse_ambiguous(operation: OperationModel, query: str) -> None:
    """Raise `ApiError` where a URL names two of S3's sub-resources, such as `?acl&policy`."""
    if operation.service_model.service_name != "s3":
        return
    own = _subresources(operation.http.get("requestUri", ""))
    named = {unquote_plus(pair.partition("=")[0]) for pair in query.split("&") if pair}
    if named & _s3_subresources() - own - _query_members(operation):
        raise ApiError("InvalidRequest", f"The URL asks for more than {operation.name}.")


@functools.cache
def _s3_subresources() -> frozenset[str]:
    model = service_model("s3")
    assert model is not None
    return frozenset().union(
        *(
            _subresources(model.operation_model(name).http.get("requestUri", ""))
            for name in model.operation_names
        )
    )


def _subresources(uri: str) -> frozenset[str]:
    return frozenset(p.partition("=")[0] for p in uri.partition("?")[2].split("&") if p)


def _query_members(operation: OperationModel) -> set[str]:
    shape = operation.input_shape
    members = shape.members.values() if shape is not None else ()
    return {
        m.serialization.get("name", "")
        for m in members
        if m.serialization.get("location") == "querystring"
    }


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
