"""Builds the condition keys of a request: the one place that decides which global keys exist.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
A key that AWS would not set stays absent: many conditions flip on absence. The keys of a single
service come with the `Need` from the catalogue.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from harness.cloud.call import Call, Caller, Need
from harness.estate import EstateSource, OrganizationRecord, PrincipalRecord

Context = dict[str, str | tuple[str, ...]]

# Their endpoints have no region: aws:RequestedRegion is us-east-1 whatever the client signed for.
_GLOBAL_SERVICES = frozenset({"iam", "organizations", "budgets", "ce", "account", "cloudfront"})
# Services with a key of their own for the same: iam:ResourceTag/KEY and so on.
_OWN_RESOURCE_TAG = frozenset({"iam", "secretsmanager"})
_KEY = re.compile(r"arn:aws:kms:[a-z0-9-]+:[0-9]{12}:key/")
_PRINCIPAL_TYPES = {
    "root": "Account",
    "user": "User",
    "role-session": "AssumedRole",
    "federated-user": "FederatedUser",
}


def principal_context(
    caller: Caller,
    record: PrincipalRecord | None,
    organization: OrganizationRecord | None,
    region: str,
) -> Context:
    """The keys that describe the caller, of a request in `region`.

    `organization` is the one of the caller's account; for a service, of the account it acts for.
    """
    context: Context = {
        "aws:PrincipalIsAWSService": "true" if caller.kind == "service" else "false",
    }
    if caller.kind == "service":
        context["aws:PrincipalServiceName"] = caller.arn
        context["aws:PrincipalServiceNamesList"] = (caller.arn,)
        if caller.source_arn:
            context["aws:SourceAccount"] = caller.account
            filled = caller.source_arn.replace("{account}", caller.account)
            context["aws:SourceArn"] = filled.replace("{region}", region)
            if organization is not None:
                context["aws:SourceOrgID"] = organization.organization_id
                context["aws:SourceOrgPaths"] = (organization.path,)
        return context
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
    # (aws:FederatedProvider): the identity a session began with stays with it.
    context.update(caller.claims)
    if caller.kind == "web-identity":
        return context
    context["aws:PrincipalArn"] = caller.principal_arn
    context["aws:PrincipalAccount"] = caller.account
    context["aws:PrincipalType"] = _PRINCIPAL_TYPES[caller.kind]
    context["aws:userid"] = caller.user_id
    if caller.kind == "user":
        context["aws:username"] = caller.arn.rsplit("/", 1)[1]
    tags = dict(record.tags) if record is not None else {}
    for key, value in caller.session_tags.items():
        # A session tag replaces the role's tag of the same name, without regard to case.
        tags = {k: v for k, v in tags.items() if k.lower() != key.lower()}
        tags[key] = value
    for key, value in tags.items():
        context[f"aws:PrincipalTag/{key}"] = value
    if caller.source_identity:
        context["aws:SourceIdentity"] = caller.source_identity
    if caller.issued_at is not None:
        context["aws:TokenIssueTime"] = _iso(caller.issued_at)
        # Present for temporary credentials only: a condition on it never meets long-term keys.
        context["aws:MultiFactorAuthPresent"] = "true" if caller.mfa else "false"
    if organization is not None:
        context["aws:PrincipalOrgID"] = organization.organization_id
        context["aws:PrincipalOrgPaths"] = (organization.path,)
        context["aws:PrincipalOrgMasterAccountId"] = organization.management_account
    return context


def request_context(call: Call, now: datetime) -> Context:
    """The keys that describe the request itself.

    `aws:SecureTransport` is true: the endpoint stands for AWS's own, reached by TLS.
    """
    region = "us-east-1" if call.service in _GLOBAL_SERVICES else call.region
    context: Context = {
        "aws:CurrentTime": _iso(now),
        "aws:EpochTime": str(int(now.timestamp())),
        "aws:RequestedRegion": region,
        "aws:SecureTransport": "true",
        "aws:SourceIp": call.source_ip,
        "aws:ViaAWSService": "true" if call.caller.via_service else "false",
    }
    if call.headers.get("user-agent"):
        context["aws:UserAgent"] = call.headers["user-agent"]
    if call.headers.get("referer"):
        context["aws:Referer"] = call.headers["referer"]
    return context


def need_context(need: Need, estate: EstateSource) -> Context:
    """The keys that describe the resource, and those of the service, for one permission."""
    context: Context = dict(need.context)
    if need.resource_account:
        context["aws:ResourceAccount"] = need.resource_account
        owner = estate.organization(need.resource_account)
        if owner is not None:
            context["aws:ResourceOrgID"] = owner.organization_id
            context["aws:ResourceOrgPaths"] = (owner.path,)
    if _KEY.match(need.resource) and (aliases := estate.key_aliases(need.resource)):
        # However the request names the key, and through whichever service.
        # https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html
        context["kms:ResourceAliases"] = aliases
    if need.resource != "*":
        service = need.action.partition(":")[0]
        for key, value in (estate.resource_tags(need.resource) or {}).items():
            context.setdefault(f"aws:ResourceTag/{key}", value)
            if service in _OWN_RESOURCE_TAG:
                context.setdefault(f"{service}:ResourceTag/{key}", value)
    return context


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
