"""The answer to a case: what decided, and a sentence that says no more than is true."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.iam.cases import answer, read_case

CASES = Path(__file__).parent / "cases"
A, B = "111111111111", "222222222222"
FULL = {"Effect": "Allow", "Action": "*", "Resource": "*"}
EC2 = {"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}
READ = {"Sid": "Read", "Effect": "Allow", "Action": "s3:Get*", "Resource": "arn:aws:s3:::bkt/*"}
BUCKET = {**READ, "Principal": {"AWS": A}}


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def answered(request: dict[str, Any] | None = None, **policies: Any) -> dict[str, Any]:
    """The answer to a role that reads an object of its own account, unless told otherwise."""
    asked = {
        "principal": f"arn:aws:sts::{A}:assumed-role/app/s1",
        "action": "s3:GetObject",
        "resource": "arn:aws:s3:::bkt/k",
        "resourceAccount": A,
        **(request or {}),
    }
    return answer(read_case({"id": "case", "request": asked, **policies}))


def given(condition: dict[str, Any], context: dict[str, Any]) -> str:
    """Why an identity policy with this condition does not allow, or the like."""
    conditional = policy({**READ, "Condition": condition})
    why: str = answered({"context": context}, identityPolicies=[conditional])["why"]
    return why.partition("bkt/k: ")[2]


def test_allowed_names_each_layers_statement_by_sid_or_index() -> None:
    answer = answered(
        identityPolicies=[policy(EC2), policy(EC2, READ)], permissionsBoundary=policy(FULL)
    )
    assert answer == {
        "id": "case",
        "decision": "Allowed",
        "decided_by": [
            {"kind": "identity", "policy": "identityPolicies[1]", "statement": "Read"},
            {"kind": "boundary", "policy": "permissionsBoundary", "statement": 0},
        ],
        "why": f"arn:aws:sts::{A}:assumed-role/app/s1 s3:GetObject on arn:aws:s3:::bkt/k: allowed "
        "by statement Read of identityPolicies[1] (identity-based policy); "
        "statement 0 of permissionsBoundary (permissions boundary)",
    }


@pytest.mark.parametrize(
    ("expected", "agrees"), [("Allowed", True), ("ImplicitlyDenied", False), (None, None)]
)
def test_an_expectation_is_held_against_the_decision(
    expected: str | None, agrees: bool | None
) -> None:
    answer = answered(identityPolicies=[policy(READ)], expected=expected)
    assert answer.get("expected") == expected
    assert answer.get("agrees") is agrees


def test_every_layer_and_level_without_an_allow_is_named() -> None:
    answer = answered(
        {"resourceAccount": B},
        identityPolicies=[policy(EC2)],
        permissionsBoundary=policy(EC2),
        sessionPolicy=policy(EC2),
        scps=[[policy(FULL)], [policy(EC2)], [policy(EC2), policy(FULL)], []],
    )
    assert answer["decision"] == "ImplicitlyDenied"
    assert answer["decided_by"] == []
    assert answer["missing"] == ["scp", "identity", "resource", "boundary", "session"]
    assert answer["why"].partition("bkt/k: ")[2].split("; ") == [
        "no service control policy of level 1 allows the s3:GetObject action",
        "no service control policy of level 3 allows the s3:GetObject action",
        "no identity-based policy allows the s3:GetObject action",
        "the resource-based policy would have to allow s3:GetObject for this principal, and there "
        "is none",
        "no permissions boundary allows the s3:GetObject action",
        "no session policy allows the s3:GetObject action",
    ]


@pytest.mark.parametrize(
    ("resource", "action", "name"),
    [
        (f"arn:aws:iam::{A}:role/fleet", "sts:AssumeRole", "the role's trust policy"),
        (f"arn:aws:kms:eu-central-1:{A}:key/1", "kms:Decrypt", "the key policy"),
    ],
)
def test_a_role_or_key_whose_policy_does_not_allow(resource: str, action: str, name: str) -> None:
    request = {"resource": resource, "action": action}
    other = {"Effect": "Allow", "Action": action, "Principal": {"AWS": B}}
    if action != "sts:AssumeRole":
        other["Resource"] = "*"
    without = answered(request, identityPolicies=[policy(FULL)])
    assert f"{name} would have to allow {action} for this principal" in without["why"]
    wrong = answered(request, identityPolicies=[policy(FULL)], resourcePolicy=policy(other))
    assert wrong["why"].endswith(
        f"{name} does not allow {action} for this principal "
        "(statement 0 of resourcePolicy does, but not for this principal)"
    )


def test_no_policy_at_all_is_said() -> None:
    assert answered()["why"].endswith(
        "no identity-based policy allows the s3:GetObject action, there being none"
    )
    assert answered(identityPolicies=[policy(EC2)])["why"].endswith("the s3:GetObject action")
    federated = {"principal": f"arn:aws:sts::{A}:federated-user/bob"}
    assert answered(federated, identityPolicies=[policy(FULL)])["why"].endswith(
        "no session policy allows the s3:GetObject action, there being none"
    )


NEAR = (
    "no identity-based policy allows the s3:GetObject action "
    "(statement Read of identityPolicies[0] does, but "
)


@pytest.mark.parametrize(
    ("condition", "context", "reason"),
    [
        (
            {"StringEquals": {"aws:PrincipalOrgID": "o-1"}},
            {},
            "StringEquals on aws:PrincipalOrgID fails: the request has no such key",
        ),
        (
            {"StringEquals": {"aws:PrincipalOrgID": ["o-1", "o-2"]}},
            {"AWS:PRINCIPALORGID": "o-3"},
            "StringEquals on aws:PrincipalOrgID fails: the request has 'o-3'",
        ),
        (
            {"Null": {"aws:MultiFactorAuthAge": False}, "Bool": {"aws:SecureTransport": True}},
            {"aws:SecureTransport": "false"},
            "Null on aws:MultiFactorAuthAge fails: the request has no such key and "
            "Bool on aws:SecureTransport fails: the request has 'false'",
        ),
        (
            {"ForAnyValue:StringLike": {"aws:TagKeys": "a*"}},
            {"aws:TagKeys": ["b", "c"]},
            "ForAnyValue:StringLike on aws:TagKeys fails: the request has 'b', 'c'",
        ),
        (
            {"StringEquals": {"sts:ExternalId": "wanted"}},
            {"sts:ExternalId": "offered"},
            "StringEquals on sts:ExternalId fails: the request has another value",
        ),
        (
            {"StringEquals": {f"aws:PrincipalTag/{n}": "x" for n in range(9)}},
            {},
            " and ".join(
                f"StringEquals on aws:PrincipalTag/{n} fails: the request has no such key"
                for n in range(3)
            )
            + " and more",
        ),
    ],
)
def test_a_near_statement_tells_which_conditions_fail(
    condition: dict[str, Any], context: dict[str, Any], reason: str
) -> None:
    assert given(condition, context) == f"{NEAR}{reason})"


def test_of_two_conditions_only_the_one_that_fails_is_told() -> None:
    why = given(
        {"StringEquals": {"aws:PrincipalOrgID": "o-1", "aws:PrincipalAccount": A}},
        {"aws:PrincipalOrgID": "o-2"},
    )
    assert "aws:PrincipalOrgID fails" in why
    assert "aws:PrincipalAccount" not in why
    assert given({"StringEquals": {"aws:PrincipalAccount": A}}, {}).startswith("allowed by")


@pytest.mark.parametrize(
    "element", [{"Resource": "arn:aws:s3:::other/*"}, {"NotResource": "arn:aws:s3:::bkt/*"}]
)
def test_another_resource_is_told(element: dict[str, Any]) -> None:
    statement = {k: v for k, v in READ.items() if k != "Resource"} | element
    why = answered(identityPolicies=[policy(statement)])["why"]
    assert why.endswith(f"{NEAR}not for this resource)")


def test_no_more_than_three_statements_are_described() -> None:
    elsewhere = [{**READ, "Sid": f"S{n}", "Resource": "arn:aws:s3:::other"} for n in range(5)]
    why = answered(identityPolicies=[policy(*elsewhere)])["why"]
    assert "statement S2 of" in why
    assert why.endswith("S2 of identityPolicies[0] does, but not for this resource, more)")


DENY = {"Sid": "Org", "Effect": "Deny", "Action": "*", "Resource": "*"}
OUTSIDE = {"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}}


def test_an_explicit_deny_names_every_statement() -> None:
    answer = answered(
        {"context": {"aws:PrincipalOrgID": "o-2"}},
        identityPolicies=[policy(FULL)],
        scps=[[policy(FULL), policy(EC2, {**DENY, "Condition": OUTSIDE})]],
        rcps=[[policy({**DENY, "Principal": "*", "Action": "s3:*"})]],
    )
    assert answer["decision"] == "ExplicitlyDenied"
    assert answer["decided_by"] == [
        {"kind": "rcp", "policy": "rcps[0][0]", "statement": "Org"},
        {"kind": "scp", "policy": "scps[0][1]", "statement": "Org"},
    ]
    assert answer["why"].endswith(
        "explicitly denied by statement Org of rcps[0][0] (resource control policy); "
        "statement Org of scps[0][1] (service control policy)"
    )
    assert "missing" not in answer


def test_a_deny_that_fires_for_want_of_a_key_says_so() -> None:
    answer = answered(identityPolicies=[policy(FULL, {**DENY, "Condition": OUTSIDE})])
    assert answer["why"].endswith(
        "statement Org of identityPolicies[0] (identity-based policy), where StringNotEquals on "
        "aws:PrincipalOrgID holds since the request has no such key"
    )


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        ({"action": "sts:GetCallerIdentity", "resource": "*"}, "needs no permission"),
        ({"principal": f"arn:aws:iam::{A}:root"}, "the root user has every right"),
        (
            {
                "principal": f"arn:aws:iam::{A}:root",
                "action": "sts:AssumeRole",
                "resource": f"arn:aws:iam::{A}:role/r",
            },
            "a root user cannot assume roles",
        ),
    ],
)
def test_what_no_policy_decides_is_told(request_: dict[str, Any], reason: str) -> None:
    assert reason in answered(request_)["why"]


def test_every_case_is_explained_by_what_decided_it() -> None:
    for file in CASES.glob("*.jsonl"):
        for line in file.read_text(encoding="utf-8").splitlines():
            answer_ = answer(read_case(json.loads(line)))
            assert answer_["agrees"]
            for by in answer_["decided_by"]:
                assert f"statement {by['statement']} of {by['policy']} (" in answer_["why"]
            for kind in answer_.get("missing", ()):
                words = {"key": "key policy", "trust": "trust policy", "scp": "service control"}
                assert words.get(kind, kind) in answer_["why"]
