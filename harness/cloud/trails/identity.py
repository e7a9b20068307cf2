"""`userIdentity`: who made a call, as CloudTrail says it.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from harness.cloud.call import Caller

_TYPES = {
    "root": "Root",
    "user": "IAMUser",
    "role-session": "AssumedRole",
    "federated-user": "FederatedUser",
}


def user_identity(caller: Caller, recipient: str) -> dict[str, Any]:
    """The caller for the event history of account `recipient`.

    Another account than the caller's learns the account and the principal's id, no names.
    """
    if caller.kind == "service":
        return {"type": "AWSService", "invokedBy": caller.arn}
    if caller.kind == "web-identity":
        return {
            "type": "WebIdentityUser",
            "principalId": caller.user_id,
            "userName": user_name(caller),
            "identityProvider": caller.arn,
        }
    if recipient != caller.account:
        return {
            "type": "AWSAccount",
            "principalId": caller.user_id,
            "accountId": caller.account,
        }
    identity: dict[str, Any] = {
        "type": _TYPES[caller.kind],
        "principalId": caller.user_id,
        "arn": caller.arn,
        "accountId": caller.account,
        "accessKeyId": caller.access_key_id,
    }
    if caller.kind == "user":
        identity["userName"] = user_name(caller)
    if caller.issued_at is not None:
        identity["sessionContext"] = _session(caller)
    return identity


def user_name(caller: Caller) -> str:
    """What `Username` in LookupEvents is: the user's or the session's name."""
    if caller.kind == "root":
        return "root"
    if caller.kind == "web-identity":
        return str(next((v for k, v in caller.claims.items() if k.endswith(":sub")), ""))
    return "" if caller.kind == "service" else caller.arn.rsplit("/", 1)[-1]


def _session(caller: Caller) -> dict[str, Any]:
    assert caller.issued_at is not None
    session: dict[str, Any] = {}
    issuers = {
        "role-session": ("Role", caller.principal_arn),
        "federated-user": ("IAMUser", caller.parent_arn),
    }
    if caller.kind in issuers:
        kind, arn = issuers[caller.kind]
        session["sessionIssuer"] = {
            "type": kind,
            "principalId": caller.entity_id,
            "arn": arn,
            "accountId": caller.account,
            "userName": arn.rsplit("/", 1)[-1],
        }
    if caller.claims:
        told = dict(caller.claims)
        provider = told.pop("aws:FederatedProvider", "")
        session["webIdFederationData"] = {"federatedProvider": provider, "attributes": told}
    session["attributes"] = {
        "creationDate": iso(caller.issued_at),
        "mfaAuthenticated": "true" if caller.mfa else "false",
    }
    if caller.source_identity:
        session["sourceIdentity"] = caller.source_identity
    return session


def iso(moment: datetime) -> str:
    """A moment as events write it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
