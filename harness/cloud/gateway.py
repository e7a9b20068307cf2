"""The authorization gateway: authenticates, maps, decides, and only then lets a call through.

A WSGI application in front of the inner app. For each request: who signed it, which operation it
is, which permissions that needs, whether the caller has them. What cannot be told is refused.
"""

from __future__ import annotations

import functools
import hmac
import logging
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from harness.cloud.authorizer import Authorizer
from harness.cloud.call import (
    Answer,
    ApiError,
    Call,
    Caller,
    EventStream,
    NativeService,
    Need,
    TextEvents,
    Unmapped,
    World,
)
from harness.cloud.catalogue import needs
from harness.cloud.http_request import HttpRequest, read_request
from harness.cloud.implicit_user import name_the_caller
from harness.cloud.inner import InnerApp, InnerResponse
from harness.cloud.key_names import name_the_key
from harness.cloud.keyring import Credential, KeyRing
from harness.cloud.learning import Learner
from harness.cloud.organizations import OrganizationRules
from harness.cloud.responses import (
    Response,
    access_denied,
    api_error,
    authentication_error,
    complete,
    streamed,
    text_events,
    unknown_operation,
)
from harness.cloud.sigv4 import AuthenticationError, Fault, Signature, read_signature, verify
from harness.cloud.sts import Sts
from harness.cloud.trace import Trace
from harness.cloud.trails.linked_logs import LinkedLogs
from harness.cloud.web_identity import (
    GLOBAL_REGION,
    NOBODY,
    UNSIGNED,
    WebIdentities,
    comes_unsigned,
)
from harness.cloud.wire import Operation, read_operation
from harness.iam import ALWAYS_ALLOWED

_OF_SERVICES = ("sts", "AssumeRole")
_log = logging.getLogger(__name__)
# Hop-by-hop or computed anew here.
_DROPPED_HEADERS = frozenset(
    {"connection", "transfer-encoding", "content-length", "server", "date", "x-amzn-requestid"}
)
# What a session from GetSessionToken without MFA may still ask of STS.
# https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html
_WITHOUT_MFA_STS = frozenset({"AssumeRole", "GetCallerIdentity"})
# And one from GetFederationToken.
# https://docs.aws.amazon.com/STS/latest/APIReference/API_GetFederationToken.html
_FEDERATED_STS = frozenset({"GetCallerIdentity"})


@dataclass(frozen=True, slots=True)
class Parts:
    """What a gateway is made of."""

    keys: KeyRing
    sts: Sts
    native: tuple[NativeService, ...]
    inner: InnerApp
    world: World
    authorizer: Authorizer
    organizations: OrganizationRules
    rules: tuple[Callable[[Call], None], ...]
    """What services refuse although it is allowed; each raises `ApiError`."""
    uses: tuple[Callable[[Call, tuple[Need, ...]], None], ...]
    """The same for what depends on which resources a call was decided on."""
    web_identities: WebIdentities
    learner: Learner
    trace: Trace
    linked_logs: LinkedLogs
    record: Callable[[Operation, Call, Response], None]
    """Told of every decided call, whatever came of it."""
    now: Callable[[], datetime]


