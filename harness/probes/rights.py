"""What a role may do, found by the engine in the policies that IAM shows, not by trying.

A request probes one action. Here every action of the catalogue is decided, and those that the
role's own statements name, on every resource that they name. Erring on the strict side, conditions
are taken to be met where a statement allows, and to be unmet where it denies.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.cloud.catalogue import actions
from harness.iam import (
    NamedPolicy,
    Policy,
    PolicyKind,
    PolicySet,
    Principal,
    Request,
    decide,
    parse_policy,
)

Job = Callable[[str, str], bool]
"""Whether an action on a resource belongs to what the role is for."""
_WILD = re.compile(r"[*?]|\$\{[^}]*\}")
_ANY = "Any"
# Actions that no operation is named after.
_MORE = ("logs:Unmask", "iam:PassRole", "bedrock:CallWithBearerToken", f"{_ANY}:{_ANY}")


@dataclass(frozen=True, slots=True)
class Held:
    """The policies of a role, conditions left out."""

    arn: str
    identity: tuple[NamedPolicy, ...]
    boundary: NamedPolicy | None


def held(iam: Any, role_name: str) -> Held:
    """Reads a role's policies as somebody who may: inline, attached, boundary.

    Raises botocore's `ClientError`, and `PolicyError` for what the engine does not know.
    """
    role = iam.get_role(RoleName=role_name)["Role"]
    inline = [
        (name, iam.get_role_policy(RoleName=role_name, PolicyName=name)["PolicyDocument"])
        for name in iam.list_role_policies(RoleName=role_name)["PolicyNames"]
    ]
    managed = attached(iam, role_name).items()
    limit = role.get("PermissionsBoundary")
    return Held(
        role["Arn"],
        tuple(_named(PolicyKind.IDENTITY, name, text) for name, text in (*inline, *managed)),
        _named(PolicyKind.BOUNDARY, "boundary", _managed(iam, limit["PermissionsBoundaryArn"]))
        if limit
        else None,
    )


def attached(iam: Any, role_name: str) -> dict[str, Mapping[str, Any]]:
    """The documents of the managed policies attached to a role, by ARN.

    Raises botocore's `ClientError`.
    """
    pages = iam.get_paginator("list_attached_role_policies").paginate(RoleName=role_name)
    arns = [each["PolicyArn"] for page in pages for each in page["AttachedPolicies"]]
    return {arn: _managed(iam, arn) for arn in arns}


def denies_only(document: Mapping[str, Any]) -> bool:
    """Whether no statement of a policy allows anything."""
    return all(statement["Effect"] == "Deny" for statement in _listed(document))


def _listed(document: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    listed = document["Statement"]
    return [listed] if isinstance(listed, Mapping) else listed


def _managed(iam: Any, arn: str) -> Mapping[str, Any]:
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    found: Mapping[str, Any] = iam.get_policy_version(PolicyArn=arn, VersionId=version)[
        "PolicyVersion"
    ]["Document"]
    return found


def _named(kind: PolicyKind, name: str, document: Mapping[str, Any]) -> NamedPolicy:
    kept = [
        {key: value for key, value in statement.items() if key != "Condition"}
        for statement in _listed(document)
        if statement["Effect"] == "Allow" or not statement.get("Condition")
    ]
    return NamedPolicy(kind, name, parse_policy(json.dumps({**document, "Statement": kept})))


def beyond(role: Held, job: Job) -> tuple[list[str], list[str]]:
    """The actions that a role may do: those of its job, and those beyond it."""
    account = role.arn.split(":")[4]
    principal = Principal.from_arn(role.arn)
    policies = [named.policy for named in role.identity]
    resources = sorted({*_resources(policies), "*"})
    sets = {kind: _policies(role, kind, account) for kind in (PolicyKind.TRUST, PolicyKind.KEY)}
    meant: set[str] = set()
    more: set[str] = set()
    for action in sorted({*actions(), *_MORE, *_samples(policies)}):
        if not any(policy.about(action.lower())[1] for policy in policies):
            continue
        kind = PolicyKind.TRUST if action.startswith("sts:") else PolicyKind.KEY
        for resource in resources:
            if decide(Request(principal, action, resource, account), sets[kind]).allowed:
                (meant if job(action, resource) else more).add(action)
    return sorted(meant), sorted(more)


def _policies(role: Held, kind: PolicyKind, account: str) -> PolicySet:
    """With a resource whose own policy leaves everything to the account's identity policies."""
    leaves = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "*"}
    if kind is not PolicyKind.TRUST:
        leaves["Resource"] = "*"
    text = json.dumps({"Version": "2012-10-17", "Statement": [leaves]})
    resource = NamedPolicy(kind, "the resource", parse_policy(text))
    return PolicySet(identity=role.identity, boundary=role.boundary, resource=resource)


def _resources(policies: Iterable[Policy]) -> Iterator[str]:
    """One resource for each pattern that a statement names or spares, and an unnamed one."""
    for policy in policies:
        for statement in policy.statements:
            for pattern in statement.resources or ():
                yield _WILD.sub(_ANY, pattern)


def _samples(policies: Iterable[Policy]) -> Iterator[str]:
    """One action for each pattern of an Allow statement: it may name a service of which the
    catalogue knows nothing."""
    for policy in policies:
        for statement in policy.statements:
            if statement.effect == "Allow":
                yield from (_WILD.sub(_ANY, action) for action in statement.actions)
