"""Condition keys that every operation of a service gets, beyond what `%` words in the data say.

Global keys (`aws:…` other than the tags of the request) are the gateway's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from harness.cloud.call import Call, Need, World
from harness.cloud.catalogue.kinds import KINDS

Context = dict[str, str | tuple[str, ...]]


def encryption_context(pairs: Mapping[str, str] | None) -> Context:
    """`kms:EncryptionContext:KEY` and `kms:EncryptionContextKeys`.

    https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html
    """
    if not pairs:
        return {}
    made: Context = {f"kms:EncryptionContext:{key}": value for key, value in pairs.items()}
    made["kms:EncryptionContextKeys"] = tuple(pairs)
    return made


def request_alias(named: Any) -> Context:
    """`kms:RequestAlias`, where a request names its key by an alias or the ARN of one."""
    alias = str(named or "")
    if ":alias/" in alias:
        alias = alias.split(":", 5)[5]
    return {"kms:RequestAlias": alias} if alias.startswith("alias/") else {}


_ENCRYPTING = frozenset(
    {
        "Decrypt",
        "Encrypt",
        "GenerateDataKey",
        "GenerateDataKeyPair",
        "GenerateDataKeyPairWithoutPlaintext",
        "GenerateDataKeyWithoutPlaintext",
    }
)


def _kms(call: Call, _world: World, need: Need) -> Need:
    params: Mapping[str, Any] = call.params
    made: Context = {**need.context, "kms:CallerAccount": call.caller.account}
    if call.operation in _ENCRYPTING:
        made.setdefault("kms:EncryptionAlgorithm", "SYMMETRIC_DEFAULT")
        made.update(encryption_context(params.get("EncryptionContext")))
    if call.operation == "CreateGrant" and (constraints := params.get("Constraints")):
        for kind in ("EncryptionContextSubset", "EncryptionContextEquals"):
            if kind in constraints:
                made["kms:GrantConstraintType"] = kind
                made.update(encryption_context(constraints[kind]))
    made.update(request_alias(params.get("KeyId")))
    return replace(need, context=made)


def _iam(call: Call, world: World, need: Need) -> Need:
    """The boundary that a user or role has already, where the request does not bring one.

    AttachRolePolicy, PutRolePolicy and the like are decided with `iam:PermissionsBoundary` of the
    entity they change:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html
    """
    if call.operation not in _BOUNDED or "iam:PermissionsBoundary" in need.context:
        return need
    boundary = world.permissions_boundary(need.resource)
    if boundary is None:
        return need
    return replace(need, context={**need.context, "iam:PermissionsBoundary": boundary})


_BOUNDED = frozenset(
    {
        "AttachRolePolicy",
        "AttachUserPolicy",
        "DeleteRolePermissionsBoundary",
        "DeleteRolePolicy",
        "DeleteUserPermissionsBoundary",
        "DeleteUserPolicy",
        "DetachRolePolicy",
        "DetachUserPolicy",
        "PutRolePolicy",
        "PutUserPolicy",
    }
)


def _organizations(_call: Call, _world: World, need: Need) -> Need:
    """`organizations:PolicyType`, which a policy's ARN tells: …:policy/o-x/TYPE/p-x."""
    if ":policy/" not in need.resource or "organizations:PolicyType" in need.context:
        return need
    parts = need.resource.split(":policy/", 1)[1].split("/")
    kind = parts[-2].upper() if len(parts) >= 2 else ""
    return replace(need, context={**need.context, "organizations:PolicyType": kind})


def _lambda(call: Call, world: World, need: Need) -> Need:
    """Mappings have no ARN of the function in them; the key `lambda:FunctionArn` tells it."""
    function = call.params.get("FunctionName")
    if not function or not call.operation.endswith("EventSourceMapping"):
        return need
    arn, _ = KINDS["function"](call, world, str(function))
    return replace(need, context={**need.context, "lambda:FunctionArn": arn})


def resource_account(_call: Call, _world: World, need: Need) -> Need:
    """`s3:ResourceAccount`, the bucket's owner."""
    if not need.action.startswith("s3:") or not need.resource_account:
        return need
    return replace(need, context={**need.context, "s3:ResourceAccount": need.resource_account})


CONTEXTS: dict[str, Callable[[Call, World, Need], Need]] = {
    "iam": _iam,
    "kms": _kms,
    "lambda": _lambda,
    "organizations": _organizations,
    "s3": resource_account,
}
