"""Whether LocalStack holds what the gateway decides on: principals, their policies, keys.

It must: decisions on something else than what is stored would prove nothing of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from moto.iam.models import iam_backends
from moto.kms.models import kms_backends

from harness.cloud.localstack import LocalStackApp

Held = dict[str, Any]
"""What decides access, by the ARN that it belongs to."""


def differences(localstack: LocalStackApp, accounts: Iterable[str]) -> Iterator[str]:
    """Each thing that one of both lacks or holds otherwise, as a line for people. Raises botocore's
    errors where LocalStack does not answer."""
    for account in accounts:
        stored = {**_stored(localstack, account), **_stored_keys(localstack, account)}
        known = {**_known(account), **_known_keys(account)}
        for arn in sorted(stored.keys() | known.keys()):
            if arn not in known:
                yield f"{arn} is in LocalStack, and the gateway does not know it"
            elif arn not in stored:
                yield f"{arn} is known to the gateway, and LocalStack has none"
            elif stored[arn] != known[arn]:
                parts = sorted(k for k in known[arn] if known[arn][k] != stored[arn][k])
                yield f"{arn} differs in {', '.join(parts)}"


def _stored(localstack: LocalStackApp, account: str) -> dict[str, Held]:
    iam = localstack.client(account, "iam")
    wanted = ["User", "Role", "Group", "LocalManagedPolicy"]
    held: dict[str, Held] = {}
    pages = iam.get_paginator("get_account_authorization_details").paginate(Filter=wanted)
    for page in pages:
        for kind in ("User", "Role", "Group"):
            for each in page[f"{kind}DetailList"]:
                inline = each.get(f"{kind}PolicyList", ())
                attached = each.get("AttachedManagedPolicies", ())
                held[each["Arn"]] = {
                    "id": each[f"{kind}Id"],
                    "trust": _plain(each.get("AssumeRolePolicyDocument")),
                    "inline": {p["PolicyName"]: _plain(p["PolicyDocument"]) for p in inline},
                    "attached": sorted(p["PolicyArn"] for p in attached),
                    "groups": sorted(each.get("GroupList", ())),
                }
                if kind == "Role":
                    boundary = each.get("PermissionsBoundary") or {}
                    held[each["Arn"]]["boundary"] = boundary.get("PermissionsBoundaryArn")
        for each in page["Policies"]:
            if ":aws:policy/" not in each["Arn"]:
                default = next(v for v in each["PolicyVersionList"] if v["IsDefaultVersion"])
                held[each["Arn"]] = {"document": _plain(default["Document"])}
    return held


def _known(account: str) -> dict[str, Held]:
    backend: Any = iam_backends[account]["aws"]
    held: dict[str, Held] = {}
    groups = tuple(backend.groups.values())
    users, roles = tuple(backend.users.values()), tuple(backend.roles.values())
    for each in (*users, *roles, *groups):
        is_user = each in users
        held[each.arn] = {
            "id": each.id,
            "trust": _plain(getattr(each, "assume_role_policy_document", None)),
            "inline": {name: _plain(text) for name, text in each.policies.items()},
            "attached": sorted(each.managed_policies),
            "groups": sorted(g.name for g in groups if is_user and each in g.users),
        }
        if each in roles:
            held[each.arn]["boundary"] = each.permissions_boundary_arn
    for arn, policy in tuple(backend.managed_policies.items()):
        if ":aws:policy/" not in arn:
            default = next(v for v in policy.versions if v.version_id == policy.default_version_id)
            held[arn] = {"document": _plain(default.document)}
    return held


def _stored_keys(localstack: LocalStackApp, account: str) -> dict[str, Held]:
    held: dict[str, Held] = {}
    for region in tuple(kms_backends[account]):
        kms = localstack.client(account, "kms", region)
        for page in kms.get_paginator("list_keys").paginate():
            for key in page["Keys"]:
                policy = kms.get_key_policy(KeyId=key["KeyId"], PolicyName="default")["Policy"]
                state = kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["KeyState"]
                held[key["KeyArn"]] = {"policy": _plain(policy), "state": state}
    return held


def _known_keys(account: str) -> dict[str, Held]:
    return {
        str(key.arn): {"policy": _plain(key.policy), "state": key.key_state}
        for backend in tuple(kms_backends[account].values())
        for key in tuple(backend.keys.values())
    }


def _plain(document: Any) -> Any:
    return json.loads(document) if isinstance(document, str) else document
