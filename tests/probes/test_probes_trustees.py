"""Whom a trust policy lets in beyond the design, and that the design itself passes."""

from __future__ import annotations

from typing import Any

import pytest

from harness.probes.trustees import Design, beyond

OWN, OTHER = "222222222222", "333333333333"
CALLER = f"arn:aws:iam::{OWN}:role/bulkhead/caller"
PINS = {"StringEquals": {"aws:PrincipalArn": CALLER, "sts:ExternalId": "x"}}


def trust(principal: object, **more: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", **more}
    return {"Version": "2012-10-17", "Statement": [statement]}


ROOT = {"AWS": f"arn:aws:iam::{OWN}:root"}
INSIDE = Design(frozenset({OWN}), None, never=frozenset({CALLER}))
SERVICE = Design(frozenset(), frozenset({"lambda.amazonaws.com"}))
FLEET = Design(frozenset({OWN}), callers=frozenset({CALLER}))


def replaced(**of_the_end: Any) -> dict[str, Any]:
    """A trust that takes a current id and the one before, and the statement that ends that one."""
    both = {"aws:PrincipalArn": CALLER, "sts:ExternalId": ["new", "old"]}
    ends = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sts:AssumeRole",
        "Condition": {
            "StringEquals": {"sts:ExternalId": "old"},
            "DateGreaterThanEqualsIfExists": {"aws:CurrentTime": "2026-01-31T12:00:00Z"},
        },
        **of_the_end,
    }
    document = trust(ROOT, Condition={"StringEquals": both})
    return {**document, "Statement": [*document["Statement"], ends]}


def with_end(**tests: Any) -> dict[str, Any]:
    return replaced(Condition={"StringEquals": {"sts:ExternalId": "old"}, **tests})


@pytest.mark.parametrize(
    ("design", "document"),
    [
        (INSIDE, trust(ROOT)),
        (INSIDE, trust({"AWS": OWN, "Service": "logs.amazonaws.com"})),
        (INSIDE, trust("*", Effect="Deny")),
        (SERVICE, trust({"Service": "lambda.amazonaws.com"})),
        (FLEET, trust(ROOT, Condition=PINS)),
        (FLEET, replaced()),
        (FLEET, replaced(Principal={"AWS": "*"})),
    ],
)
def test_the_design_passes(design: Design, document: dict[str, Any]) -> None:
    assert beyond(document, design) == []


@pytest.mark.parametrize(
    ("design", "document"),
    [
        (INSIDE, trust("*")),
        (INSIDE, trust({"AWS": "*"}, Condition={"StringEquals": {"aws:PrincipalAccount": OWN}})),
        (INSIDE, trust({"AWS": f"arn:aws:iam::{OTHER}:role/named"})),
        (INSIDE, trust({"AWS": [OWN, OTHER]})),
        (INSIDE, trust({"AWS": "AROAEXAMPLEEXAMPLE"})),
        (INSIDE, trust({"AWS": CALLER})),
        (INSIDE, trust({"Federated": f"arn:aws:iam::{OWN}:saml-provider/x"})),
        (SERVICE, trust({"Service": ["lambda.amazonaws.com", "ec2.amazonaws.com"]})),
        (SERVICE, trust(ROOT)),
        (FLEET, trust(ROOT)),
        (FLEET, trust({"AWS": f"arn:aws:iam::{OTHER}:root"}, Condition=PINS)),
        (FLEET, trust(ROOT, Condition={"StringLike": PINS["StringEquals"]})),
        (FLEET, trust(ROOT, Condition={"StringEquals": {"aws:PrincipalArn": CALLER}})),
        (FLEET, replaced(Effect="Allow")),
        (FLEET, replaced(Principal=ROOT)),
        (FLEET, replaced(Action="sts:TagSession")),
        (FLEET, replaced(Condition={"StringEquals": {"sts:ExternalId": "old"}})),
        (FLEET, with_end(DateGreaterThan={"aws:CurrentTime": "2099-01-01T00:00:00Z"})),
        (FLEET, with_end(DateGreaterThan={"aws:CurrentTime": "2026-01-31T12:00:00"})),
        (FLEET, with_end(DateLessThan={"aws:CurrentTime": "2026-01-31T12:00:00Z"})),
        (FLEET, with_end(DateGreaterThan={"aws:TokenIssueTime": "2026-01-31T12:00:00Z"})),
        (
            FLEET,
            with_end(
                DateGreaterThan={"aws:CurrentTime": "2026-01-31T12:00:00Z"},
                StringLike={"aws:PrincipalArn": "*:role/other"},
            ),
        ),
    ],
)
def test_anything_else_is_named(design: Design, document: dict[str, Any]) -> None:
    assert beyond(document, design)
    document["Statement"] = document["Statement"][0]
    assert beyond(document, design)
