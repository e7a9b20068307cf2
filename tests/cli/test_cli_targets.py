"""docs/targets.md says of every test of the suite what each target makes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.cli.targets import BEGIN, END, PAGE, Shown, seen, table, verdicts
from harness.probes.listing import Listed, listed

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def tests() -> dict[str, Listed]:
    return listed(ROOT)


def test_every_test_of_the_suite_is_on_the_page_as_it_is(tests: dict[str, Listed]) -> None:
    page = (ROOT / PAGE).read_text(encoding="utf-8").split(BEGIN)[1].split(END)[0]
    rows = {
        cells[0].strip(" `"): [cell.strip() for cell in cells[2:]]
        for line in page.splitlines()
        if line.startswith("| `")
        for cells in [line.strip("| ").replace("\\|", "¦").split(" | ")]
    }
    assert rows.keys() == {name.removeprefix("tests/security/") for name in tests}, (
        "docs/targets.md is of yesterday: bulkhead demo, again with --target localstack, and "
        "bulkhead targets"
    )
    for name, test in tests.items():
        embedded, localstack, aws = rows[name.removeprefix("tests/security/")]
        assert embedded == "yes"
        assert localstack.startswith("no: " if test.copies else "yes"), name
        assert aws.startswith(verdicts(test, Shown())[2].replace("\\|", "¦")), name


def test_the_suite_is_told_apart(tests: dict[str, Listed]) -> None:
    """The listing is not blind: there are tests of each sort."""
    assert any(test.copies for test in tests.values())
    assert any(test.changing and not test.copies for test in tests.values())
    assert any(not test.changing and not test.copies for test in tests.values())


def result(test: str, action: str, claim: str, kind: str, service: str | None) -> dict[str, Any]:
    request = {"service": service} if service else None
    return {
        "test": test,
        "action": action,
        "claim": claim,
        "principal_kind": kind,
        "request": request,
    }


def test_what_a_run_showed_is_gathered_by_function() -> None:
    shown = seen(
        {
            "tests": [
                {"id": "t.py::a[1]", "outcome": "passed"},
                {"id": "t.py::a[2]", "outcome": "passed"},
                {"id": "t.py::b", "outcome": "left out"},
            ],
            "results": [
                result("t.py::a[1]", "iam:GetRole", "it is so (by name)", "caller", "iam"),
                result("t.py::a[2]", "sts:AssumeRole", "it is so", "other", None),
                result("t.py::a[2]", "read policies", "and so", "other", None),
            ],
        }
    )
    assert shown["t.py::a"] == Shown({"it is so", "and so"}, {"iam", "sts"}, callers=True)
    assert not shown["t.py::b"].passed
    text = table({"t.py::a": Listed(False, ""), "t.py::b": Listed(True, "a | b")}, shown)
    assert "| yes | yes (LocalStack: iam; gateway: sts) | yes; needs a profile" in text
    assert "Of 2 tests of the suite the embedded cloud answers all; with a LocalStack 1" in text
