"""The gateway's own STS: makes sessions and answers who a caller is.

Authorization has passed before `answer` is called (GetCallerIdentity and GetSessionToken need
none). Who bears a web identity's token is found out in `web_identity`. What is not played answers a
4xx at once.
https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from harness.cloud.call import Answer, ApiError, Call, Caller
from harness.cloud.keyring import Credential, KeyRing, new_key_id, new_secret, new_token
from harness.cloud.saved_policies import IAM, refuse_malformed
from harness.cloud.sts_parameters import (
    EXTERNAL_ID,
    FEDERATED_NAME,
    ROLE_ARN,
    SESSION_NAME,
    check_tags,
    credentials,
    duration,
    invalid,
    packed_size,
)
from harness.estate import EstateSource
from harness.estate.policies import named
from harness.iam import NamedPolicy, PolicyError, PolicyKind

_MAX_SESSION_POLICY = 2048


class Sts:
    """Answers the STS operations of a cloud."""

    def __init__(self, estate: EstateSource, keys: KeyRing, now: Callable[[], datetime]) -> None:
        self._estate = estate
        self._keys = keys
        self._now = now
        self._operations: Mapping[str, Callable[[Call], Answer]] = {
            "AssumeRole": self._assume_role,
            "AssumeRoleWithWebIdentity": self._assume_role,
            "GetFederationToken": self._get_federation_token,
            "GetCallerIdentity": self._get_caller_identity,
            "GetSessionToken": self._get_session_token,
            "GetAccessKeyInfo": self._get_access_key_info,
        }

    def handles(self, service: str, operation: str) -> bool:
        """All of STS: what is not played is refused here, never passed on."""
        del operation
        return service == "sts"

    def answer(self, call: Call) -> Answer:
        """The answer to an authorized call. Raises `ApiError`."""
        operation = self._operations.get(call.operation)
        if operation is None:
            raise ApiError("InvalidAction", f"{call.operation} is not available here.", 400)
        for name in sorted(call.params.keys() - _PLAYED[call.operation]):
            # A session that lacks what was asked for would be another one than the policies let.
            raise ApiError("ValidationError", f"{name} of {call.operation} is not available here.")
        return operation(call)

    def check(self, call: Call) -> None:
        """What AWS refuses before it looks at any policy. Raises `ApiError`."""
        if call.operation in _LONG_TERM_ONLY and call.caller.expires_at is not None:
            raise ApiError(
                "AccessDenied", f"Cannot call {call.operation} with session credentials", 403
            )
        if call.operation == "GetFederationToken":
            self._check_federation(call)
        elif call.operation in _ASSUMING:
            _check_assuming(call)

    def _check_federation(self, call: Call) -> None:
        if call.caller.kind != "user":
            raise ApiError("AccessDenied", "Only a user's federation is played here.", 403)
        if not FEDERATED_NAME.fullmatch(str(call.params.get("Name", ""))):
            raise invalid("name", r"must satisfy the pattern [\w+=,.@-]{2,32}")
        _seconds(call.params)
        check_tags(call.caller, call.params)

    def _assume_role(self, call: Call) -> Answer:
        params, caller = call.params, call.caller
        arn = str(params["RoleArn"])
        account = arn.split(":")[4]
        role = self._estate.role(account, arn.rsplit("/", 1)[1])
        if role is None or role.arn != arn:
            raise ApiError("AccessDenied", f"{arn} cannot be assumed.", 403)
        seconds = duration(params.get("DurationSeconds"), role, caller)
        new_tags = {tag["Key"]: tag["Value"] for tag in params.get("Tags") or ()}
        inherited = {
            k: v for k, v in caller.session_tags.items() if k.lower() in caller.transitive_tags
        }
        transitive = {key.lower() for key in params.get("TransitiveTagKeys") or ()}
        name = str(params["RoleSessionName"])
        session = Caller(
            kind="role-session",
            account=account,
            arn=f"arn:{arn.split(':')[1]}:sts::{account}:assumed-role/{role.name}/{name}",
            principal_arn=role.arn,
            user_id=f"{role.role_id}:{name}",
            entity_id=role.role_id,
            session_tags={**inherited, **new_tags},
            transitive_tags=frozenset(transitive | {key.lower() for key in inherited}),
            source_identity=str(params.get("SourceIdentity") or caller.source_identity),
            session_policies=self._session_policies(account, params),
            claims=caller.session_claims,
            mfa=False,
        )
        packed = packed_size(params)
        credential = self.issue(session, seconds)
        members: dict[str, Any] = {
            "Credentials": credentials(credential),
            "AssumedRoleUser": {"AssumedRoleId": session.user_id, "Arn": session.arn},
            **call.told,
        }
        if session.source_identity:
            members["SourceIdentity"] = session.source_identity
        if params.get("Policy") or params.get("PolicyArns") or params.get("Tags"):
            members["PackedPolicySize"] = packed
        return Answer(members)

    def _session_policies(self, account: str, params: Mapping[str, Any]) -> tuple[NamedPolicy, ...]:
        policies: list[NamedPolicy] = []
        document = params.get("Policy")
        if document:
            if len(document) > _MAX_SESSION_POLICY:
                raise invalid("policy", f"must have length at most {_MAX_SESSION_POLICY}")
            refuse_malformed(document, PolicyKind.SESSION, IAM)
            try:
                policies.append(named(PolicyKind.SESSION, "session policy", document))
            except PolicyError as error:
                raise ApiError("MalformedPolicyDocument", str(error)) from None
        arns = params.get("PolicyArns") or ()
        if len(arns) > 10:
            raise invalid("policyArns", "must have at most 10 members")
        for entry in arns:
            policy = self._estate.managed_policy(account, str(entry.get("arn", "")))
            if policy is None:
                raise ApiError("MalformedPolicyDocument", "A policy in PolicyArns does not exist.")
            policies.append(NamedPolicy(PolicyKind.SESSION, policy.name, policy.policy))
        return tuple(policies)

    def lives(self, access_key_id: str) -> bool:
        """Whether a session is known and lasts for another minute at least."""
        credential = self._keys.get(access_key_id)
        ends = None if credential is None else credential.expires_at
        return ends is not None and ends - self._now() > timedelta(minutes=1)

    def issue(self, session: Caller, seconds: int) -> Credential:
        """A new session for a caller, `seconds` long."""
        now = self._now().astimezone(UTC).replace(microsecond=0)
        expires = now + timedelta(seconds=seconds)
        key_id = new_key_id("ASIA")
        caller = replace(session, access_key_id=key_id, issued_at=now, expires_at=expires)
        return self._keys.add(
            Credential(key_id, new_secret(), caller, token=new_token(), expires_at=expires)
        )

    def _get_caller_identity(self, call: Call) -> Answer:
        caller = call.caller
        return Answer({"UserId": caller.user_id, "Account": caller.account, "Arn": caller.arn})

    def _get_session_token(self, call: Call) -> Answer:
        if call.params.get("SerialNumber") or call.params.get("TokenCode"):
            raise ApiError(
                "AccessDenied",
                "MultiFactorAuthentication failed with invalid MFA one time pass code.",
                403,
            )
        limit = 3600 if call.caller.kind == "root" else 129_600
        seconds = min(_seconds(call.params), limit)
        session = replace(call.caller, mfa=False, without_mfa_limits=True)
        return Answer({"Credentials": credentials(self.issue(session, seconds))})

    def _get_federation_token(self, call: Call) -> Answer:
        """A session of a federated user: what both its user and the session policies allow.

        https://docs.aws.amazon.com/STS/latest/APIReference/API_GetFederationToken.html
        """
        params, user = call.params, call.caller
        name = str(params["Name"])
        session = Caller(
            kind="federated-user",
            account=user.account,
            arn=(arn := f"arn:aws:sts::{user.account}:federated-user/{name}"),
            principal_arn=arn,
            user_id=f"{user.account}:{name}",
            entity_id=user.entity_id,
            parent_arn=user.principal_arn,
            session_tags={tag["Key"]: tag["Value"] for tag in params.get("Tags") or ()},
            session_policies=self._session_policies(user.account, params),
            mfa=False,
        )
        packed = packed_size(params)
        members = {
            "Credentials": credentials(self.issue(session, _seconds(params))),
            "FederatedUser": {"FederatedUserId": session.user_id, "Arn": arn},
            "PackedPolicySize": packed,
        }
        return Answer(members)

    def _get_access_key_info(self, call: Call) -> Answer:
        credential = self._keys.get(str(call.params.get("AccessKeyId", "")))
        if credential is None:
            raise ApiError("ValidationError", "The access key id is not valid.", 400)
        return Answer({"Account": credential.caller.account})


_OF_A_SESSION = frozenset({"Policy", "PolicyArns", "DurationSeconds", "Tags"})
_OF_A_ROLE = _OF_A_SESSION | {"RoleArn", "RoleSessionName", "TransitiveTagKeys", "SourceIdentity"}
_WITH_MFA = frozenset({"SerialNumber", "TokenCode"})  # refused when they say anything
_PLAYED: Mapping[str, frozenset[str]] = {
    "AssumeRole": _OF_A_ROLE | _WITH_MFA | {"ExternalId"},
    "AssumeRoleWithWebIdentity": _OF_A_ROLE | {"WebIdentityToken", "ProviderId"},
    "GetFederationToken": _OF_A_SESSION | {"Name"},
    "GetCallerIdentity": frozenset(),
    "GetSessionToken": _WITH_MFA | {"DurationSeconds"},
    "GetAccessKeyInfo": frozenset({"AccessKeyId"}),
}
"""The parameters that each operation heeds."""
_LONG_TERM_ONLY = frozenset({"GetFederationToken", "GetSessionToken"})
_ASSUMING = frozenset({"AssumeRole", "AssumeRoleWithWebIdentity"})


def _check_assuming(call: Call) -> None:
    caller, params = call.caller, call.params
    match = ROLE_ARN.fullmatch(str(params.get("RoleArn", "")))
    if match is None:
        raise invalid("RoleArn", "must be the ARN of a role")
    if caller.kind == "root":
        raise ApiError("AccessDenied", "Roles may not be assumed by root accounts.", 403)
    if caller.kind == "service" and match[1] != caller.account:
        raise ApiError("AccessDenied", "A service assumes roles of its own account.", 403)
    if not SESSION_NAME.fullmatch(str(params.get("RoleSessionName", ""))):
        raise invalid("roleSessionName", r"must satisfy the pattern [\w+=,.@-]{2,64}")
    if "ExternalId" in params and not EXTERNAL_ID.fullmatch(str(params["ExternalId"])):
        raise invalid("externalId", r"must satisfy the pattern [\w+=,.@:\/-]{2,1224}")
    if "SourceIdentity" in params and not SESSION_NAME.fullmatch(str(params["SourceIdentity"])):
        raise invalid("sourceIdentity", r"must satisfy the pattern [\w+=,.@-]{2,64}")
    identity = params.get("SourceIdentity")
    if caller.source_identity and identity and identity != caller.source_identity:
        raise ApiError("AccessDenied", "The source identity of a session cannot be changed.", 403)
    if params.get("SerialNumber") or params.get("TokenCode"):
        raise ApiError(
            "AccessDenied",
            "MultiFactorAuthentication failed with invalid MFA one time pass code.",
            403,
        )
    check_tags(caller, params)


def _seconds(params: Mapping[str, Any]) -> int:
    seconds = int(params.get("DurationSeconds") or 43_200)
    if not 900 <= seconds <= 129_600:
        raise invalid("durationSeconds", "must be between 900 and 129600")
    return seconds
