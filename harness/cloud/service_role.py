"""Calls that an AWS service makes through a role that trusts it, such as Bedrock writing its log.

Nothing is taken for granted: the role's trust policy decides whether the service gets a session,
and each call is a signed request that passes the gateway like any other.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast
from urllib.parse import urlsplit

import botocore.session
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.s3.models import s3_backends

from harness.cloud.authorizer import Authorizer
from harness.cloud.call import ApiError, Call, Caller, Need, World
from harness.cloud.catalogue.special.sealed import objects
from harness.cloud.key_states import check_keys
from harness.cloud.keyring import Credential
from harness.cloud.responses import Response
from harness.estate import EstateSource, RoleRecord

Issue = Callable[[Caller, int], Credential]
_SECONDS = 900


class InProcessServiceRole:
    """`ServiceRole` over the gateway itself, without a socket.

    `lives` tells whether the session of an access key id has not expired.
    """

    def __init__(
        self,
        authorizer: Authorizer,
        estate: EstateSource,
        issue: Issue,
        lives: Callable[[str], bool],
        respond: Callable[[dict[str, Any]], Response],
    ) -> None:
        self._authorizer = authorizer
        self._estate = estate
        self._issue = issue
        self._lives = lives
        self._respond = respond
        self._lock = threading.Lock()
        self._clients: dict[tuple[str, str, str], tuple[str, Any]] = {}
        # One session, since reading a service's model costs a tenth of a second; no profile, since
        # one that somebody's environment names would be looked up.
        self._session = botocore.session.Session(session_vars={"profile": (None, None, None, None)})

    def call(
        self,
        *,
        role_arn: str,
        service_principal: str,
        source_account: str,
        source_arn: str,
        service: str,
        operation: str,
        region: str,
        params: Mapping[str, Any],
        role_account: str = "",
    ) -> Mapping[str, Any]:
        """Assume the role as the service and make one call. Raises `ApiError`.

        The role is one of `source_account`, on whose behalf the service acts, unless the feature
        has it in another account, `role_account`, as destinations of log events do.
        """
        place = (role_account or source_account, region)
        role = self._trusting(role_arn, service_principal, source_account, source_arn, place)
        return _called(self._client(role, service, region), operation, params)

    def check(
        self,
        *,
        role_arn: str,
        service_principal: str,
        source_account: str,
        source_arn: str,
        region: str,
        needs: tuple[Need, ...],
    ) -> None:
        """Raise `ApiError` (AccessDenied) where the role lacks one of `needs`; call nothing."""
        place = (source_account, region)
        role = self._trusting(role_arn, service_principal, source_account, source_arn, place)
        service, _, operation = needs[0].action.partition(":")
        asked = Call(service, operation, region, {}, _session(role))
        refusal = self._authorizer.refusal(asked, needs)
        if refusal is not None:
            raise ApiError("AccessDenied", refusal.message, 403)
        check_keys(asked, needs)

    def put_object(
        self,
        *,
        service_principal: str,
        source_account: str,
        source_arn: str,
        region: str,
        bucket: str,
        key: str,
        body: bytes,
        owner: str = "",
    ) -> None:
        """Write an object as the service itself, which the bucket's policy must allow.

        `owner` must own the bucket, where the feature takes no other's. Raises `ApiError`
        (NoSuchBucket, AccessDenied).
        """
        found = s3_backends.bucket_accounts.get(bucket)
        if found is None or owner not in ("", found[1]):
            raise ApiError("NoSuchBucket", "The specified bucket does not exist", 404)
        _, owning = found
        caller = Caller(
            kind="service",
            account=source_account,
            arn=service_principal,
            principal_arn=service_principal,
            user_id=service_principal,
            source_arn=source_arn,
        )
        asked = Call("s3", "PutObject", region, {"Bucket": bucket, "Key": key}, caller)
        need = Need("s3:PutObject", f"arn:aws:s3:::{bucket}/{key}", owning)
        # The estate of a cloud is its world as well.
        sealing = objects(asked, cast("World", self._estate))
        refusal = self._authorizer.refusal(asked, (need, *sealing))
        if refusal is not None:
            raise ApiError("AccessDenied", refusal.message, 403)
        check_keys(asked, sealing)
        s3_backends[owning]["aws"].put_object(bucket, key, body)

    def forward(
        self,
        caller: Call,
        service: str,
        region: str,
        operation: str,
        params: Mapping[str, Any],
    ) -> Mapping[str, Any]:
        """Make one call as the caller of another: with its tags and policies. Raises `ApiError`.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/access_forward_access_sessions.html
        """
        credential = self._issue(replace(caller.caller, via_service=True), _SECONDS)
        with self._lock:
            client = self._made(credential, service, region)
        return _called(client, operation, params)

    def _trusting(
        self,
        role_arn: str,
        service_principal: str,
        account: str,
        source_arn: str,
        place: tuple[str, str],
    ) -> RoleRecord:
        """The role, of the account and Region `place`, which trusts the service now.

        Raises `ApiError` (AccessDenied).
        """
        holder, region = place
        service = Caller(
            kind="service",
            account=account,
            arn=service_principal,
            principal_arn=service_principal,
            user_id=service_principal,
            source_arn=source_arn,
        )
        asked = Call("sts", "AssumeRole", region, {"RoleArn": role_arn}, service)
        owner = role_arn.split(":")[4] if role_arn.count(":") >= 5 else ""
        need = Need("sts:AssumeRole", role_arn, owner, {"sts:RoleSessionName": "service"})
        refusal = self._authorizer.refusal(asked, (need,))
        if refusal is not None:
            raise ApiError("AccessDenied", refusal.message, 403)
        role = self._estate.role(owner, role_arn.rsplit("/", 1)[1])
        if role is None or role.arn != role_arn or owner != holder:
            raise ApiError("AccessDenied", f"{service_principal} cannot use {role_arn}.", 403)
        return role

    def _assume(self, role: RoleRecord) -> Credential:
        return self._issue(_session(role), _SECONDS)

    def _client(self, role: RoleRecord, service: str, region: str) -> Any:
        """A client with a session of the role. Making one takes far longer than using it, so it is
        kept while its session lives; that the role trusts the service is decided for every call.
        """
        place = (role.role_id, service, region)
        with self._lock:  # making clients of one session is not safe for threads
            kept = self._clients.get(place)
            if kept is not None and self._lives(kept[0]):
                return kept[1]
            self._clients = {p: c for p, c in self._clients.items() if self._lives(c[0])}
            credential = self._assume(role)
            client = self._made(credential, service, region)
            self._clients[place] = (credential.access_key_id, client)
        return client

    def _made(self, credential: Credential, service: str, region: str) -> Any:
        """A new client. The caller holds the lock."""
        client = self._session.create_client(
            service,
            region_name=region,
            endpoint_url="http://gateway.invalid",
            aws_access_key_id=credential.access_key_id,
            aws_secret_access_key=credential.secret,
            aws_session_token=credential.token,
            config=Config(
                retries={"total_max_attempts": 1},
                signature_version="s3v4" if service == "s3" else "v4",
                s3={"addressing_style": "path"},
            ),
        )
        client.meta.events.register(f"before-send.{service}", cast("Any", self._send))
        return client

    def _send(self, request: AWSPreparedRequest, **_: object) -> AWSResponse:
        response = self._respond(_environ(request))
        body = b"".join(response.body)
        headers: Any = _Headers(response.headers)
        return AWSResponse(request.url, response.status, headers, _Raw(body))


def _session(role: RoleRecord) -> Caller:
    """The caller that a service is with a role."""
    _, partition, _, _, owner, _ = role.arn.split(":", 5)
    session = f"arn:{partition}:sts::{owner}:assumed-role/{role.name}/service"
    return Caller(
        kind="role-session",
        account=owner,
        arn=session,
        principal_arn=role.arn,
        user_id=f"{role.role_id}:service",
        entity_id=role.role_id,
        mfa=False,
    )


def _called(client: Any, operation: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
    method = client.meta.method_to_api_mapping
    name = next(python for python, api in method.items() if api == operation)
    try:
        answer: Mapping[str, Any] = getattr(client, name)(**params)
    except ClientError as error:
        details = error.response["Error"]
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        raise ApiError(details["Code"], details["Message"], status) from None
    return answer


class _Headers(dict[str, str]):
    def __init__(self, headers: list[tuple[str, str]]) -> None:
        super().__init__((name.lower(), value) for name, value in headers)

    def get(self, key: str, default: Any = None) -> Any:
        return super().get(key.lower(), default)

    def __getitem__(self, key: str) -> str:
        return super().__getitem__(key.lower())


class _Raw(io.BytesIO):
    """What botocore expects below an `AWSResponse`."""

    def stream(self, amt: int = 65536, **_: object) -> Any:
        while chunk := self.read(amt):
            yield chunk


def _environ(request: AWSPreparedRequest) -> dict[str, Any]:
    url = urlsplit(request.url)
    body: Any = request.body or b""
    if hasattr(body, "read"):  # S3's uploads
        body = body.read()
    data = body.encode() if isinstance(body, str) else bytes(body)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "REQUEST_URI": url.path + (f"?{url.query}" if url.query else ""),
        "PATH_INFO": url.path,
        "QUERY_STRING": url.query,
        "HTTP_HOST": url.netloc,
        "SERVER_NAME": url.hostname or "",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(data),
        "wsgi.errors": io.StringIO(),
        "wsgi.version": (1, 0),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    headers: Any = request.headers
    for name, value in headers.items():
        text = value.decode() if isinstance(value, bytes) else str(value)
        key = name.upper().replace("-", "_")
        environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = text
    environ["CONTENT_LENGTH"] = str(len(data))
    return environ
