"""Every case under `cases/` is decided as it says, and every rule of RULES.md is held by some."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.iam import PolicyError, PolicyKind, decide
from harness.iam.cases import read_case, write_case
from harness.iam.validate import validate

HERE = Path(__file__).parent
CASES = HERE / "cases"
ROOT = HERE.parent.parent
RULES = 57


def _lines(file: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for line in file.read_text(encoding="utf-8").splitlines():
        data = json.loads(line)
        yield f"{file.stem}/{data['id']}", data


FILES = [*sorted(CASES.glob("*.jsonl")), HERE / "documents.jsonl"]
NAMED = [each for file in FILES for each in _lines(file)]
DOCUMENTS = {name: data for name, data in NAMED if name.startswith("documents/")}
ALL = {name: data for name, data in NAMED if name not in DOCUMENTS}


@pytest.mark.parametrize("data", ALL.values(), ids=ALL.keys())
def test_case_is_decided_as_documented(data: dict[str, Any]) -> None:
    case = read_case(data)
    decision = decide(case.request, case.policies)
    assert decision.outcome == case.expected, decision.why


def test_written_again_every_case_is_the_same() -> None:
    for name, data in ALL.items():
        case = read_case(data)
        written = json.loads(json.dumps(write_case(case.id, case.request, case.policies)))
        again = read_case(written)
        before, after = (decide(each.request, each.policies) for each in (case, again))
        assert again.request.principal == case.request.principal, name
        assert (after.outcome, after.gaps) == (before.outcome, before.gaps), name
        assert [ref.statement for ref in after.decided_by] == [
            ref.statement for ref in before.decided_by
        ], name


@pytest.mark.parametrize("data", DOCUMENTS.values(), ids=DOCUMENTS.keys())
def test_document_is_saved_or_refused(data: dict[str, Any]) -> None:
    problems = validate(data["document"], PolicyKind(data["kind"]))
    if data["refused"] is None:
        assert problems == []
    else:
        assert any(data["refused"] in problem for problem in problems), problems


FULL_ACCESS = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}


def test_aws_would_save_every_policy_of_a_case() -> None:
    """But for RCPFullAWSAccess, which is AWS's own."""
    refused = {
        name: problems
        for name, data in ALL.items()
        for named in read_case(data).policies.all()
        if named.kind is not PolicyKind.RCP
        or FULL_ACCESS not in named.policy.to_document()["Statement"]
        if (problems := validate(named.policy.to_document(), named.kind))
    }
    assert refused == {}


def test_no_two_share_a_name() -> None:
    assert [name for name, count in Counter(name for name, _ in NAMED).items() if count > 1] == []


def test_no_two_cases_are_the_same() -> None:
    decisive = Counter(
        json.dumps({k: v for k, v in data.items() if k not in ("id", "rule", "certainty", "note")})
        for data in ALL.values()
    )
    assert [text for text, count in decisive.items() if count > 1] == []


def test_every_case_names_its_rule_and_certainty() -> None:
    for name, data in NAMED:
        assert data["rule"], name
        assert data["certainty"] in {"doc", "live", "inference"}, name
    for name, data in ALL.items():
        assert data["expected"], name


def test_there_are_enough() -> None:
    trust = [data for data in ALL.values() if data["request"]["action"].startswith("sts:Assume")]
    conditional = [data for data in ALL.values() if '"Condition"' in json.dumps(data)]
    assert len(ALL) >= 440
    assert len(trust) >= 60
    assert len(conditional) >= 60
    assert sum(name.startswith("trust/") for name in ALL) >= 60
    assert sum(name.startswith("conditions/") for name in ALL) >= 60
    assert min(Counter(data["expected"] for data in ALL.values()).values()) >= 60


def _rules() -> dict[int, list[str]]:
    table = (CASES / "RULES.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| (.+) \| (.+) \|$", table, re.MULTILINE)
    return {int(number): re.findall(r"`([^`]+)`", held) for number, _, held in rows}


def _is_a_test(name: str) -> bool:
    file, _, function = name.partition("::")
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return any(isinstance(node, ast.FunctionDef) and node.name == function for node in tree.body)


def test_there_is_every_rule() -> None:
    assert list(_rules()) == list(range(1, RULES + 1))


