"""The policies that a resource carries, read by the policy language of the harness."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from harness.checkov.invariants.planned import Resource, Unknown
from harness.iam.condition import Condition
from harness.iam.errors import PolicyError
from harness.iam.parse import load_json, parse_policy
from harness.iam.policy import Policy, PolicyKind, Statement

FLEET_PATH = "/bulkhead/fleet/"
"""Fleet roles and their boundaries are under it, and nothing else is."""

_INLINE = "inline_policy"
IDENTITY_POLICIES = (
    "aws_iam_group_policy",
    "aws_iam_policy",
    "aws_iam_role",
    "aws_iam_role_policy",
    "aws_iam_user_policy",
)
"""A role has them as blocks `inline_policy`, beside its trust policy."""
KEY_POLICIES = (
    "aws_kms_external_key",
    "aws_kms_key",
    "aws_kms_key_policy",
    "aws_kms_replica_external_key",
    "aws_kms_replica_key",
)
_MAY_HAVE_ONE = ("aws_s3_bucket", "aws_secretsmanager_secret", "aws_sns_topic", "aws_sqs_queue")
"""Their policy can be a resource of its own, and need not be."""

_DOCUMENTS: Mapping[str, tuple[str, PolicyKind]] = {
    **dict.fromkeys(IDENTITY_POLICIES, ("policy", PolicyKind.IDENTITY)),
    "aws_iam_role": ("assume_role_policy", PolicyKind.TRUST),
    f"aws_iam_role.{_INLINE}": ("policy", PolicyKind.IDENTITY),
    **dict.fromkeys(KEY_POLICIES, ("policy", PolicyKind.KEY)),
    **dict.fromkeys(_MAY_HAVE_ONE, ("policy", PolicyKind.RESOURCE)),
    "aws_cloudwatch_event_bus_policy": ("policy", PolicyKind.RESOURCE),
    "aws_cloudwatch_log_destination_policy": ("access_policy", PolicyKind.RESOURCE),
    "aws_cloudwatch_log_resource_policy": ("policy_document", PolicyKind.RESOURCE),
    "aws_dynamodb_resource_policy": ("policy", PolicyKind.RESOURCE),
    "aws_kinesis_resource_policy": ("policy", PolicyKind.RESOURCE),
    "aws_oam_sink_policy": ("policy", PolicyKind.RESOURCE),
    "aws_organizations_resource_policy": ("content", PolicyKind.RESOURCE),
    "aws_s3_bucket_policy": ("policy", PolicyKind.RESOURCE),
    "aws_secretsmanager_secret_policy": ("policy", PolicyKind.RESOURCE),
    "aws_sns_topic_policy": ("policy", PolicyKind.RESOURCE),
    "aws_sqs_queue_policy": ("policy", PolicyKind.RESOURCE),
    "aws_vpc_endpoint": ("policy", PolicyKind.RESOURCE),
    "aws_vpc_endpoint_policy": ("policy", PolicyKind.RESOURCE),
    "aws_organizations_policy": ("content", PolicyKind.SCP),
}
ALL_POLICIES = tuple(sorted(kind for kind in _DOCUMENTS if "." not in kind))
GUARDRAILS = ("aws_organizations_policy",)

# The principal of an endpoint's policy is everybody by design: a rule of its own looks at them.
RESOURCE_POLICIES = tuple(
    sorted(
        kind
        for kind, (_, policy_kind) in _DOCUMENTS.items()
        if policy_kind.is_resource_based and not kind.startswith("aws_vpc_endpoint")
    )
)

_GUARDRAIL_KINDS = {
    "SERVICE_CONTROL_POLICY": PolicyKind.SCP,
    "RESOURCE_CONTROL_POLICY": PolicyKind.RCP,
}


def kind_of(resource: Resource) -> PolicyKind | None:
    """The kind of the resource's policy; None where AWS has no such kind, such as tag policies,
    and where it has none of its own and needs none."""
    if resource.kind in GUARDRAILS:
        return _GUARDRAIL_KINDS.get(resource.text("type"))
    if resource.kind in _MAY_HAVE_ONE and document_of(resource) is None:
        return None
    return _DOCUMENTS[resource.kind][1]


def document_of(resource: Resource) -> Mapping[str, Any] | None:
    """The resource's policy as data; None for null. Raises `Unknown` and `PolicyError`."""
    attribute = _DOCUMENTS[resource.kind][0]
    if not resource.plan:
        # checkov evaluates HCL as far as it goes, and what it leaves out looks like a policy too.
        raise Unknown(attribute)
    value = resource.value(attribute)
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return load_json(value)
    if not isinstance(value, Mapping):
        raise PolicyError(f"{attribute} is not a JSON object")
    return value


def policy_of(resource: Resource) -> Policy:
    """The resource's policy, empty for null. Raises `Unknown` and `PolicyError`."""
    document = document_of(resource)
    if document is None:
        return parse_policy({"Version": "2012-10-17", "Statement": []})
    return parse_policy(document, key_policy=kind_of(resource) is PolicyKind.KEY)


def allows(resource: Resource) -> Iterator[Statement]:
    """The Allow statements of the resource's policy."""
    yield from (s for s in policy_of(resource).statements if s.effect == "Allow")


