"""Results as the pytest plugin writes them."""

from __future__ import annotations

from typing import Any

DENIED = {"expected": "denied", "observed": "denied"}
ENVIRONMENT: dict[str, Any] = {
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
        "reads": None,
        **changes,
    }


def run(*results: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "format": "bulkhead-results/3",
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


def fleet(customers: int, broken: bool = False) -> dict[str, Any]:
    """A run over many customers: the matrix of all callers, and some probes of each account."""
    names = [f"customer-{n:03}" for n in range(customers)]
    accounts = {name: f"{200000000000 + n}" for n, name in enumerate(names)}
    results = []
    for name, account in accounts.items():
        arn = f"arn:aws:sts::{account}:assumed-role/bulkhead-caller/probe"
        who = {"principal": f"{name} caller {account}", "principal_arn": arn}
        for other in names:
            own = other == name
            role = f"arn:aws:iam::111111111111:role/bulkhead/fleet/bulkhead-{other}"
            open_door = broken and name == names[1] and other == names[0]
            seen = "allowed" if own or open_door else "denied"
            refusal = f"AccessDenied: User: {arn} is not authorized to perform: sts:AssumeRole"
            results.append(
                result(
                    test=f"tests/security/test_trust.py::test_caller[{name}-{other}]",
                    probe="assume-role",
                    resource=other,
                    resource_arn=role,
                    expected="allowed" if own else "denied",
                    observed=seen,
                    verdict="broken" if open_door else "held",
                    message="the call was allowed" if seen == "allowed" else f"{refusal} on {role}",
                    twin="" if own else "allowed",
                    request={
                        "service": "sts",
                        "operation": "AssumeRole",
                        "region": "eu-central-1",
                        "parameters": {"RoleArn": role, "ExternalId": "[not shown]"},
                    },
                    answer={
                        "status": 200 if seen == "allowed" else 403,
                        "code": "" if seen == "allowed" else "AccessDenied",
                        "request_id": f"{name}-{other}",
                    },
                    **who,
                )
            )
        results += [
            result(
                test=f"tests/security/test_fleet_rights.py::test_{n}[{account}]",
                probe="fleet-rights",
                rows=["P01"],
                claim=f"a fleet session cannot do thing number {n}",
                action="iam:ListRoles",
                matrix=False,
                **DENIED,
                **who,
            )
            for n in range(50)
        ]
    accounts_of = [
        {"account": account, "part": "customer", "owner": name}
        for name, account in accounts.items()
    ]
    known = [a for a in ENVIRONMENT["accounts"] if a["part"] != "customer"]
    return run(*results, environment={**ENVIRONMENT, "accounts": [*known, *accounts_of]})
