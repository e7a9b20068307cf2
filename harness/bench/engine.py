"""Decisions per second of the policy engine."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.iam import decide
from harness.iam.cases import Case, read_case

ROUNDS = 9

OWNER, ASKER = "111111111111", "222222222222"
_ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def _document(*statements: Mapping[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


BUCKET: dict[str, Any] = {
    "id": "identity and bucket policy",
    "request": {
        "principal": f"arn:aws:sts::{OWNER}:assumed-role/app/s1",
        "action": "s3:GetObject",
        "resource": "arn:aws:s3:::records/2026/one.json",
        "resourceAccount": OWNER,
        "context": {"aws:PrincipalOrgID": "o-bulkhead00", "aws:SecureTransport": "true"},
    },
    "identityPolicies": [
        _document(
            {
                "Effect": "Allow",
                "Action": ["s3:GetObject", "s3:PutObject"],
                "Resource": "arn:aws:s3:::records/*",
            }
        )
    ],
    "resourcePolicy": _document(
        {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": "arn:aws:s3:::records/*",
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
        {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{OWNER}:root"},
            "Action": "s3:GetObject",
            "Resource": "arn:aws:s3:::records/*",
            "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-bulkhead00"}},
        },
    ),
    "expected": "Allowed",
}
ASSUME: dict[str, Any] = {
    "id": "AssumeRole across accounts",
    "request": {
        "principal": f"arn:aws:sts::{ASKER}:assumed-role/caller/s1",
        "action": "sts:AssumeRole",
        "resource": f"arn:aws:iam::{OWNER}:role/fleet-acme",
        "resourceAccount": OWNER,
        "context": {
            "aws:PrincipalArn": f"arn:aws:iam::{ASKER}:role/caller",
            "aws:PrincipalOrgID": "o-bulkhead00",
            "sts:ExternalId": "0123456789abcdef",
        },
    },
    "identityPolicies": [
        _document(
            {
                "Effect": "Allow",
                "Action": "sts:AssumeRole",
                "Resource": f"arn:aws:iam::{OWNER}:role/*",
            }
        )
    ],
    "resourcePolicy": _document(
        {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{ASKER}:root"},
            "Action": "sts:AssumeRole",
            "Condition": {
                "StringEquals": {
                    "sts:ExternalId": "0123456789abcdef",
                    "aws:PrincipalOrgID": "o-bulkhead00",
                }
            },
        }
    ),
    "scps": [
        [_document(_ALL)],
        [
            _document(
                _ALL,
                {
                    "Effect": "Deny",
                    "Action": "sts:AssumeRole",
                    "Resource": "*",
                    "Condition": {"StringNotEquals": {"aws:PrincipalOrgID": "o-bulkhead00"}},
                },
            )
        ],
    ],
    "expected": "Allowed",
}
CASES: tuple[dict[str, Any], ...] = (BUCKET, ASSUME)
"""Two requests in the form of `harness.iam.cases`, both allowed: what an engine is timed on."""


@dataclass(frozen=True, slots=True)
class Throughput:
    """Decisions per second on one core, policies parsed beforehand."""

    case: str
    per_second: float


def throughput(decisions: int) -> list[Throughput]:
    """Decides each of `CASES` that many times in each of several rounds; the median counts."""
    return [_rate(read_case(data), decisions) for data in CASES]


def _rate(case: Case, decisions: int) -> Throughput:
    """By the CPU seconds of one decision: the median of several rounds."""
    request, policies = case.request, case.policies
    assert decide(request, policies).allowed
    taken = []
    for _ in range(ROUNDS):
        started = time.process_time()
        for _ in range(decisions):
            decide(request, policies)
        taken.append((time.process_time() - started) / decisions)
    return Throughput(case.id, 1 / statistics.median(taken))