def inline_policies(resource: Resource) -> list[Resource]:
    """The blocks `inline_policy` of a role. Where a plan does not know whether there are any,
    nobody wrote one: what is not known is what AWS will answer."""
    with contextlib.suppress(Unknown):
        if resource.kind == "aws_iam_role":
            return resource.blocks(_INLINE)
    return []


def _grants(resource: Resource) -> Iterator[Policy]:
    """The policies that give the rights of a role, or that another resource is."""
    for each in inline_policies(resource) if resource.kind == "aws_iam_role" else [resource]:
        yield policy_of(each)


def granted(resource: Resource, *actions: str) -> Iterator[tuple[str, Statement]]:
    """Each action with each Allow statement that covers it, but for what the same policy denies
    on every resource and without a condition."""
    for policy in _grants(resource):
        for action in actions:
            denies, allowing = policy.about(action.lower())
            if not any(map(_everywhere, denies)):
                yield from ((action, statement) for statement in allowing)


def services_granted(resource: Resource, *services: str) -> Iterator[tuple[str, Statement]]:
    """Each action of these services that an Allow statement names, by pattern or `*`, likewise."""
    for policy, statement in ((p, s) for p in _grants(resource) for s in p.statements):
        if statement.effect != "Allow":
            continue
        names = ["*"] if statement.not_action else list(statement.actions)
        for name in names:
            vendor = name.partition(":")[0].lower()
            for service in services:
                if vendor in ("*", service) and not _denied_whole(policy, service):
                    yield name if vendor != "*" else f"{service}:*", statement


def _everywhere(statement: Statement) -> bool:
    plain = not statement.not_resource and not statement.conditions
    return plain and statement.resources == ("*",)


def _denied_whole(policy: Policy, service: str) -> bool:
    return any(
        s.effect == "Deny"
        and not s.not_action
        and {"*", "*:*", f"{service}:*"} & {a.lower() for a in s.actions}
        and _everywhere(s)
        for s in policy.statements
    )


def conditions_on(statement: Statement, key: str) -> list[Condition]:
    """The statement's conditions on a key, which compares without case."""
    return [c for c in statement.conditions if c.key.lower() == key.lower()]


def pinned(statement: Statement, key: str) -> tuple[str, ...]:
    """The values that the key must equal, literally: by StringEquals alone, which is false without
    the key and knows no wildcard. Empty when nothing pins it."""
    for condition in conditions_on(statement, key):
        plain = not (condition.negated or condition.qualifier or condition.if_exists)
        if condition.operator == "StringEquals" and plain:
            return condition.values
    return ()


def principal_accounts(statement: Statement) -> set[str]:
    """The accounts whose principals the statement names."""
    if statement.principals is None:
        return set()
    identities = {account_of(arn) for arn in statement.principals.identities}
    return set(statement.principals.accounts) | identities


def account_of(arn: str) -> str:
    """The account of an ARN, or the text itself when it is none."""
    pieces = arn.split(":")
    return pieces[4] if len(pieces) > 5 else arn


def has_wildcard(text: str) -> bool:
    return "*" in text or "?" in text or "${" in text


def all_match(texts: Iterable[str], pattern: re.Pattern[str]) -> bool:
    return all(pattern.fullmatch(text) for text in texts)


def is_fleet_role(resource: Resource) -> bool:
    """Whether a role is a customer's in the operations account: by its path, or by its boundary
    where somebody moved it."""
    with contextlib.suppress(Unknown):
        if f":policy{FLEET_PATH}" in resource.text("permissions_boundary"):
            return True
    return resource.text("path").startswith(FLEET_PATH)


ATTACHMENTS = {
    "aws_iam_group_policy_attachment": "policy_arn",
    "aws_iam_policy_attachment": "policy_arn",
    "aws_iam_role": "managed_policy_arns",
    "aws_iam_role_policy_attachment": "policy_arn",
    "aws_iam_role_policy_attachments_exclusive": "policy_arns",
    "aws_iam_user_policy_attachment": "policy_arn",
    "aws_iam_user_policy_attachments_exclusive": "policy_arns",
    "aws_iam_group_policy_attachments_exclusive": "policy_arns",
}
"""Where each type says which managed policies it attaches."""


def grants_something(resource: Resource) -> bool:
    """Whether an identity policy gives rights. A permissions boundary only limits those of others:
    a policy that is named so, or set as one, and that nothing in the run attaches.

    The boundaries of fleet roles count as grants, since they are to allow no more than these do.
    """
    if resource.kind != "aws_iam_policy" or resource.text("path").startswith(FLEET_PATH):
        return True
    arn = ""
    with contextlib.suppress(Unknown):
        arn = resource.text("arn")
    boundaries, attached = resource.peers.once("boundaries", _uses)
    is_one = resource.text("name").endswith("boundary") or arn in boundaries
    return not is_one or arn in attached


def _uses(resources: Iterable[Resource]) -> tuple[set[str], set[str]]:
    """The ARNs of all policies that are set as boundaries, and of those that are attached."""
    boundaries: set[str] = set()
    attached: set[str] = set()
    for each in resources:
        with contextlib.suppress(Unknown):
            if each.kind == "aws_iam_role":
                boundaries.add(each.text("permissions_boundary"))
        with contextlib.suppress(Unknown):
            if each.kind in ATTACHMENTS:
                attached.update(each.texts(ATTACHMENTS[each.kind]))
    return boundaries - {""}, attached
