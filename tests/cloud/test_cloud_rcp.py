"""Resource control policies over HTTP: they bind whoever asks, for resources of member accounts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support.cloud import LONER, MANAGEMENT, OUTSIDER, A, B, Clients, document, trust

EVERYBODY = {"AWS": "*"}
MakeRole = Callable[..., str]
Attach = Callable[..., None]


@pytest.fixture
def attach(clients: Clients, unique: Callable[[str], str]) -> Iterator[Attach]:
    """Attaches an RCP to an account; everything is undone at the end."""
    organizations = clients(MANAGEMENT, "organizations")
    undo: list[Callable[[], Any]] = []

    def put(account: str, *statements: dict[str, Any]) -> None:
        policy = organizations.create_policy(
            Name=unique("rcp"),
            Description="",
            Type="RESOURCE_CONTROL_POLICY",
            Content=document(*statements),
        )["Policy"]["PolicySummary"]["Id"]
        undo.append(lambda: organizations.delete_policy(PolicyId=policy))
        organizations.attach_policy(PolicyId=policy, TargetId=account)
        undo.append(lambda: organizations.detach_policy(PolicyId=policy, TargetId=account))

    yield put
    for each in reversed(undo):
        each()


def only(*accounts: str, **more: Any) -> dict[str, Any]:
    return {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sts:AssumeRole",
        "Resource": "*",
        "Condition": {
            "StringNotEquals": {"aws:PrincipalAccount": list(accounts)},
            "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
        },
        **more,
    }


@pytest.mark.parametrize("outsider", [OUTSIDER, LONER])
def test_outsiders_are_kept_out_of_an_open_role(
    clients: Clients, make_role: MakeRole, attach: Attach, outsider: str
) -> None:
    role = make_role(A, trust(EVERYBODY))
    clients.assume(outsider, role)
    attach(A, only(A, B))
    with pytest.raises(ClientError) as refused:
        clients.assume(outsider, role)
    assert refused.value.response["Error"]["Message"].endswith(
        f"sts:AssumeRole on resource: {role} with an explicit deny in a resource control policy"
    )
    clients.assume(B, role)


def test_services_and_other_accounts_are_spared(
    clients: Clients, make_role: MakeRole, attach: Attach
) -> None:
    attach(A, only(A))
    service = make_role(A, trust({"Service": "lambda.amazonaws.com"}))
    clients.assume(f"lambda.amazonaws.com@{A}", service)
    clients.assume(OUTSIDER, make_role(B, trust(EVERYBODY)))


def test_the_management_account_is_bound_by_none(
    clients: Clients, make_role: MakeRole, attach: Attach
) -> None:
    role = make_role(MANAGEMENT, trust(EVERYBODY))
    attach(MANAGEMENT, only(MANAGEMENT))
    clients.assume(OUTSIDER, role)


def test_keys_serve_their_own_account_only(clients: Clients, attach: Attach) -> None:
    policy = document(
        {"Effect": "Allow", "Principal": EVERYBODY, "Action": "kms:*", "Resource": "*"}
    )
    key = clients(A, "kms").create_key(Policy=policy)["KeyMetadata"]["Arn"]
    clients(B, "kms").encrypt(KeyId=key, Plaintext=b"x")
    own = {"StringNotEquals": {"aws:PrincipalAccount": "${aws:ResourceAccount}"}}
    attach(A, only(Action="kms:*", Condition=own))
    clients(A, "kms").encrypt(KeyId=key, Plaintext=b"x")
    with pytest.raises(ClientError, match="explicit deny in a resource control policy"):
        clients(B, "kms").encrypt(KeyId=key, Plaintext=b"x")


@pytest.mark.parametrize(
    "statement",
    [only(A, Effect="Allow"), {**only(A), "Principal": {"AWS": A}}],
    ids=["allow", "one principal"],
)
def test_what_is_no_rcp_is_refused(
    clients: Clients, unique: Callable[[str], str], statement: dict[str, Any]
) -> None:
    with pytest.raises(ClientError) as refused:
        clients(MANAGEMENT, "organizations").create_policy(
            Name=unique("rcp"),
            Description="",
            Type="RESOURCE_CONTROL_POLICY",
            Content=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
        )
    assert refused.value.response["Error"]["Code"] == "MalformedPolicyDocumentException"
