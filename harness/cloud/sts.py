"""The gateway's own STS: makes sessions and answers who a caller is.

Authorization has passed before `answer` is called (GetCallerIdentity and GetSessionToken need
none). Federation (SAML, web identity, GetFederationToken) is not played: those operations answer
a 4xx at once.
https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from harness.cloud.call import Answer, ApiError, Call, Caller
from harness.cloud.keyring import Credential, KeyRing, new_key_id, new_secret, new_token
from harness.cloud.moto_estate import named
from harness.cloud.saved_policies import IAM, refuse_malformed
from harness.estate import EstateSource, RoleRecord
from harness.iam import NamedPolicy, PolicyError, PolicyKind

_SESSION_NAME = re.compile(r"^[\w+=,.@-]{2,64}$", re.ASCII)
_EXTERNAL_ID = re.compile(r"^[\w+=,.@:/-]{2,1224}$", re.ASCII)
_ROLE_ARN = re.compile(
    r"^arn:[\w-]+:iam::([0-9]{12}):role/(?:[!-~]*/)?([\w+=,.@-]{1,64})$", re.ASCII
)
_MAX_CHAINED = 3600
_MAX_TAGS = 50
_MAX_SESSION_POLICY = 2048


class Sts:
    """Answers the STS operations of a cloud."""

    def __init__(self, estate: EstateSource, keys: KeyRing, now: Callable[[], datetime]) -> None:
        self._estate = estate
        self._keys = keys
        self._now = now
        self._operations: Mapping[str, Callable[[Call], Answer]] = {
            "AssumeRole": self._assume_role,
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
        return operation(call)

    def check(self, call: Call) -> None:
        """What AWS refuses before it looks at any policy. Raises `ApiError`."""
        if call.operation == "GetSessionToken" and call.caller.expires_at is not None:
            raise ApiError(
                "AccessDenied", "Cannot call GetSessionToken with session credentials", 403
            )
        if call.operation != "AssumeRole":
            return
        caller, params = call.caller, call.params
        match = _ROLE_ARN.match(str(params.get("RoleArn", "")))
        if match is None:
            raise _invalid("RoleArn", "must be the ARN of a role")
        if caller.kind == "root":
            raise ApiError("AccessDenied", "Roles may not be assumed by root accounts.", 403)
        if caller.kind == "service" and match[1] != caller.account:
            raise ApiError("AccessDenied", "A service assumes roles of its own account.", 403)
        if not _SESSION_NAME.match(str(params.get("RoleSessionName", ""))):
            raise _invalid("roleSessionName", r"must satisfy the pattern [\w+=,.@-]{2,64}")
        if "ExternalId" in params and not _EXTERNAL_ID.match(str(params["ExternalId"])):
            raise _invalid("externalId", r"must satisfy the pattern [\w+=,.@:\/-]{2,1224}")
        if "SourceIdentity" in params and not _SESSION_NAME.match(str(params["SourceIdentity"])):
            raise _invalid("sourceIdentity", r"must satisfy the pattern [\w+=,.@-]{2,64}")
        identity = params.get("SourceIdentity")
        if caller.source_identity and identity and identity != caller.source_identity:
            raise ApiError(
                "AccessDenied", "The source identity of a session cannot be changed.", 403
            )
        if params.get("SerialNumber") or params.get("TokenCode"):
            raise ApiError(
                "AccessDenied",
                "MultiFactorAuthentication failed with invalid MFA one time pass code.",
                403,
            )
        _check_tags(caller, params)

    def _assume_role(self, call: Call) -> Answer:
        params, caller = call.params, call.caller
        arn = str(params["RoleArn"])
        account = arn.split(":")[4]
        role = self._estate.role(account, arn.rsplit("/", 1)[1])
        if role is None or role.arn != arn:
            raise ApiError("AccessDenied", f"{arn} cannot be assumed.", 403)
        seconds = _duration(params.get("DurationSeconds"), role, caller)
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
            mfa=False,
        )
        credential = self.issue(session, seconds)
        members: dict[str, Any] = {
            "Credentials": _credentials(credential),
            "AssumedRoleUser": {"AssumedRoleId": session.user_id, "Arn": session.arn},
        }
        if session.source_identity:
            members["SourceIdentity"] = session.source_identity
        if params.get("Policy") or params.get("PolicyArns") or params.get("Tags"):
            members["PackedPolicySize"] = _packed_size(params)
        return Answer(members)

    def _session_policies(self, account: str, params: Mapping[str, Any]) -> tuple[NamedPolicy, ...]:
        policies: list[NamedPolicy] = []
        document = params.get("Policy")
        if document:
            if len(document) > _MAX_SESSION_POLICY:
                raise _invalid("policy", f"must have length at most {_MAX_SESSION_POLICY}")
            refuse_malformed(document, PolicyKind.SESSION, IAM)
            try:
                policies.append(named(PolicyKind.SESSION, "session policy", document))
            except PolicyError as error:
                raise ApiError("MalformedPolicyDocument", str(error)) from None
        arns = params.get("PolicyArns") or ()
        if len(arns) > 10:
            raise _invalid("policyArns", "must have at most 10 members")
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
        seconds = int(call.params.get("DurationSeconds") or min(limit, 43_200))
        if not 900 <= seconds <= 129_600:
            raise _invalid("durationSeconds", "must be between 900 and 129600")
        session = replace(call.caller, mfa=False, without_mfa_limits=True)
        return Answer({"Credentials": _credentials(self.issue(session, min(seconds, limit)))})

    def _get_access_key_info(self, call: Call) -> Answer:
        credential = self._keys.get(str(call.params.get("AccessKeyId", "")))
        if credential is None:
            raise ApiError("ValidationError", "The access key id is not valid.", 400)
        return Answer({"Account": credential.caller.account})


def _check_tags(caller: Caller, params: Mapping[str, Any]) -> None:
    tags = params.get("Tags") or ()
    keys = [str(tag.get("Key", "")).lower() for tag in tags]
    if len(keys) > _MAX_TAGS:
        raise _invalid("tags", f"must have at most {_MAX_TAGS} members")
    if len(set(keys)) != len(keys):
        raise ApiError("InvalidParameterValue", "Duplicate tag keys found.")
    for tag in tags:
        if not 1 <= len(str(tag.get("Key", ""))) <= 128 or len(str(tag.get("Value", ""))) > 256:
            raise _invalid("tags", "a key has 1 to 128 characters and a value at most 256")
        if str(tag["Key"]).lower().startswith("aws:"):
            raise ApiError("InvalidParameterValue", "Tag keys cannot start with aws:.")
    if set(keys) & caller.transitive_tags:
        raise ApiError(
            "InvalidParameterValue",
            "One of the specified transitive tag keys can't be set because it conflicts with a "
            "transitive tag key from the calling session.",
        )
    missing = {str(k).lower() for k in params.get("TransitiveTagKeys") or ()} - set(keys)
    if missing - caller.transitive_tags:
        raise ApiError(
            "InvalidParameterValue", "A transitive tag key must be among the session's tags."
        )


def _duration(asked: object, role: RoleRecord, caller: Caller) -> int:
    seconds = int(str(asked)) if asked is not None else min(3600, role.max_session_duration)
    if seconds < 900:
        raise _invalid("durationSeconds", "must have value greater than or equal to 900")
    if caller.kind == "role-session" and seconds > _MAX_CHAINED:
        raise ApiError(
            "ValidationError",
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed "
            "by role chaining",
        )
    if seconds > role.max_session_duration:
        raise ApiError(
            "ValidationError",
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        )
    return seconds


def _packed_size(params: Mapping[str, Any]) -> int:
    size = len(params.get("Policy") or "") + sum(
        len(str(tag["Key"])) + len(str(tag["Value"])) for tag in params.get("Tags") or ()
    )
    return min(100, max(1, size * 100 // 4096))


def _credentials(credential: Credential) -> dict[str, Any]:
    return {
        "AccessKeyId": credential.access_key_id,
        "SecretAccessKey": credential.secret,
        "SessionToken": credential.token,
        "Expiration": credential.expires_at,
    }


def _invalid(parameter: str, rule: str) -> ApiError:
    return ApiError(
        "ValidationError",
        f"1 validation error detected: Value at '{parameter}' failed to satisfy constraint: "
        f"Member {rule}",
    )
