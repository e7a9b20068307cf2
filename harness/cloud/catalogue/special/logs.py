"""CloudWatch Logs: reading unmasked, tagging while creating, policies for a whole account."""

from __future__ import annotations

import json
import re
from typing import Any

from harness.cloud.call import Call, Need, Unmapped, World
from harness.cloud.catalogue.kinds import KINDS, Resource
from harness.cloud.catalogue.spec import tag_context, values
from harness.cloud.log_pointers import read_pointer

_GROUP = KINDS["log-group"]
_UNMASK = re.compile(r"(?i)\bunmask\s*\(")
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutAccountPolicy.html
_ACCOUNT_POLICIES = {
    "DATA_PROTECTION_POLICY": "PutDataProtectionPolicy",
    "SUBSCRIPTION_FILTER_POLICY": "PutSubscriptionFilter",
    "FIELD_INDEX_POLICY": "PutIndexPolicy",
    "TRANSFORMER_POLICY": "PutTransformer",
    "METRIC_EXTRACTION_POLICY": "PutMetricExtractionPolicy",
    "RETENTION_POLICY": "PutRetentionPolicy",
}
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DeleteAccountPolicy.html
# tells the first four; the others follow what undoes the same setting of one group.
_ACCOUNT_POLICY_ENDS = {
    "DATA_PROTECTION_POLICY": "DeleteDataProtectionPolicy",
    "SUBSCRIPTION_FILTER_POLICY": "DeleteSubscriptionFilter",
    "TRANSFORMER_POLICY": "DeleteTransformer",
    "FIELD_INDEX_POLICY": "DeleteIndexPolicy",
    "RETENTION_POLICY": "DeleteRetentionPolicy",
}


def unmasks(query: str) -> bool:
    """Whether a query of Logs Insights asks for masked text (the command `unmask(…)`)."""
    return _UNMASK.search(query) is not None


def create_log_group(call: Call, world: World) -> tuple[Need, ...]:
    """With tags `logs:TagResource` is needed too (API reference, member `tags`)."""
    name = _one(call, "logGroupName")
    resource, owner = _GROUP(call, world, name)
    tags = tag_context(call.params.get("tags") or ())
    needs = [Need("logs:CreateLogGroup", resource, owner, tags)]
    if tags:
        group = resource.removesuffix(":log-stream:")
        needs.append(Need("logs:TagResource", group, owner, tags))
    return tuple(needs)


def get_log_events(call: Call, world: World) -> tuple[Need, ...]:
    """On the stream; unmasked also `logs:Unmask` on the group."""
    group, owner = _GROUP(call, world, _one(call, "logGroupIdentifier", "logGroupName"))
    stream = _one(call, "logStreamName")
    needs = [Need("logs:GetLogEvents", f"{group}{stream}", owner)]
    return (*needs, *_unmasked(call, [(group, owner)], bool(call.params.get("unmask"))))


def filter_log_events(call: Call, world: World) -> tuple[Need, ...]:
    """On the group; unmasked also `logs:Unmask`."""
    group = _GROUP(call, world, _one(call, "logGroupIdentifier", "logGroupName"))
    unmask = bool(call.params.get("unmask"))
    return (Need("logs:FilterLogEvents", *group), *_unmasked(call, [group], unmask))


def get_log_record(call: Call, world: World) -> tuple[Need, ...]:
    """On the group that the pointer names; unmasked also `logs:Unmask`."""
    pointer = read_pointer(call.params.get("logRecordPointer"))
    if pointer is None:
        raise Unmapped(call.service, call.operation)
    group = _GROUP(call, world, pointer.group_arn)
    unmask = bool(call.params.get("unmask"))
    return (Need("logs:GetLogRecord", *group), *_unmasked(call, [group], unmask))


def start_query(call: Call, world: World) -> tuple[Need, ...]:
    """On each group; the query command `unmask(…)` needs `logs:Unmask` on each as well.

    A query that names its groups inside its text (`SOURCE`) is refused: it may be all of them.
    """
    names = [
        name
        for member in ("logGroupIdentifiers", "logGroupNames", "logGroupName")
        for name in values(call.params, member)
    ]
    query = str(call.params.get("queryString") or "")
    if not names or re.search(r"(?i)\bsource\s+loggroups\b", query):
        raise Unmapped(call.service, call.operation)
    groups = [_GROUP(call, world, name) for name in names]
    needs = [Need("logs:StartQuery", *group) for group in groups]
    return (*needs, *_unmasked(call, groups, unmasks(query)))


def put_account_policy(call: Call, world: World) -> tuple[Need, ...]:
    """PutAccountPolicy and the permission for what it does to every group; a role is passed."""
    account = call.caller.account
    action = _ACCOUNT_POLICIES.get(_one(call, "policyType"))
    if action is None:
        raise Unmapped(call.service, call.operation)
    every = f"arn:aws:logs:{call.region}:{account}:log-group:*"
    needs = [Need("logs:PutAccountPolicy", "*", ""), Need(f"logs:{action}", every, account)]
    try:
        document: Any = json.loads(_one(call, "policyDocument"))
    except json.JSONDecodeError:
        return tuple(needs)
    role = document.get("RoleArn") if isinstance(document, dict) else None
    if role:
        passed = {"iam:PassedToService": "logs.amazonaws.com"}
        needs.append(Need("iam:PassRole", *KINDS["role"](call, world, str(role)), passed))
    return tuple(needs)


def delete_account_policy(call: Call, _world: World) -> tuple[Need, ...]:
    """DeleteAccountPolicy and the permission to take from every group what the policy does."""
    action = _ACCOUNT_POLICY_ENDS.get(_one(call, "policyType"))
    if action is None:
        raise Unmapped(call.service, call.operation)
    account = call.caller.account
    every = f"arn:aws:logs:{call.region}:{account}:log-group:*"
    return (Need("logs:DeleteAccountPolicy", "*", ""), Need(f"logs:{action}", every, account))


def _unmasked(_call: Call, groups: list[Resource], unmask: bool) -> tuple[Need, ...]:
    return tuple(Need("logs:Unmask", *group) for group in groups) if unmask else ()


def _one(call: Call, *members: str) -> str:
    """The value of the one member that is there; two are refused, as the service does."""
    found = [value for member in members for value in values(call.params, member)]
    if len(found) != 1:
        raise Unmapped(call.service, call.operation)
    return found[0]
