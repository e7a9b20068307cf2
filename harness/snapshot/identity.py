"""Who there is in an account: users, groups, roles, their policies, and who else vouches for whom.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html tells
all at once, but for how long a session of a role may last and which tags and boundary a user has.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.snapshot.parsed import parsed, tags
from harness.snapshot.reader import Gone, Reader

_SECTION = "identity"
_KINDS = ["User", "Role", "Group", "LocalManagedPolicy"]
_NONE_ATTACHED: Mapping[str, Any] = {"Document": {"Version": "2012-10-17", "Statement": []}}


def identity(reader: Reader) -> dict[str, Any]:
    """The principals and managed policies of an account, by ARN."""
    pages = reader.pages(_SECTION, "iam", "get_account_authorization_details", Filter=_KINDS)
    listed = {
        kind: [each for page in pages for each in page.get(kind, ())]
        for kind in ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")
    }
    lasting = {
        role["Arn"]: int(role.get("MaxSessionDuration") or 3600)
        for role in reader.every(_SECTION, "iam", "list_roles", "Roles")
    }
    found: dict[str, Any] = {
        "users": {u["Arn"]: _user(reader, u) for u in listed["UserDetailList"]},
        "groups": {g["Arn"]: _group(g) for g in listed["GroupDetailList"]},
        "roles": {
            r["Arn"]: _role(r, lasting.get(r["Arn"], 3600)) for r in listed["RoleDetailList"]
        },
        "policies": {},
        "providers": _providers(reader),
    }
    for policy in listed["Policies"]:
        # Filtered or not: of AWS's own more than a thousand exist, and few are used.
        if ":iam::aws:" not in policy["Arn"]:
            found["policies"][policy["Arn"]] = _policy(reader, policy)
    for arn in sorted(_used(found) - found["policies"].keys()):
        policy = _used_policy(reader, arn)
        if policy is not None:
            found["policies"][arn] = policy
    return found


def _held(each: Mapping[str, Any], inline: str) -> dict[str, Any]:
    boundary = each.get("PermissionsBoundary") or {}
    return {
        "path": each["Path"],
        "boundary": boundary.get("PermissionsBoundaryArn"),
        "tags": tags(each.get("Tags")),
        "attached": sorted(p["PolicyArn"] for p in each.get("AttachedManagedPolicies", ())),
        "inline": {p["PolicyName"]: parsed(p["PolicyDocument"]) for p in each.get(inline) or ()},
    }


def _user(reader: Reader, user: Mapping[str, Any]) -> dict[str, Any]:
    try:
        answer = reader.of(_SECTION, user["Arn"], "iam", "get_user", UserName=user["UserName"])
    except Gone:
        answer = {}
    # A list of users has neither boundary nor tags everywhere.
    whole = {**user, **{k: v for k, v in answer.get("User", {}).items() if v}}
    return {
        "name": user["UserName"],
        "id": user["UserId"],
        **_held(whole, "UserPolicyList"),
        "groups": sorted(user.get("GroupList") or ()),
    }


def _group(group: Mapping[str, Any]) -> dict[str, Any]:
    held = _held(group, "GroupPolicyList")
    kept = {key: held[key] for key in ("path", "attached", "inline")}
    return {"name": group["GroupName"], "id": group["GroupId"], **kept}


def _role(role: Mapping[str, Any], seconds: int) -> dict[str, Any]:
    return {
        "name": role["RoleName"],
        "id": role["RoleId"],
        "max_session_seconds": seconds,
        "trust": parsed(role["AssumeRolePolicyDocument"]),
        **_held(role, "RolePolicyList"),
        "instance_profiles": sorted(p["Arn"] for p in role.get("InstanceProfileList") or ()),
    }


def _policy(reader: Reader, policy: Mapping[str, Any]) -> dict[str, Any]:
    arn = policy["Arn"]
    try:
        told = reader.of(_SECTION, arn, "iam", "list_policy_tags", PolicyArn=arn)
    except Gone:
        told = {}
    return {
        "default": policy["DefaultVersionId"],
        "versions": {v["VersionId"]: parsed(v["Document"]) for v in policy["PolicyVersionList"]},
        "tags": tags(told.get("Tags")),
    }


def _used(found: Mapping[str, Any]) -> set[str]:
    """The ARNs of all managed policies that are attached, or are somebody's boundary."""
    used: set[str] = set()
    for kind in ("users", "groups", "roles"):
        for each in found[kind].values():
            used.update(each["attached"])
            if each.get("boundary"):
                used.add(each["boundary"])
    return used


def _used_policy(reader: Reader, arn: str) -> dict[str, Any] | None:
    """A policy of AWS's own. None where it is not there, as a boundary that was deleted."""
    try:
        policy = reader.of(_SECTION, arn, "iam", "get_policy", PolicyArn=arn).get("Policy")
        if policy is None:
            return None
        version = policy["DefaultVersionId"]
        answer = reader.of(
            _SECTION, arn, "iam", "get_policy_version", PolicyArn=arn, VersionId=version
        )
    except Gone:
        return None
    document = answer.get("PolicyVersion", _NONE_ATTACHED)["Document"]
    return {"default": version, "versions": {version: parsed(document)}, "tags": {}}


def _providers(reader: Reader) -> dict[str, Any]:
    """Who else vouches for somebody: OpenID Connect and SAML."""
    found: dict[str, Any] = {}
    section = "providers"
    for each in reader.every(
        section, "iam", "list_open_id_connect_providers", "OpenIDConnectProviderList"
    ):
        arn = each["Arn"]
        try:
            told = reader.of(
                section,
                arn,
                "iam",
                "get_open_id_connect_provider",
                OpenIDConnectProviderArn=arn,
            )
        except Gone:
            continue
        found[arn] = {
            "kind": "oidc",
            "url": str(told.get("Url", "")),
            "audiences": sorted(told.get("ClientIDList", ())),
        }
    for each in reader.every(section, "iam", "list_saml_providers", "SAMLProviderList"):
        found[each["Arn"]] = {"kind": "saml", "url": "", "audiences": []}
    return found