class Gateway:
    """The WSGI application of an embedded cloud."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        response = self.respond(environ)
        start_response(response.status_line, response.headers)
        return response.body

    def respond(self, environ: dict[str, Any]) -> Response:
        """Answer one request. Never raises: what goes wrong inside is a 4xx, said in the log."""
        request_id = str(uuid.uuid4())
        try:
            request = read_request(environ)
        except ApiError as error:
            return Response(error.status, [("Content-Length", "0")])
        signing_name = ""
        try:
            caller, region = NOBODY, GLOBAL_REGION
            if comes_unsigned(request):
                signing_name = "sts"
            else:
                signature = read_signature(request)
                signing_name, region = signature.service, signature.region
                caller = self._authenticate(request, signature).caller
            operation = read_operation(request, signing_name)
            if caller is NOBODY and operation.name not in UNSIGNED:
                raise AuthenticationError(Fault.MISSING, "Missing Authentication Token")
        except AuthenticationError as refused:
            return authentication_error(request, signing_name, refused, request_id)
        except ApiError as error:
            return unknown_operation(request, signing_name, error, request_id)
        call = _call(request, operation, region, caller, request_id)
        try:
            call = self._parts.web_identities.identified(call)
            response = self._answer(operation, call)
        except ApiError as error:
            response = api_error(operation, error, request_id)
        except Exception:
            # A 5xx would make SDKs retry for minutes; the operation is not available.
            _log.exception("%s:%s failed inside the embedded cloud", call.service, call.operation)
            response = api_error(operation, _not_available(call), request_id)
        self._parts.record(operation, call, response)
        return response

    # -- who --------------------------------------------------------------------------

    def _authenticate(self, request: HttpRequest, signature: Signature) -> Credential:
        credential = self._parts.keys.get(signature.access_key_id)
        now = self._parts.now()
        if credential is None or not self._active(credential):
            raise AuthenticationError(
                Fault.UNKNOWN_KEY, "The security token included in the request is invalid."
            )
        verify(request, signature, credential.secret, now)
        if not hmac.compare_digest(credential.token.encode(), signature.token.encode()):
            raise AuthenticationError(
                Fault.WRONG_TOKEN, "The security token included in the request is invalid."
            )
        if credential.expires_at is not None and now >= credential.expires_at:
            raise AuthenticationError(
                Fault.EXPIRED_SESSION, "The security token included in the request is expired"
            )
        return credential

    def _active(self, credential: Credential) -> bool:
        """A user's long-term key must still exist and be active."""
        if credential.caller.kind != "user" or credential.expires_at is not None:
            return True
        return self._parts.learner.key_is_active(credential)

    # -- may they ---------------------------------------------------------------------

    def _answer(self, operation: Operation, call: Call) -> Response:
        parts = self._parts
        if call.caller.kind == "service" and (call.service, call.operation) != _OF_SERVICES:
            raise ApiError("AccessDenied", "A service principal can only assume roles.", 403)
        if call.service == "sts":
            parts.sts.check(call)
        _check_session_limits(call)
        wanted: tuple[Need, ...] = ()
        if f"{call.service}:{call.operation}".lower() not in ALWAYS_ALLOWED:
            try:
                wanted = parts.linked_logs.own(call, needs(call, parts.world))
            except Unmapped:
                parts.organizations.check(call)  # outside one, nothing in it can be named
                return access_denied(operation, _unmapped(call), call.request_id)
            note = functools.partial(parts.trace.keep, call.request_id)
            refusal = parts.authorizer.refusal(call, wanted, note)
            if refusal is not None:
                return access_denied(operation, refusal.message, call.request_id)
        for check in parts.rules:
            check(call)
        for check_use in parts.uses:
            check_use(call, wanted)
        return self._let_through(operation, call, wanted)

    def _let_through(self, operation: Operation, call: Call, wanted: tuple[Need, ...]) -> Response:
        parts = self._parts
        operation, call = name_the_caller(*parts.linked_logs.follow(operation, call))
        operation, call = name_the_key(operation, call, parts.world)
        for service in (parts.sts, *parts.native):
            if service.handles(call.service, call.operation):
                answer: Answer | EventStream | TextEvents | None = service.answer(call)
                if answer is None:
                    continue
                if isinstance(answer, EventStream):
                    return streamed(operation, answer, call.request_id)
                if isinstance(answer, TextEvents):
                    return text_events(answer, call.request_id)
                return complete(operation, answer, call.request_id)
        owner = next((n.resource_account for n in wanted if n.resource_account), call.account)
        inner = parts.inner.handle(operation, call, owner)
        if inner.status >= 500 or _is_web_page(inner):
            return api_error(operation, _not_available(call), call.request_id)
        if inner.status < 300:
            parts.learner.learn(call, operation, inner)
        return _passed_on(inner, call.request_id)


def _call(
    request: HttpRequest, operation: Operation, region: str, caller: Caller, request_id: str
) -> Call:
    return Call(
        service=operation.service,
        operation=operation.name,
        region=region,
        params=operation.params,
        caller=caller,
        headers=request.headers,
        source_ip=request.source_ip,
        request_id=request_id,
    )


def _check_session_limits(call: Call) -> None:
    caller = call.caller
    if caller.kind == "federated-user":
        allowed = _FEDERATED_STS
    elif caller.without_mfa_limits:
        allowed = _WITHOUT_MFA_STS
    else:
        return
    if call.service == "iam" or (call.service == "sts" and call.operation not in allowed):
        raise ApiError(
            "InvalidClientTokenId", "The security token included in the request is invalid", 403
        )


def _unmapped(call: Call) -> str:
    return (
        f"User: {call.caller.arn} is not authorized to perform: {call.service}:{call.operation} "
        "because the embedded cloud does not know which permissions this operation needs"
    )


def _not_available(call: Call) -> ApiError:
    return ApiError(
        "UnknownOperationException",
        f"The embedded cloud does not provide {call.service}:{call.operation}.",
        400,
    )


def _is_web_page(inner: InnerResponse) -> bool:
    """The framework's own 404 or 405 page: the inner app has no such URL. What is not there has no
    page: the answer to a HEAD of it is of the same type, and empty."""
    is_html = inner.header("content-type").startswith("text/html")
    return inner.status in (404, 405) and is_html and bool(inner.body)


def _passed_on(inner: InnerResponse, request_id: str) -> Response:
    headers = [(k, v) for k, v in inner.headers if k.lower() not in _DROPPED_HEADERS]
    headers.append(("x-amzn-RequestId", request_id))
    length = inner.header("content-length") if not inner.body else ""
    headers.append(("Content-Length", length or str(len(inner.body))))
    return Response(inner.status, headers, (inner.body,))
