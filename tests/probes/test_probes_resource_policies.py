"""Whom a resource's policy lets in from outside, and that its own account passes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harness.probes.resource_policies import lets_in

OWN, OTHER = "111111111111", "222222222222"
TRAIL = "arn:aws:cloudtrail:eu-central-1:{}:trail/bulkhead-operations"
FLEET = f"arn:aws:iam::{OWN}:role/bulkhead/fleet/bulkhead-acme"


def judged(principal: object, **more: Any) -> list[str]:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "s3:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{**statement, **more}]})
    return lets_in(policy, OWN, {"bulkhead-acme"})


def exactly(**keys: str) -> dict[str, Any]:
    return {"Condition": {"StringEquals": {k.replace("_", ":"): v for k, v in keys.items()}}}


@pytest.mark.parametrize(
    ("principal", "more"),
    [
        ({"AWS": f"arn:aws:iam::{OWN}:root"}, {}),
        ({"AWS": [OWN, f"arn:aws:iam::{OWN}:role/deploy"]}, {}),
        ({"Service": "logs.amazonaws.com"}, exactly(aws_SourceAccount=OWN)),
        ({"Service": "logs.amazonaws.com"}, exactly(aws_SourceArn=TRAIL.format(OWN))),
        ("*", exactly(kms_CallerAccount=OWN, kms_ViaService="lambda.eu-central-1.amazonaws.com")),
        ("*", {"Effect": "Deny"}),
    ],
)
def test_its_own_account_passes(principal: object, more: dict[str, Any]) -> None:
    assert judged(principal, **more) == []


@pytest.mark.parametrize(
    ("principal", "more"),
    [
        ("*", {}),
        ("*", {"Condition": {"ArnLike": {"aws:PrincipalArn": FLEET[:-4] + "*"}}}),
        ("*", exactly(kms_CallerAccount=OTHER, kms_ViaService="x")),
        ({"AWS": OTHER}, {}),
        ({"AWS": [OWN, f"arn:aws:iam::{OTHER}:role/app"]}, {}),
        ({"AWS": FLEET}, {}),
        ({"AWS": f"arn:aws:sts::{OWN}:assumed-role/bulkhead-acme/session"}, {}),
        ({"Service": "logs.amazonaws.com"}, {}),
        ({"Service": "logs.amazonaws.com"}, exactly(aws_SourceAccount=OTHER)),
        ({"Service": "logs.amazonaws.com"}, exactly(aws_SourceArn=TRAIL.format(OTHER))),
        ({"Service": "logs.amazonaws.com"}, exactly(aws_SourceArn="arn:aws:s3:::bucket")),
        ({"Federated": "www.amazon.com"}, {}),
        ({"CanonicalUser": "0" * 64}, {}),
    ],
)
def test_others_are_named(principal: object, more: dict[str, Any]) -> None:
    assert judged(principal, **more)
