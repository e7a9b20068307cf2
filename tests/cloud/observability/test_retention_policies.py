"""Retention of a whole account: whose word counts, for which groups, and from when on."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support.cloud import OUTSIDER, Clients

from harness.cloud.call import ApiError
from harness.cloud.observability.retention_policies import FOREVER, TYPE, in_force, read, told
from harness.cloud.observability.settings import AccountPolicy, Document

DAY = 24 * 60 * 60 * 1000
PUT = 100 * DAY
LATER = PUT + DAY


def text(days: int | str = 90, mode: str = "RETROACTIVE", **more: Any) -> str:
    return json.dumps({"retentionInDays": days, "enforcementMode": mode, **more})


def policy(name: str = "all", document: str = text(), selection: str = "") -> AccountPolicy:
    return AccountPolicy(name, TYPE, Document(document, PUT), selection, PUT)


def said(*policies: AccountPolicy, name: str = "/app", created: int = 0, now: int = LATER) -> Any:
    found = told(policies, name, created, now)
    return None if found is None else (found["retentionInDays"], found["retentionPolicyName"])


def test_a_policy_acts_a_day_after_it_was_put() -> None:
    assert said(policy(), now=LATER - 1) is None
    assert said(policy()) == (90, "all")


def test_an_earlier_version_acts_until_the_new_one_does() -> None:
    new = AccountPolicy("all", TYPE, Document(text(30), LATER), "", PUT, before=policy())
    assert said(new) == (90, "all")
    assert said(new, now=LATER + DAY) == (30, "all")
    assert in_force(new, PUT) is None


def test_the_longest_wins_and_of_equal_ones_the_first() -> None:
    longer, forever = policy("longer", text(3653)), policy("forever", text(FOREVER))
    assert said(policy(), longer, policy("other", text(3653))) == (3653, "longer")
    assert said(policy(), forever, longer) == (None, "forever")


def test_groups_are_selected_by_prefix_and_age() -> None:
    for selection in ('LogGroupNamePrefix = "/app"', 'LogGroupNamePrefix IN ["/x", "/app"]'):
        assert said(policy(selection=selection)) == (90, "all")
        assert said(policy(selection=selection), name="/other") is None
    new_only = policy(document=text(mode="NEW_ONLY"))
    assert said(new_only, created=PUT - 1) is None
    assert said(new_only, created=PUT) == (90, "all")


@pytest.mark.parametrize(
    ("document", "selection"),
    [
        ("no", ""),
        ("[]", ""),
        (text(7), ""),
        (text(True), ""),
        (text(mode="NOW"), ""),
        (text(more=1), ""),
        (json.dumps({"retentionInDays": 90}), ""),
        (text(), 'LogGroupName NOT IN ["/app"]'),
        (text(), "LogGroupNamePrefix IN []"),
        (text(), "LogGroupNamePrefix IN [x]"),
    ],
)
def test_others_are_refused(document: str, selection: str) -> None:
    assert read(text(), "").days == 90
    with pytest.raises(ApiError) as caught:
        read(document, selection)
    assert caught.value.code == "InvalidParameterException"


def test_over_http(clients: Clients, group: Any, unique: Callable[[str], str]) -> None:
    logs, source, name = clients(OUTSIDER, "logs"), group(OUTSIDER), unique("kept")
    asked = {"policyName": name, "policyType": TYPE, "policyDocument": text(FOREVER)}
    with pytest.raises(ClientError, match="does not provide dryRun"):
        logs.put_account_policy(**asked, dryRun=True)
    selection = f'LogGroupNamePrefix = "{source.name}"'
    logs.put_account_policy(**asked, selectionCriteria=selection)
    listed = logs.describe_account_policies(policyType=TYPE)["accountPolicies"]
    assert [each["selectionCriteria"] for each in listed if each["policyName"] == name] == [
        selection
    ]
    logs.put_retention_policy(logGroupName=source.name, retentionInDays=7)
    (shown,) = logs.describe_log_groups(logGroupNamePrefix=source.name)["logGroups"]
    assert (shown["retentionInDays"], "retentionPolicyName" in shown) == (7, False)
    with pytest.raises(ClientError, match="does not provide dryRun"):
        logs.delete_account_policy(policyName=name, policyType=TYPE, dryRun=True)
    logs.delete_account_policy(policyName=name, policyType=TYPE)
