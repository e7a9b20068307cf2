"""What is made of checkov's answer: the lines of the Terraform, and no gap passed over."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.cli.check import Finding, check_plans, read_answer
from harness.deploy.plans import Origins, PlanDocument
from harness.deploy.workspace import project_root
from harness.errors import UserError

ROLE = {"mode": "managed", "type": "aws_iam_role", "name": "a", "address": "aws_iam_role.a"}


def plan(root: Path, configuration: dict[str, Any], *resources: dict[str, Any]) -> PlanDocument:
    document = {
        "planned_values": {"root_module": {"resources": list(resources)}},
        "configuration": {"root_module": configuration},
    }
    return PlanDocument("p", root, json.dumps(document))


def answer(*passed: str, **results: Any) -> str:
    """checkov's answer, in which these checks passed for `aws_iam_role.a` of the plan `p`."""
    records = [
        {"file_path": "/p.json", "resource": "aws_iam_role.a", "check_id": f"CKV_BULKHEAD_{n}"}
        for n in passed
    ]
    empty = {"passed_checks": records, "failed_checks": [], "parsing_errors": []}
    return json.dumps({"results": empty | results, "summary": {"checkov_version": "3"}})


ALWAYS = ("02", "03", "04", "06", "07", "17", "18", "30")
"""The checks that say something about every role; 01 looks at the kind of the policy first."""


def test_every_check_that_is_due_was_heard(tmp_path: Path) -> None:
    plans = [plan(tmp_path, {}, ROLE)]
    verdict = read_answer(plans, answer(*ALWAYS), 0, "")
    assert (verdict.findings, verdict.resources, verdict.version) == ((), 1, "3")
    for missing in ALWAYS:
        heard = [number for number in ALWAYS if number != missing]
        with pytest.raises(UserError, match=rf"nothing of CKV_BULKHEAD_{missing} about aws_iam"):
            read_answer(plans, answer(*heard), 0, "")


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("", 2, "exit 2"),
        ("no JSON", 0, "exit 0"),
        ("[]", 0, "exit 0"),
        (json.dumps({"passed": 0, "failed": 0}), 0, "exit 0"),
        (answer(*ALWAYS), 2, "the last line"),
        (answer(*ALWAYS, parsing_errors=["/p.json"]), 1, "cannot read /p.json"),
    ],
)
def test_an_answer_with_a_gap_is_an_error(tmp_path: Path, text: str, code: int, said: str) -> None:
    with pytest.raises(UserError, match=said):
        read_answer([plan(tmp_path, {}, ROLE)], text, code, "first\nthe last line\n")


def test_without_checkov_no_plan_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BULKHEAD_CHECKOV", str(tmp_path / "nowhere"))
    with pytest.raises(UserError, match="make checkov"):
        check_plans([plan(tmp_path, {}, ROLE)], tmp_path / "plans")
    assert not (tmp_path / "plans").exists()


def test_plans_are_private_and_gone_when_checkov_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command, seen = tmp_path / "checkov", tmp_path / "seen"
    command.write_text(f"#!/bin/sh\nls -l *.json > {seen}\nenv >> {seen}\nexit 2\n")
    command.chmod(0o755)
    monkeypatch.setenv("BULKHEAD_CHECKOV", str(command))
    monkeypatch.setenv("AWS_PROFILE", "somebody")
    monkeypatch.setenv("PYTHONPATH", "somewhere")
    with pytest.raises(UserError, match="exit 2"):
        check_plans([plan(tmp_path, {}, ROLE)], tmp_path / "plans")
    assert list((tmp_path / "plans").iterdir()) == []
    text = seen.read_text(encoding="utf-8")
    assert text.startswith("-rw-------") and "p.json" in text
    assert "AWS_PROFILE" not in text and "PYTHONPATH" not in text


def test_a_finding_says_where_what_and_why() -> None:
    finding = Finding("CKV_X_1", "Name", ("one", "two"), "aws_a.b", "p", "modules/m/main.tf", 3, 9)
    assert str(finding) == "modules/m/main.tf:3: CKV_X_1 Name (aws_a.b): one; two"


def test_a_comment_skips_one_check_at_one_resource() -> None:
    """With the fleet role, whose one skip is of checkov's CKV_AWS_61."""
    fleet = ROLE | {"name": "fleet", "address": "module.fleet.aws_iam_role.fleet"}
    source = "../../../modules/operations-role-fleet"
    calls = {"module_calls": {"fleet": {"source": source, "module": {}}}}
    root = project_root() / "environments/embedded/operations"
    plans = [plan(root, calls, fleet)]
    failed = [
        {
            "file_path": "/p.json",
            "resource": fleet["address"],
            "check_id": check,
            "check_name": "Name",
            "details": [],
        }
        for check in ("CKV_AWS_61", *(f"CKV_BULKHEAD_{number}" for number in ALWAYS))
    ]
    verdict = read_answer(plans, answer(failed_checks=failed), 1, "")
    assert [f.check for f in verdict.findings if f.skipped] == ["CKV_AWS_61"]
    assert len(verdict.failed) == len(ALWAYS)
    suppressed = [r for r in verdict.sarif()["runs"][0]["results"] if "suppressions" in r]
    assert [r["ruleId"] for r in suppressed] == ["CKV_AWS_61"]


def test_a_resource_is_found_in_the_module_that_the_plan_used(tmp_path: Path) -> None:
    """Two modules with the same type and name, one in the other; keys with dots and brackets."""
    for name in ("root", "one", "two"):
        (tmp_path / name).mkdir()
    block = 'resource "aws_kms_key" "this" {\n  a = {\n  }\n}\n'
    (tmp_path / "one/main.tf").write_text(f"# one\n{block}", encoding="utf-8")
    (tmp_path / "two/other.tf").write_text(f"# two\n\n\n{block}", encoding="utf-8")
    two = {"source": "../two", "module": {}}
    one = {"source": "../one", "module": {"module_calls": {"two": two}}}
    far = {"source": "example/far/aws", "module": {}}
    calls = {"module_calls": {"one": one, "far": far}}
    origins = Origins(plan(tmp_path / "root", calls))

    def place(address: str) -> tuple[str, int, int] | None:
        found = origins.block(address)
        return found and (found.file.relative_to(tmp_path).as_posix(), found.start, found.end)

    assert place('module.one["a.b"].aws_kms_key.this["c.d/e[0]"]') == ("one/main.tf", 2, 5)
    assert place("module.one.module.two[0].aws_kms_key.this[1]") == ("two/other.tf", 4, 7)
    assert place("module.one.aws_kms_key.that") is None
    assert place("module.far.aws_kms_key.this") is None
    assert place("aws_kms_key.this") is None
