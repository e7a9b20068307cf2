"""Who may call AWS Organizations, and what services say of the organization they act for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support.cloud import LONER, MANAGEMENT, OUTSIDER, A, B, Clients, trust

from harness.cloud.process import CloudProcess

CALLS: dict[str, Callable[[Any], Any]] = {
    "ListRoots": lambda c: c.list_roots(),
    "ListAccounts": lambda c: c.list_accounts(),
    "DescribeAccount": lambda c: c.describe_account(AccountId=B),
    "ListPolicies": lambda c: c.list_policies(Filter="SERVICE_CONTROL_POLICY"),
}
CHANGE = {"ServicePrincipal": "access-analyzer.amazonaws.com", "AccountId": A}


def code_of(call: Callable[[], Any]) -> str:
    with pytest.raises(ClientError) as caught:
        call()
    return str(caught.value.response["Error"]["Code"])


@pytest.mark.parametrize("name", CALLS)
def test_members_may_not_look_around(clients: Clients, name: str) -> None:
    call = CALLS[name]
    assert call(clients(MANAGEMENT, "organizations"))
    assert code_of(lambda: call(clients(A, "organizations"))) == "AccessDeniedException"
    assert code_of(lambda: call(clients(LONER, "organizations"))) == (
        "AWSOrganizationsNotInUseException"
    )


def test_members_may_ask_which_organization_they_are_in(clients: Clients) -> None:
    for account in (MANAGEMENT, A):
        found = clients(account, "organizations").describe_organization()["Organization"]
        assert found["MasterAccountId"] == MANAGEMENT
    assert code_of(lambda: clients(LONER, "organizations").describe_organization()) == (
        "AWSOrganizationsNotInUseException"
    )


def test_a_delegated_administrator_reads_and_changes_nothing(cloud: CloudProcess) -> None:
    copy = cloud.fork()
    try:
        clients = Clients(copy)
        clients(MANAGEMENT, "organizations").register_delegated_administrator(**CHANGE)
        member = clients(A, "organizations")
        for name in ("ListRoots", "ListAccounts", "ListPolicies"):
            assert CALLS[name](member)
        assert code_of(lambda: member.register_delegated_administrator(**CHANGE)) == (
            "AccessDeniedException"
        )
        other = clients(B, "organizations")
        assert code_of(other.list_roots) == "AccessDeniedException"
    finally:
        copy.stop()


@pytest.mark.parametrize("key", ["aws:SourceOrgID", "aws:SourceOrgPaths"])
def test_a_service_says_for_which_organization_it_acts(
    clients: Clients, make_role: Callable[..., str], key: str
) -> None:
    organization = clients(MANAGEMENT, "organizations")
    own = organization.describe_organization()["Organization"]["Id"]
    other = clients(OUTSIDER, "organizations").describe_organization()["Organization"]["Id"]

    def becomes(account: str, wanted: str, service: str = "ecs-tasks.amazonaws.com") -> Any:
        condition = (
            {"StringEquals": {key: wanted}}
            if key == "aws:SourceOrgID"
            else {"ForAnyValue:StringLike": {key: f"{wanted}/*"}}
        )
        role = make_role(account, trust({"Service": service}, Condition=condition))
        return clients.assume(f"{service}@{account}", role)

    assert becomes(A, own)
    assert becomes(OUTSIDER, other)
    assert code_of(lambda: becomes(A, other)) == "AccessDenied"
    assert code_of(lambda: becomes(LONER, own)) == "AccessDenied"
    # Lambda says nothing of whom it acts for.
    assert code_of(lambda: becomes(A, own, "lambda.amazonaws.com")) == "AccessDenied"


def test_ecs_names_account_and_task(clients: Clients, make_role: Callable[..., str]) -> None:
    def becomes(account: str) -> Any:
        condition = {
            "StringEquals": {"aws:SourceAccount": account},
            "ArnLike": {"aws:SourceArn": f"arn:aws:ecs:eu-central-1:{account}:*"},
        }
        role = make_role(A, trust({"Service": "ecs-tasks.amazonaws.com"}, Condition=condition))
        return clients.assume(f"ecs-tasks.amazonaws.com@{A}", role)

    assert becomes(A)
    assert code_of(lambda: becomes(B)) == "AccessDenied"


def test_a_member_leaves_and_its_management_account_does_not(cloud: CloudProcess) -> None:
    copy = cloud.fork()
    try:
        clients = Clients(copy)
        member = clients(A, "organizations")
        member.leave_organization()
        assert code_of(member.describe_organization) == "AWSOrganizationsNotInUseException"
        pages = clients(MANAGEMENT, "organizations").get_paginator("list_accounts").paginate()
        left = {each["Id"] for page in pages for each in page["Accounts"]}
        assert A not in left
        assert B in left
        assert code_of(clients(MANAGEMENT, "organizations").leave_organization) == (
            "MasterCannotLeaveOrganizationException"
        )
        assert code_of(clients(LONER, "organizations").leave_organization) == (
            "AWSOrganizationsNotInUseException"
        )
    finally:
        copy.stop()
