"""Policies by which an account lets AWS services write to its log groups.

A policy is of the account and Region, or with `resourceArn` of one group. Those that name other
principals than services are refused: what they would grant is not enforced here.
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutResourcePolicy.html
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from moto.logs.models import logs_backends

from harness.cloud.call import ApiError, Call
from harness.cloud.ingestion import LogGroupRef, group_ref
from harness.cloud.observability.played import (
    existing,
    identified,
    invalid,
    not_found,
    now_ms,
    page,
    stored_group,
)
from harness.cloud.observability.settings import Document, account_settings, settings_of
from harness.iam import PolicyKind
from harness.iam.validate import validate

_MOST = 10
_LONGEST = 5120
_GROUP = "log-group:"


def put(call: Call) -> Mapping[str, Any]:
    """PutResourcePolicy. Raises `ApiError` as the service does, and for what is not enforced."""
    text = str(call.params.get("policyDocument") or "")
    _check(text)
    group = _group(call)
    if group is not None:
        return _put_on(call, group, text)
    name = str(call.params.get("policyName") or "")
    if not name:
        raise invalid("A policyName is required.")
    kept = account_settings(call.account, call.region).resource_policies
    if name not in kept and len(kept) >= _MOST:
        raise ApiError("LimitExceededException", "Resource limit exceeded.")
    kept[name] = Document(text, now_ms())
    return {"resourcePolicy": _of_account(name, kept[name])}


def _put_on(call: Call, group: LogGroupRef, text: str) -> Mapping[str, Any]:
    if call.params.get("policyName"):
        raise invalid("A policy with a resourceArn takes no policyName.")
    settings = settings_of(stored_group(group))
    _check_revision(call, settings.policy_revision)
    settings.resource_policy = Document(text, now_ms())
    settings.policy_revision = uuid.uuid4().hex
    return {"resourcePolicy": _of_group(group), "revisionId": settings.policy_revision}


def delete(call: Call) -> None:
    """DeleteResourcePolicy."""
    group = _group(call)
    if group is not None:
        settings = settings_of(stored_group(group))
        if settings.resource_policy is None:
            raise not_found("resource policy")
        _check_revision(call, settings.policy_revision)
        settings.resource_policy, settings.policy_revision = None, ""
        return
    name = str(call.params.get("policyName") or "")
    if account_settings(call.account, call.region).resource_policies.pop(name, None) is None:
        raise ApiError("ResourceNotFoundException", f"Policy with name [{name}] does not exist")


def describe(call: Call) -> Mapping[str, Any]:
    """DescribeResourcePolicies: those of the account, or of one group or of all groups."""
    group = _group(call)
    if group is not None:
        found = list(_on_groups([group]))
    elif call.params.get("policyScope") == "RESOURCE":
        groups: Any = logs_backends[call.account][call.region].groups
        place = (call.account, call.region)
        found = list(_on_groups([group_ref(*place, name) for name in sorted(groups)]))
    else:
        kept = account_settings(call.account, call.region).resource_policies
        found = [_of_account(name, document) for name, document in kept.items()]
    return page(found, call.params, "resourcePolicies")


def policy_of(account: str, region: str, resource: str) -> str | None:
    """The policy that decides on a group or a stream in it, by the last part of its ARN.

    All policies of the account count, and the group's own; None where there are none.
    """
    backend: Any = logs_backends[account][region]
    kept = list(account_settings(account, region).resource_policies.values())
    group = backend.groups.get(resource.removeprefix(_GROUP).split(":", 1)[0])
    own = None if group is None else settings_of(group).resource_policy
    if own is not None:
        kept.append(own)
    if not kept:
        return None
    statements = [each for document in kept for each in _statements(json.loads(document.text))]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def _check(text: str) -> None:
    if len(text) > _LONGEST:
        raise invalid("The policy document is too long.")
    if validate(text, PolicyKind.RESOURCE):
        raise invalid("The policy document is not valid.")
    for statement in _statements(json.loads(text)):
        principal = statement.get("Principal")
        if not isinstance(principal, Mapping) or set(principal) != {"Service"}:
            raise invalid(
                "The embedded cloud enforces policies of log groups for principals of the kind "
                "Service only, so it does not save others."
            )


def _statements(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = document.get("Statement") or []
    return found if isinstance(found, list) else [found]


def _check_revision(call: Call, current: str) -> None:
    expected = call.params.get("expectedRevisionId")
    if (expected or "") != current:
        raise ApiError("OperationAbortedException", "The policy has another revision.")


def _group(call: Call) -> LogGroupRef | None:
    arn = call.params.get("resourceArn")
    if not arn:
        return None
    if f":{_GROUP}" not in str(arn):
        raise invalid("The resourceArn must be the ARN of a log group.")
    return existing(identified(call, str(arn)))


def _of_account(name: str, document: Document) -> dict[str, Any]:
    return {
        "policyName": name,
        "policyDocument": document.text,
        "lastUpdatedTime": document.updated,
        "policyScope": "ACCOUNT",
    }


def _of_group(group: LogGroupRef) -> dict[str, Any]:
    settings = settings_of(stored_group(group))
    assert settings.resource_policy is not None
    return {
        "policyDocument": settings.resource_policy.text,
        "lastUpdatedTime": settings.resource_policy.updated,
        "policyScope": "RESOURCE",
        "resourceArn": group.arn,
        "revisionId": settings.policy_revision,
    }


def _on_groups(groups: list[LogGroupRef]) -> Iterator[dict[str, Any]]:
    for group in groups:
        if settings_of(stored_group(group)).resource_policy is not None:
            yield _of_group(group)
