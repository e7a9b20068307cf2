"""Every case under `cases/` is decided as it says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.iam import PolicyError, decide
from harness.iam.cases import read_case

CASES = Path(__file__).parent / "cases"


def _cases() -> Iterator[tuple[str, dict[str, Any]]]:
    for file in sorted(CASES.glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            data = json.loads(line)
            yield f"{file.stem}/{data['id']}", data


ALL = dict(_cases())


@pytest.mark.parametrize("data", ALL.values(), ids=ALL.keys())
def test_case_is_decided_as_documented(data: dict[str, Any]) -> None:
    case = read_case(data)
    decision = decide(case.request, case.policies)
    assert decision.outcome == case.expected, decision.why


def test_every_case_names_its_rule_and_certainty() -> None:
    assert len(ALL) == sum(1 for _ in _cases()), "two cases of one file share an id"
    for name, data in ALL.items():
        assert data["rule"], name
        assert data["certainty"] in {"doc", "live", "inference"}, name
        assert data["expected"], name


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


def test_resource_account_comes_from_the_arn_when_left_out() -> None:
    data = json.loads(json.dumps(ALL["trust/pinned-caller"]))
    del data["request"]["resourceAccount"]
    assert read_case(data).request.resource_account == "111111111111"
    data["request"]["resource"] = "arn:aws:s3:::bkt"
    with pytest.raises(PolicyError, match=r"request\.resourceAccount"):
        read_case(data)
