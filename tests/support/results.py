"""Results as the pytest plugin writes them."""

from __future__ import annotations

from typing import Any

ENVIRONMENT = {
    "name": "embedded",
    "region": "eu-central-1",
    "regions": ["eu-central-1"],
    "accounts": [
        {"account": "111111111111", "part": "operations", "owner": "operations"},
        {"account": "222222222222", "part": "customer", "owner": "acme"},
        {"account": "333333333333", "part": "customer", "owner": "globex"},
        {"account": "777777777777", "part": "outsider", "owner": "no organization"},
    ],
}


def result(**changes: Any) -> dict[str, Any]:
    return {
        "test": "tests/security/test_trust.py::test_a",
        "probe": "assume-role",
        "rows": ["T07"],
        "claim": "another role of the account cannot assume the fleet role",
        "principal": "acme caller 222222222222",
        "principal_kind": "caller",
        "principal_arn": "arn:aws:iam::222222222222:role/x",
        "action": "sts:AssumeRole",
        "resource": "acme",
        "resource_arn": "arn:aws:iam::111111111111:role/acme",
        "expected": "allowed",
        "observed": "allowed",
        "verdict": "held",
        "message": "the call was allowed",
        "evidence": "the call succeeds",
        "twin": "",
        "matrix": True,
        "request": None,
        "answer": None,
        "decision": None,
        **changes,
    }


def run(*results: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "format": "bulkhead-results/2",
        "target": "embedded",
        "environment": ENVIRONMENT,
        "started": "2026-11-24T12:00:00+00:00",
        "complete": True,
        "seconds": 2.5,
        "tests": [
            {"id": test, "outcome": "passed", "seconds": 0.1, "message": ""}
            for test in sorted({r["test"] for r in results})
        ],
        "results": list(results),
        **changes,
    }
