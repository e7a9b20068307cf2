"""Metric math: values worked out by hand, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from harness.cloud.automation.metric_math import MathError, Value, parse

VALUES: dict[str, Value] = {"a": [1.0, None, 3.0], "b": [10.0, 20.0, None], "c": [2.0, 4.0, 8.0]}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a", [1, None, 3]),
        ("a + b", [11, None, None]),
        ("FILL(a, 0) + FILL(b, 0)", [11, 20, 3]),
        ("SUM([a, b])", [11, 20, 3]),
        ("SUM(METRICS())", [13, 24, 11]),
        ("SUM(FILL(METRICS(), 1))", [13, 25, 12]),
        ("MAX([a, c])", [2, 4, 8]),
        ("MIN([a, c])", [1, 4, 3]),
        ("AVG([a, c])", [1.5, 4, 5.5]),
        ("1 + 2 * c", [5, 9, 17]),
        ("(1 + 2) * c", [6, 12, 24]),
        ("8 / 4 / c", [1, 0.5, 0.25]),
        ("c - 1 - 1", [0, 2, 6]),
        ("-c + 10", [8, 6, 2]),
        ("100 * a / b", [10, None, None]),
        ("a / (c - 2)", [None, None, 0.5]),  # nothing is divided by zero
        ("IF(c > 2, c, 0)", [0, 4, 8]),
        ("IF(a >= 1, b, c)", [10, None, None]),
        ("c == 4", [0, 1, 0]),
        ("2.5", 2.5),
    ],
)
def test_values(text: str, expected: Any) -> None:
    assert parse(text).evaluate(VALUES) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a +",
        "a b",
        "(a",
        "SUM(a, b)",
        "RATE(a)",
        "SEARCH('{AWS/Bedrock}', 'Sum')",
        "a ** 2",
        "a;b",
    ],
)
def test_what_cannot_be_evaluated_is_refused_when_it_is_read(text: str) -> None:
    with pytest.raises(MathError):
        parse(text)


@pytest.mark.parametrize("text", ["METRICS()", "METRICS() + 1", "SUM(a)", "[a, b]"])
def test_several_series_are_no_answer_and_one_is_no_list(text: str) -> None:
    with pytest.raises(MathError):
        parse(text).evaluate(VALUES)


def test_it_tells_what_it_reads() -> None:
    assert parse("SUM([a, FILL(b, 0)])").ids == {"a", "b"}
    assert parse("SUM(METRICS())").ids == {"*"}
