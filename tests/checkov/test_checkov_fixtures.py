"""Every check registers with checkov, passes what is right and fails what is wrong."""

from __future__ import annotations

import json
import re
from collections import Counter

import pytest
from support.checkov import FIXTURES, Case, Findings, cases

from harness.checkov.invariants.catalogue import RULES

CASES = list(cases())


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_check_judges_its_fixture(case: Case, findings: Findings) -> None:
    record = findings.get((str(case), case.check, case.address))
    if case.verdict == "untouched":
        assert record is None
        return
    assert record is not None, f"{case.check} said nothing: it is not registered"
    details = record["details"]
    assert record["check_result"]["result"] == {"pass": "PASSED", "fail": "FAILED"}[case.verdict], (
        details
    )
    assert bool(details) == (case.verdict == "fail")
    assert not any("cannot be judged" in each for each in details) or case.check.endswith(
        ("_01", "_03")
    ), details


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_check_has_both_kinds_of_fixture(rule: object) -> None:
    check = rule.id  # type: ignore[attr-defined]
    verdicts = Counter(case.verdict for case in CASES if case.check == check)
    assert verdicts["fail"] and (verdicts["pass"] or verdicts["untouched"])


def test_no_fixture_is_without_a_check() -> None:
    assert {file.stem for file in FIXTURES.iterdir()} == {rule.id for rule in RULES}
    assert len(RULES) >= 25


def test_what_a_check_says_holds_no_external_id(findings: Findings) -> None:
    ids = set(
        re.findall(r'"sts:ExternalId": "([^"*]{9,})"', json.dumps([c.resource for c in CASES]))
    )
    assert len(ids) > 5
    said = json.dumps([[record["details"], record["check_name"]] for record in findings.values()])
    assert not [each for each in ids if each in said]
