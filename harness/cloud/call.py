"""What a request is once it has been read: who calls, which operation, with which parameters.

Nothing here knows HTTP; `wire` makes these values and everything behind it consumes them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from harness.iam import NamedPolicy

CallerKind = Literal["root", "user", "role-session", "service", "federated-user", "web-identity"]


@dataclass(frozen=True, slots=True)
class Caller:
    """The authenticated signer of a request.

    `arn` is what GetCallerIdentity answers (for a session the STS ARN, without the role's path);
    `principal_arn` is `aws:PrincipalArn` (for a session the role's ARN, with its path).
    For a service principal both are its name, such as `lambda.amazonaws.com`; for a web identity
    what trust policies call its provider.
    """

    kind: CallerKind
    account: str
    arn: str
    principal_arn: str
    user_id: str
    entity_id: str = ""
    """The AIDA… or AROA… id of the user or role behind the caller; empty for root and services."""
    parent_arn: str = ""
    """For a federated user: the ARN of the user who asked for the session."""
    access_key_id: str = ""
    session_tags: Mapping[str, str] = field(default_factory=dict)
    transitive_tags: frozenset[str] = frozenset()
    """Keys of session tags that later sessions of the chain inherit, lower case."""
    source_identity: str = ""
    session_policies: tuple[NamedPolicy, ...] = ()
    """The inline document and the managed policies passed to AssumeRole; empty when none were."""
    issued_at: datetime | None = None
    expires_at: datetime | None = None
    source_arn: str = ""
    """For a service principal: the resource on whose behalf the service acts. `{region}` and
    `{account}` stand for those of the request."""
    via_service: bool = False
    """An AWS service makes the call with the rights of its own caller."""
    claims: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    """Condition keys from the token of a web identity, or of the one that a session began with."""
    session_claims: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    """For a web identity: the `claims` of the session that it gets."""
    mfa: bool | None = None
    without_mfa_limits: bool = False
    """From GetSessionToken without MFA: may not call IAM, nor STS but for a few operations."""


@dataclass(frozen=True, slots=True)
class Call:
    """One AWS API call, parsed by the service's own model.

    `service` and `operation` are botocore's names (`bedrock-runtime`, `Converse`); `params` has the
    members of the operation's input shape under the shape's own (not snake_case) names;
    `region` is the one the request was signed for.
    """

    service: str
    operation: str
    region: str
    params: Mapping[str, Any]
    caller: Caller
    headers: Mapping[str, str] = field(default_factory=dict)
    """Lower-case names."""
    source_ip: str = "127.0.0.1"
    request_id: str = ""
    told: Mapping[str, str] = field(default_factory=dict)
    """What the token of a web identity says, as the answer repeats it."""

    @property
    def account(self) -> str:
        return self.caller.account


class ApiError(Exception):
    """An answer other than success: an AWS error code, the message and the HTTP status (4xx)."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


@dataclass(frozen=True, slots=True)
class EventStream:
    """A streamed answer: (event member name, event content) pairs, sent as they are produced."""

    events: Iterator[tuple[str, Mapping[str, Any]]]
    members: Mapping[str, str] = field(default_factory=dict)
    """The members of the output that are headers."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer: the members of the operation's output shape, under the shape's names."""

    members: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers that the service's model does not know, and that AWS sends."""


@dataclass(frozen=True, slots=True)
class TextEvents:
    """A stream of server-sent events: JSON objects whose `type` names the event."""

    events: Iterator[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Need:
    """One permission that a call needs.

    `resource` is a full ARN or `*`. `resource_account` owns the resource (empty for `*` and for
    things AWS owns, such as foundation models: no resource policy, no cross-account rule).
    `context` holds the service's own condition keys for this need; absent keys stay absent.
    """

    action: str
    resource: str
    resource_account: str
    context: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)


class Unmapped(Exception):
    """The catalogue does not know which permissions the operation needs: refuse it."""

    def __init__(self, service: str, operation: str) -> None:
        super().__init__(f"{service}:{operation}")
        self.service = service
        self.operation = operation


@dataclass(frozen=True, slots=True)
class Sealed:
    """How data are encrypted by KMS: the key as it was named, empty for the service's own; and
    whether an S3 Bucket Key stands between, so that the bucket is the encryption context."""

    key: str
    by_bucket: bool = False


class World(Protocol):
    """What the catalogue must look up to name the resources of a call. `None`: no such thing."""

    def role_arn(self, account: str, name: str) -> str | None: ...
    def user_arn(self, account: str, name: str) -> str | None: ...
    def group_arn(self, account: str, name: str) -> str | None: ...
    def instance_profile_arn(self, account: str, name: str) -> str | None: ...
    def key_arn(self, account: str, region: str, key: str) -> str | None:
        """From a key id, key ARN, alias name or alias ARN to the key's ARN."""

    def secret_arn(self, account: str, region: str, secret: str) -> str | None:
        """From a secret's name or ARN, as the service takes it, to its full ARN."""

    def bucket_account(self, bucket: str) -> str | None: ...
    def inference_profile(
        self, account: str, region: str, identifier: str
    ) -> tuple[str, tuple[str, ...]] | None:
        """From an id or ARN of an inference profile to (its ARN, the model ARNs behind it)."""

    def enforced_guardrail(self, account: str, region: str, identifier: str) -> str | None:
        """The ARN of the guardrail that the account enforces on calls of a model or profile."""

    def organization_arn(self, account: str, identifier: str) -> str | None:
        """From the id of a policy, root, unit or account in `account`'s organization to its ARN."""

    def permissions_boundary(self, arn: str) -> str | None:
        """The ARN of the boundary on a role or user, by its own ARN."""

    def sealed_object(self, bucket: str, key: str, version: str) -> Sealed | None: ...
    def sealing_bucket(self, bucket: str) -> Sealed | None: ...
    def sealing_upload(self, bucket: str, upload: str) -> Sealed | None: ...
    def sealed_secret(self, arn: str) -> Sealed | None: ...
    def sealed_parameters(
        self, arn: str, *, below: bool = False, version: str = ""
    ) -> tuple[tuple[str, Sealed], ...]:
        """ARNs and keys of secure strings: one, or all below it as well.

        `version` is a number or a label, empty for the latest, `*` for all.
        """


class ServiceRole(Protocol):
    """Calls made by an AWS service through a role that trusts it, decided like any other."""

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
        """Returns the members of the answer; raises `ApiError` (AccessDenied included).

        `role_account` has the role, where it is not the account that the service acts for.
        """

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
        """Raises `ApiError` (AccessDenied) where the service or its role lacks a permission."""

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
        """Writes an object as the service itself, which the bucket's policy must allow.

        `owner` must own the bucket, unless it is empty.
        """

    def forward(
        self,
        caller: Call,
        service: str,
        region: str,
        operation: str,
        params: Mapping[str, Any],
    ) -> Mapping[str, Any]:
        """The same with the rights of whoever made the call `caller`."""


class NativeService(Protocol):
    """A service the embedded cloud plays itself instead of leaving it to the inner app.

    Authorization has already passed when `answer` is called.
    """

    def handles(self, service: str, operation: str) -> bool: ...
    def answer(self, call: Call) -> Answer | EventStream | TextEvents | None:
        """None: not this call after all; the next service or the inner app answers it."""
