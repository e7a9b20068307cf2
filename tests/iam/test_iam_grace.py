"""What ends an external id that was replaced, for the checks of plans and for the suite alike."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from harness.iam.grace import LONGEST_GRACE, ending_ids
from harness.iam.parse import parse_policy

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
AT = "aws:CurrentTime"


def ended(**changed: Any) -> frozenset[str]:
    denial = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sts:AssumeRole",
        "Condition": {
            "StringEquals": {"sts:ExternalId": "old"},
            "DateGreaterThanEqualsIfExists": {AT: "2026-06-15T12:00:00Z"},
        },
    }
    document = {"Version": "2012-10-17", "Statement": [denial | changed]}
    return ending_ids(parse_policy(document), NOW)


def with_date(operator: str, *times: str) -> frozenset[str]:
    condition = {"StringEquals": {"sts:ExternalId": "old"}, operator: {AT: list(times)}}
    return ended(Condition=condition)


def after(days: float) -> str:
    return f"{NOW + timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}"


@pytest.mark.parametrize("operator", ["DateGreaterThan", "DateGreaterThanEquals"])
@pytest.mark.parametrize("if_exists", ["", "IfExists"])
@pytest.mark.parametrize("days", [-1000, 0, 30, LONGEST_GRACE.days])
def test_a_denial_from_a_near_date_on_ends_an_id(operator: str, if_exists: str, days: int) -> None:
    assert with_date(operator + if_exists, after(days)) == {"old"}


def test_it_is_near_by_the_clock_where_no_time_is_given() -> None:
    over = parse_policy(
        {
            "Version": "2012-10-17",
            "Statement": {
                "Effect": "Deny",
                "Principal": {"AWS": "*"},
                "Action": "sts:*",
                "Condition": {
                    "StringEquals": {"sts:ExternalId": ["old", "older"]},
                    "DateGreaterThan": {AT: "2026-01-31T12:00:00Z"},
                },
            },
        }
    )
    assert ending_ids(over) == {"old", "older"}


@pytest.mark.parametrize(
    ("operator", "times"),
    [
        ("DateGreaterThan", (after(LONGEST_GRACE.days + 1),)),
        ("DateGreaterThan", (after(1), "2099-01-01T00:00:00Z")),
        ("DateGreaterThan", ("2026-06-15T12:00:00",)),
        ("DateLessThan", (after(1),)),
        ("ForAnyValue:DateGreaterThan", (after(1),)),
    ],
)
def test_another_date_ends_nothing(operator: str, times: tuple[str, ...]) -> None:
    assert with_date(operator, *times) == frozenset()


@pytest.mark.parametrize(
    "changed",
    [
        {"Effect": "Allow"},
        {"Principal": {"AWS": "arn:aws:iam::222222222222:root"}},
        {"Action": "sts:TagSession"},
        {"Condition": {"StringEquals": {"sts:ExternalId": "old"}}},
        {"Condition": {"DateGreaterThan": {AT: after(1)}, "Null": {AT: "false"}}},
        {
            "Condition": {
                "StringEquals": {"sts:ExternalId": "old", "aws:PrincipalAccount": "222222222222"},
                "DateGreaterThan": {AT: after(1)},
            }
        },
        {
            "Condition": {
                "StringLike": {"sts:ExternalId": "old"},
                "DateGreaterThan": {AT: after(1)},
            }
        },
    ],
)
def test_what_spares_somebody_ends_nothing(changed: dict[str, Any]) -> None:
    assert ended(**changed) == frozenset()
