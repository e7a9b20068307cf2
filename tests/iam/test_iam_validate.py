"""What AWS refuses at save time, by kind of policy; each refusal beside a document that passes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harness.iam import PolicyKind
from harness.iam.validate import validate

IDENTITY = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bkt/*"}
RESOURCE = {**IDENTITY, "Principal": {"AWS": "111111111111"}}
TRUST = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "111111111111"}}
KEY = {**TRUST, "Action": "kms:*", "Resource": "*"}
RCP = {"Effect": "Deny", "Action": "s3:*", "Resource": "*", "Principal": "*"}
GOOD = {
    PolicyKind.IDENTITY: IDENTITY,
    PolicyKind.BOUNDARY: IDENTITY,
    PolicyKind.SESSION: IDENTITY,
    PolicyKind.SCP: IDENTITY,
    PolicyKind.RESOURCE: RESOURCE,
    PolicyKind.TRUST: TRUST,
    PolicyKind.KEY: KEY,
    PolicyKind.RCP: RCP,
}


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


@pytest.mark.parametrize("kind", list(PolicyKind))
def test_a_good_document_of_each_kind_passes(kind: PolicyKind) -> None:
    good = document(GOOD[kind])
    assert validate(good, kind) == []
    assert validate(json.dumps(good), kind) == []


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        (PolicyKind.IDENTITY, {"Resource": None}, "must contain resources"),
        (PolicyKind.IDENTITY, {"Resource": []}, "must contain resources"),
        (PolicyKind.IDENTITY, {"Action": None}, "must contain actions"),
        (PolicyKind.IDENTITY, {"Action": []}, "must contain actions"),
        (PolicyKind.IDENTITY, {"NotAction": "s3:*"}, "Action and NotAction exclude"),
        (PolicyKind.IDENTITY, {"NotResource": "*"}, "Resource and NotResource exclude"),
        (PolicyKind.IDENTITY, {"Effect": None}, "Effect must be"),
        (PolicyKind.IDENTITY, {"Effect": "ALLOW"}, "Effect must be"),
        (PolicyKind.IDENTITY, {"Principal": "*"}, "should not specify a principal"),
        (PolicyKind.SCP, {"NotPrincipal": "*"}, "should not specify a principal"),
        (PolicyKind.IDENTITY, {"Action": "GetObject"}, "must be prefaced by a vendor"),
        (PolicyKind.IDENTITY, {"Action": "a:b:c"}, "only one colon"),
        (PolicyKind.IDENTITY, {"Action": "s_3:Get"}, "Vendor s_3 is not valid"),
        (PolicyKind.IDENTITY, {"Resource": "bkt"}, "must be in ARN format"),
        (PolicyKind.IDENTITY, {"Resource": "arn:aws"}, "must be in ARN format"),
        (PolicyKind.SESSION, {"Resource": "arn:aws:s3"}, "must be in ARN format"),
        (PolicyKind.RESOURCE, {"Resource": "arn:aws:s3"}, "must be in ARN format"),
        (PolicyKind.IDENTITY, {"Resource": "arn:azure:s3:::b"}, 'Partition "azure" is not valid'),
        (PolicyKind.IDENTITY, {"Sid": "not plain"}, "must be alpha-numeric"),
        (PolicyKind.IDENTITY, {"Sid": "\u2013"}, "printable ASCII"),
        (PolicyKind.IDENTITY, {"Surprise": 1}, "unknown element 'Surprise'"),
        (PolicyKind.IDENTITY, {"Condition": {"Foo": {"aws:x": "y"}}}, "unknown condition operator"),
        (PolicyKind.RESOURCE, {"Principal": None}, "Missing required field Principal"),
        (PolicyKind.TRUST, {"Principal": None}, "Missing required field Principal"),
        (PolicyKind.TRUST, {"Resource": "*"}, "prohibited field Resource"),
        (PolicyKind.TRUST, {"Action": "s3:*"}, "only specify STS AssumeRole actions"),
        (
            PolicyKind.TRUST,
            {"Principal": None, "NotPrincipal": "*", "Effect": "Deny"},
            "prohibited field NotPrincipal",
        ),
        (
            PolicyKind.RESOURCE,
            {"Principal": None, "NotPrincipal": {"AWS": "111111111111"}},
            "not supported with Effect Allow",
        ),
        (
            PolicyKind.TRUST,
            {"Principal": {"AWS": "arn:aws:iam::111111111111:role/*"}},
            'Invalid principal in policy: "AWS":"arn:aws:iam::111111111111:role/*"',
        ),
        (PolicyKind.TRUST, {"Principal": {"Service": "lambda"}}, 'policy: "SERVICE":"lambda"'),
        (
            PolicyKind.TRUST,
            {"Principal": {"Service": "amazonaws.com"}},
            'policy: "SERVICE":"amazonaws.com"',
        ),
        (PolicyKind.TRUST, {"Principal": {"Service": "app.example.com"}}, '"SERVICE":"app.example'),
        (PolicyKind.TRUST, {"Principal": {"Federated": "provider"}}, "must be valid domain names"),
        (
            PolicyKind.IDENTITY,
            {"Resource": "arn:aws:iam:eu-west-1:111111111111:role/app"},
            "cannot contain region information",
        ),
        (PolicyKind.TRUST, {"Principal": {"User": "bob"}}, 'policy: "User":"bob"'),
        (PolicyKind.TRUST, {"Principal": "bob"}, 'policy: "bob"'),
        (PolicyKind.KEY, {"Sid": "\u0100"}, "beyond U+00FF"),
        (PolicyKind.KEY, {"Resource": []}, "must contain resources"),
        (PolicyKind.KEY, {"Action": []}, "must contain actions"),
        (PolicyKind.RESOURCE, {"Resource": None}, "must contain resources"),
        (PolicyKind.RCP, {"Resource": None}, "must contain resources"),
        (PolicyKind.RCP, {"Effect": "Allow"}, "Deny statements only"),
        (PolicyKind.RCP, {"Action": None, "NotAction": "s3:*"}, "has no NotAction"),
        (PolicyKind.RCP, {"Principal": {"AWS": "111111111111"}}, 'is "*"'),
    ],
)
def test_a_bad_document_is_refused(kind: PolicyKind, change: dict[str, Any], message: str) -> None:
    bad = {k: v for k, v in {**GOOD[kind], **change}.items() if v is not None}
    problems = validate(document(bad), kind)
    assert any(message in problem for problem in problems), problems
    assert validate(json.dumps(document(bad), ensure_ascii=False), kind) == problems


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"Version": "2013-10-17", "Statement": []}',
        '{"Version": [], "Statement": []}',
        '{"Statement": []}',
        '{"Statement": [1]}',
        '{"Statement": null}',
    ],
)
def test_what_is_no_policy_is_a_syntax_error(text: str) -> None:
    problems = validate(text, PolicyKind.IDENTITY)
    assert problems
    assert problems[0].startswith("Syntax errors in policy.")


def test_sids_are_unique() -> None:
    one, two = {**IDENTITY, "Sid": "A"}, {**IDENTITY, "Sid": "B"}
    assert validate(document(one, two), PolicyKind.IDENTITY) == []
    assert validate(document(one, one), PolicyKind.IDENTITY) == [
        "Statement IDs (SID) in a single policy must be unique."
    ]


@pytest.mark.parametrize("kind", [PolicyKind.IDENTITY, PolicyKind.BOUNDARY])
def test_identity_based_policies_take_incomplete_arns(kind: PolicyKind) -> None:
    assert validate(document({**IDENTITY, "Resource": "arn:aws:sqs"}), kind) == []


def test_kms_takes_latin_text() -> None:
    assert validate(document({**KEY, "Sid": "Schl\u00fcssel \u00ff"}), PolicyKind.KEY) == []


def test_other_kinds_take_more_in_a_sid() -> None:
    described = {**RESOURCE, "Sid": "Allow the owner"}
    assert validate(document(described), PolicyKind.RESOURCE) == []


@pytest.mark.parametrize("element", ["Resource", "Action"])
def test_kms_saves_a_statement_that_has_no_effect(element: str) -> None:
    """key-policy-overview: CreateKey and PutKeyPolicy succeed, though it is ineffective."""
    partial = {key: value for key, value in KEY.items() if key != element}
    assert validate(document(partial), PolicyKind.KEY) == []
