"""Policies for all log groups of an account and Region.

Data protection, subscription and retention policies act; index policies change nothing that is
seen, and are kept. The other kinds, which would change events or their metrics, are refused.
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutAccountPolicy.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from harness.cloud.call import ApiError, Call
from harness.cloud.ingestion import LogGroupRef
from harness.cloud.observability import data_protection, retention_policies
from harness.cloud.observability.delivery import FOR_AN_ACCOUNT, Delivery
from harness.cloud.observability.patterns import PatternError, parse
from harness.cloud.observability.played import invalid, not_found, now_ms, refuse_members
from harness.cloud.observability.settings import (
    AccountPolicy,
    Document,
    Subscription,
    account_settings,
)

_SUBSCRIPTION = "SUBSCRIPTION_FILTER_POLICY"
_SELECTION = re.compile(r"\s*LogGroupName\s+NOT\s+IN\s*(\[.*\])\s*", re.DOTALL)
_MOST = {
    _SUBSCRIPTION: 1,
    data_protection.ACCOUNT_TYPE: 1,
    "FIELD_INDEX_POLICY": 20,
    retention_policies.TYPE: 20,
}


class AccountPolicies:
    """Plays PutAccountPolicy, DescribeAccountPolicies and DeleteAccountPolicy."""

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery
        self._checks: Mapping[str, Callable[[Call, str], None]] = {
            data_protection.ACCOUNT_TYPE: lambda _, text: _ignore(data_protection.finders(text)),
            _SUBSCRIPTION: self._check_subscription,
            "FIELD_INDEX_POLICY": lambda _, text: _ignore(_object(text)),
            retention_policies.TYPE: lambda call, text: _ignore(
                retention_policies.read(text, str(call.params.get("selectionCriteria") or ""))
            ),
        }

    def put(self, call: Call) -> Mapping[str, Any]:
        """PutAccountPolicy."""
        kind, name = str(call.params["policyType"]), str(call.params["policyName"])
        check, text = self._checks.get(kind), str(call.params["policyDocument"])
        refuse_members(call, "dryRun")
        if check is None:
            raise invalid(f"The embedded cloud does not provide policies of the type {kind}.")
        selection = str(call.params.get("selectionCriteria") or "")
        if selection and kind == data_protection.ACCOUNT_TYPE:
            raise invalid("A data protection policy takes no selectionCriteria.")
        if kind != retention_policies.TYPE:
            _spared(selection)
        kept = account_settings(call.account, call.region)
        others = [each for each in kept.of_type(kind) if each.name != name]
        if len(others) >= _MOST[kind]:
            raise ApiError("LimitExceededException", "Resource limit exceeded.")
        check(call, text)
        now, earlier = now_ms(), kept.policies.get((kind, name))
        created = earlier.created if earlier is not None else now
        before = retention_policies.in_force(earlier, now)
        policy = AccountPolicy(name, kind, Document(text, now), selection, created, before)
        kept.policies[(kind, name)] = policy
        return {"accountPolicy": _described(call, policy)}

    def _check_subscription(self, call: Call, text: str) -> None:
        found = _subscription("", text, 0)
        source = f"arn:aws:logs:{call.region}:{call.account}:log-group:*"
        place = (call.account, call.region)
        target, role = found.destination_arn, found.role_arn
        self._delivery.test(place, source, target, role, FOR_AN_ACCOUNT)

    @staticmethod
    def describe(call: Call) -> Mapping[str, Any]:
        """DescribeAccountPolicies."""
        name = call.params.get("policyName")
        found = account_settings(call.account, call.region).of_type(str(call.params["policyType"]))
        named = [each for each in found if name in (None, each.name)]
        if name and not named:
            raise not_found("account policy")
        return {"accountPolicies": [_described(call, each) for each in named]}

    @staticmethod
    def delete(call: Call) -> None:
        """DeleteAccountPolicy."""
        refuse_members(call, "dryRun")
        kept = account_settings(call.account, call.region).policies
        key = (str(call.params["policyType"]), str(call.params["policyName"]))
        if kept.pop(key, None) is None:
            raise not_found("account policy")


def account_subscriptions(group: LogGroupRef) -> Iterator[Subscription]:
    """The subscriptions that a group's account has for it."""
    for policy in account_settings(group.account, group.region).of_type(_SUBSCRIPTION):
        if group.name not in _spared(policy.selection):
            yield _subscription(policy.name, policy.document.text, policy.document.updated)


def _subscription(name: str, text: str, at: int) -> Subscription:
    document = _object(text)
    try:
        pattern = parse(str(document.get("FilterPattern") or ""))
    except PatternError:
        raise invalid("Invalid filter pattern") from None
    if not document.get("DestinationArn"):
        raise invalid("A subscription filter policy needs a DestinationArn.")
    role, distribution = document.get("RoleArn"), document.get("Distribution")
    return Subscription(
        name,
        pattern,
        str(document["DestinationArn"]),
        str(role or ""),
        str(distribution or "ByLogStream"),
        at,
    )


def _spared(selection: str) -> frozenset[str]:
    if not selection:
        return frozenset()
    found = _SELECTION.fullmatch(selection)
    try:
        names = json.loads(found[1]) if found is not None else None
    except ValueError:
        names = None
    if not isinstance(names, list):
        raise invalid('The selectionCriteria must be LogGroupName NOT IN ["NAME", …].')
    return frozenset(map(str, names))


def _object(text: str) -> Mapping[str, Any]:
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise invalid("The policy document is not a JSON object.")
    return document


def _ignore(_: object) -> None:
    """Only the check was wanted."""


def _described(call: Call, policy: AccountPolicy) -> Mapping[str, Any]:
    return {
        "policyName": policy.name,
        "policyDocument": policy.document.text,
        "lastUpdatedTime": policy.document.updated,
        "policyType": policy.type,
        "scope": "ALL",
        "accountId": call.account,
        **({"selectionCriteria": policy.selection} if policy.selection else {}),
    }
