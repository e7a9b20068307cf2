"""The embedded cloud explains what it decided."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support.cloud import A, B, Clients, allow, trust

from harness.cloud.process import CloudProcess
from harness.cloud.trace import HIDDEN, Trace
from harness.iam import Decision, Outcome, PolicySet, Principal, Request

SECRET = "an-external-id-that-nobody-shows"
ROOT_A = {"AWS": f"arn:aws:iam::{A}:root"}
PINNED = {"Condition": {"StringEquals": {"sts:ExternalId": SECRET}}}
MakeRole = Callable[..., str]


def request_id(answer: Any) -> str:
    response = answer.response if isinstance(answer, ClientError) else answer
    return str(response["ResponseMetadata"]["HTTPHeaders"]["x-amzn-requestid"])


def test_an_allowed_request_names_a_statement_of_each_layer(
    cloud: CloudProcess, clients: Clients, make_role: MakeRole
) -> None:
    role = make_role(B, trust(ROOT_A, **PINNED))
    name = {"RoleArn": role, "RoleSessionName": "test", "ExternalId": SECRET}
    told = cloud.explain(request_id(clients(A, "sts").assume_role(**name)))
    assert told is not None
    assert (told["outcome"], told["action"], told["resource"]) == (
        "Allowed",
        "sts:AssumeRole",
        role,
    )
    by_kind = {each["kind"]: each for each in told["statements"]}
    assert {"scp", "trust", "identity"} <= set(by_kind)
    # One statement, however many levels of the organization it is attached at; by its name.
    (scp,) = (each for each in told["statements"] if each["kind"] == "scp")
    assert scp["policy"] == "FullAWSAccess"
    assert scp["attached"] == ["the organization's root", "the account"]
    assert by_kind["trust"]["attached"] == []
    condition = by_kind["trust"]["statement"]["Condition"]
    assert condition == {"StringEquals": {"sts:ExternalId": HIDDEN}}
    assert SECRET not in str(told)


def test_a_refused_request_shows_what_came_near(
    cloud: CloudProcess, clients: Clients, make_role: MakeRole
) -> None:
    role = make_role(B, trust(ROOT_A, **PINNED))
    with pytest.raises(ClientError) as refused:
        clients(A, "sts").assume_role(RoleArn=role, RoleSessionName="test")
    told = cloud.explain(request_id(refused.value))
    assert told is not None
    assert (told["outcome"], told["missing"], told["statements"]) == (
        "ImplicitlyDenied",
        ["trust"],
        [],
    )
    (near,) = told["near"]
    assert near["kind"] == "trust"
    assert SECRET not in str(told)


def test_a_denial_names_the_statement_that_fired(
    cloud: CloudProcess, clients: Clients, make_role: MakeRole
) -> None:
    deny = {"Sid": "NoUsers", "Effect": "Deny", "Action": "iam:ListUsers", "Resource": "*"}
    session = clients.assume(A, make_role(A, trust(ROOT_A), allow("*"), deny))
    with pytest.raises(ClientError) as refused:
        clients(session, "iam").list_users()
    told = cloud.explain(request_id(refused.value))
    assert told is not None
    assert told["outcome"] == "ExplicitlyDenied"
    assert [(s["sid"], s["statement"]) for s in told["statements"]] == [("NoUsers", deny)]


def test_what_nobody_decided_is_not_explained(cloud: CloudProcess, clients: Clients) -> None:
    assert cloud.explain("no such request") is None
    # GetCallerIdentity needs no permission.
    assert cloud.explain(request_id(clients(A, "sts").get_caller_identity())) is None


def test_old_requests_are_forgotten() -> None:
    trace = Trace(limit=2)
    principal = Principal("user", A, "arn", "arn", "AIDA", "AIDA")
    for name in "abc":
        request = Request(principal, f"s3:{name}", "*", "", {})
        trace.keep(name, Decision(request, Outcome.ALLOWED), PolicySet())
    assert trace.explain("a") is None
    assert [(trace.explain(name) or {})["action"] for name in "bc"] == ["s3:b", "s3:c"]