@pytest.mark.parametrize(("rule", "names"), _rules().items(), ids=map(str, _rules()))
def test_a_rule_is_held_from_both_sides(rule: int, names: list[str]) -> None:
    """By an allow and a deny, or a document saved and one refused; or by tests that are there."""
    assert len(set(names)) == len(names) >= 2
    tests = [name for name in names if "::" in name]
    assert all(map(_is_a_test, tests))
    passes = [
        ALL[name]["expected"] == "Allowed" if name in ALL else DOCUMENTS[name]["refused"] is None
        for name in names
        if name not in tests
    ]
    assert set(passes) == {True, False} or not passes, rule


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"request": None}, "request: missing"),
        ({"surprise": 1}, "unknown key 'surprise'"),
        ({"expected": "Maybe"}, "expected: 'Maybe'"),
        ({"identityPolicies": {}}, "identityPolicies: not a list"),
        ({"identityPolicies": [{"Statement": [{}]}]}, r"identityPolicies\[0\]: statement 0"),
        ({"scps": [{}]}, r"scps\[0\]: not a list"),
        ({"permissionsBoundary": {"Version": "2013-01-01"}}, "permissionsBoundary: unknown policy"),
    ],
)
def test_malformed_case_names_the_key(change: dict[str, Any], message: str) -> None:
    case = ALL["layers/same-account-resource-only-role"]
    read_case(case)
    with pytest.raises(PolicyError, match=message):
        read_case({**case, **change})


def test_only_federated_users_have_a_parent() -> None:
    data = ALL["principals/federated-parent-grant-within-session-policy"]
    read_case(data)
    role = {**data["request"], "principal": "arn:aws:sts::111111111111:assumed-role/app/s1"}
    with pytest.raises(PolicyError, match=r"request\.parent"):
        read_case({**data, "request": role})


ROLE_A = "arn:aws:iam::111111111111:role"
APP = {"principal": "arn:aws:sts::111111111111:assumed-role/app/s1"}


@pytest.mark.parametrize(
    ("given", "context", "named"),
    [
        ({"resource": "arn:aws:sqs:eu-west-1:222222222222:q"}, {}, "arn:aws:sqs"),
        (APP, {"aws:PrincipalAccount": "222222222222"}, "222222222222.*app/s1"),
        (APP, {"AWS:principalarn": "arn:aws:iam::222222222222:role/app"}, "2:role/app.*app/s1"),
        (APP, {"aws:PrincipalArn": f"{ROLE_A}/other"}, "role/other.*app/s1"),
        (APP, {"aws:PrincipalArn": "arn:aws:iam::111111111111:user/app"}, "user/app.*app/s1"),
        (APP, {"aws:PrincipalArn": [f"{ROLE_A}/app"]}, "role/app.*app/s1"),
        (
            {"principal": "arn:aws:iam::111111111111:user/ann"},
            {"aws:PrincipalArn": "arn:aws:iam::111111111111:user/bob"},
            "user/bob.*user/ann",
        ),
    ],
)
def test_a_request_that_contradicts_itself_is_an_error(
    given: dict[str, Any], context: dict[str, Any], named: str
) -> None:
    request = {"action": "s3:GetObject", "resource": "arn:aws:s3:::bkt/k", **APP, **given}
    request |= {"resourceAccount": "111111111111", "context": context}
    with pytest.raises(PolicyError, match=named):
        read_case({"id": "x", "request": request})


@pytest.mark.parametrize("arn", [f"{ROLE_A}/app", f"{ROLE_A}/team/app"])
def test_a_request_may_say_what_follows_from_its_principal(arn: str) -> None:
    context = {"aws:PrincipalArn": arn, "aws:PrincipalAccount": "111111111111"}
    request: dict[str, Any] = {"action": "s3:GetObject", "resource": "arn:aws:s3:::bkt/k", **APP}
    request |= {"resourceAccount": "222222222222", "context": context}
    assert read_case({"id": "x", "request": request}).request.principal.principal_arn == arn
    queue = {**request, "resource": "arn:aws:sqs:eu-west-1:222222222222:q"}
    assert read_case({"id": "x", "request": queue}).request.resource_account == "222222222222"


def test_resource_account_comes_from_the_arn_when_left_out() -> None:
    data = json.loads(json.dumps(ALL["trust/pinned-caller"]))
    del data["request"]["resourceAccount"]
    assert read_case(data).request.resource_account == "111111111111"
    data["request"]["resource"] = "arn:aws:s3:::bkt"
    with pytest.raises(PolicyError, match=r"request\.resourceAccount"):
        read_case(data)
