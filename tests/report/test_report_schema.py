"""The results file has a schema, and it is closed."""

from __future__ import annotations

from typing import Any

import pytest
from support.results import result, run

from harness.report.schema import check_schema

STATEMENT = {
    "kind": "trust",
    "policy": "trust policy",
    "attached": [],
    "sid": "ApprovedCallers",
    "index": 0,
    "statement": {"Effect": "Allow"},
    "place": "modules/operations-role-fleet/policies.tf:64",
}
FULL = result(
    request={"service": "sts", "operation": "AssumeRole", "region": "x", "parameters": {}},
    answer={"status": 403, "code": "AccessDenied", "request_id": "1"},
    decision={
        "outcome": "ImplicitlyDenied",
        "action": "sts:AssumeRole",
        "resource": "*",
        "statements": [],
        "missing": ["trust"],
        "near": [STATEMENT],
        "note": "",
    },
)
READ = {
    "service": "oam",
    "operation": "ListLinks",
    "region": "eu-west-1",
    "parameters": {},
    "status": 200,
    "code": "",
    "times": 2,
}
STATE = result(reads={"calls": [READ], "places": ["acme: buckets"], "note": ""})


def test_what_is_written_fits() -> None:
    check_schema(run(result(), FULL, STATE))
    check_schema(run(environment=None))


@pytest.mark.parametrize(
    "data",
    [
        run(result(verdict="fine")),
        run(result(external_id="x")),
        run(result(rows=["T1"])),
        run(format="bulkhead-results/2"),
        run(extra=1),
        {k: v for k, v in run().items() if k != "started"},
    ],
    ids=["verdict", "member", "row", "format", "extra", "missing"],
)
def test_anything_else_does_not(data: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="results: "):
        check_schema(data)
