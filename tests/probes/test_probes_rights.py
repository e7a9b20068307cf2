"""What the judges of rights and of guardrails find, and that they find nothing where nothing is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harness.probes.guardrail_decisions import failures, strange_keys
from harness.probes.guardrail_purpose import Asked, Purpose
from harness.probes.rights import attached, beyond, denies_only, held

ROLE = "arn:aws:iam::111111111111:role/app"
GROUP = "arn:aws:logs:eu-central-1:111111111111:log-group:own"


def allow(action: object, resource: object = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


class Iam:
    """A role with one inline policy, and a boundary where there is one."""

    def __init__(self, *statements: dict[str, Any], boundary: dict[str, Any] | None = None) -> None:
        self._inline = {"Version": "2012-10-17", "Statement": list(statements)}
        self._boundary = {"Version": "2012-10-17", "Statement": boundary}
        self.attached: list[str] = []

    def get_role(self, **_: str) -> dict[str, Any]:
        limit = {"PermissionsBoundaryArn": "arn:boundary"}
        bounded = self._boundary["Statement"] is not None
        return {"Role": {"Arn": ROLE, **({"PermissionsBoundary": limit} if bounded else {})}}

    def list_role_policies(self, **_: str) -> dict[str, Any]:
        return {"PolicyNames": ["own"]}

    def get_role_policy(self, **_: str) -> dict[str, Any]:
        return {"PolicyDocument": self._inline}

    def get_paginator(self, operation: str) -> Iam:
        assert operation == "list_attached_role_policies"
        return self

    def paginate(self, **_: str) -> list[dict[str, Any]]:
        return [{"AttachedPolicies": [{"PolicyArn": arn}]} for arn in self.attached]

    def get_policy(self, **_: str) -> dict[str, Any]:
        return {"Policy": {"DefaultVersionId": "v1"}}

    def get_policy_version(self, **_: str) -> dict[str, Any]:
        return {"PolicyVersion": {"Document": self._boundary}}


OWN = allow("logs:PutLogEvents", GROUP)
STOP = {"Effect": "Deny", "Action": "bedrock:*", "Resource": "*"}


def test_every_page_of_attached_policies_is_read() -> None:
    iam = Iam(OWN, boundary=STOP)
    iam.attached = ["arn:one", "arn:two"]
    assert list(attached(iam, "app")) == ["arn:one", "arn:two"]
    assert all(map(denies_only, attached(iam, "app").values()))


@pytest.mark.parametrize(
    ("statements", "only"),
    [(STOP, True), ([STOP], True), ([STOP, OWN], False), (OWN, False)],
)
def test_a_stop_allows_nothing(statements: object, only: bool) -> None:
    assert denies_only({"Version": "2012-10-17", "Statement": statements}) is only


def more(*statements: dict[str, Any], boundary: dict[str, Any] | None = None) -> list[str]:
    def job(action: str, resource: str) -> bool:
        return (action, resource) == ("logs:PutLogEvents", GROUP)

    meant, found = beyond(held(Iam(OWN, *statements, boundary=boundary), "app"), job)
    assert meant == ["logs:PutLogEvents"]
    return found


def test_a_role_with_its_job_alone_has_no_more() -> None:
    assert more() == []


@pytest.mark.parametrize(
    ("statement", "action"),
    [
        (allow("iam:PassRole"), "iam:PassRole"),
        (allow("logs:PutLogEvents"), "logs:PutLogEvents"),
        (allow("logs:*", f"{GROUP}:*"), "logs:Unmask"),
        (allow("kms:Untag*", "arn:aws:kms:eu-central-1:111111111111:key/x"), "kms:UntagResource"),
        (allow("bedrock-agentcore:*"), "bedrock-agentcore:Any"),
        (allow("sts:AssumeRole", "arn:aws:iam::*:role/*"), "sts:AssumeRole"),
        (allow("oam:CreateLink", Condition={"Bool": {"x": "true"}}), "oam:CreateLink"),
        (
            {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"},
            "secretsmanager:GetSecretValue",
        ),
    ],
)
def test_one_right_more_is_found(statement: dict[str, Any], action: str) -> None:
    assert action in more(statement)


def test_a_denial_or_a_boundary_takes_rights_away() -> None:
    deny = {"Effect": "Deny", "NotAction": "logs:PutLogEvents", "Resource": "*"}
    assert more(allow("iam:*"), deny) == []
    assert more(allow("iam:*"), boundary=OWN) == []
    # A condition may not be met.
    assert more(allow("iam:*"), {**deny, "Condition": {"Bool": {"x": "true"}}})


DENY = {"Sid": "Jobs", "Effect": "Deny", "Action": "bedrock:CreateModel*", "Resource": "*"}
PURPOSE = Purpose(
    "operations-scp",
    "Jobs",
    (),
    (Asked("bedrock:CreateModelInvocationJob"),),
    (Asked("bedrock:ListFoundationModels"),),
)


@pytest.mark.parametrize(
    ("changes", "let_through", "stopped", "strange"),
    [
        ({}, False, False, False),
        ({"Sid": "Other"}, True, False, False),
        ({"Action": "bedrock:CreateGuardrail"}, True, False, False),
        ({"Action": "bedrock:*"}, False, True, False),
        (
            {"Condition": {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/Admin*"}}},
            True,
            False,
            True,
        ),
        (
            {"Condition": {"StringNotEquals": {"aws:PrincipalTag/team": "platform"}}},
            False,
            False,
            True,
        ),
    ],
)
def test_a_guardrail_is_judged(
    changes: dict[str, Any], let_through: bool, stopped: bool, strange: bool
) -> None:
    document = json.dumps({"Version": "2012-10-17", "Statement": [{**DENY, **changes}]})
    found = failures(PURPOSE, [document], {"a": "111111111111"})
    assert tuple(map(bool, found)) == (let_through, stopped)
    assert bool(strange_keys(PURPOSE, [document])) is strange


def test_no_guardrail_denies_nothing() -> None:
    let_through, _ = failures(PURPOSE, [], {"a": "111111111111"})
    assert let_through
