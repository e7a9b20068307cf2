"""Our own modules, applied: their plans hold every invariant, and what breaks one is found."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from support.runs import copy_run

from harness.cli.check import Verdict, check_plans
from harness.deploy.deployment import Deployment
from harness.deploy.plans import Origins, PlanDocument, plan_documents, resources_of

SCHEMA = Path(__file__).with_name("sarif-2.1.0-rtm.5.json")
"""As Microsoft publishes it in @microsoft/jest-sarif 1.0.0-beta.0 (MIT)."""
ROOT = Path(__file__).parents[2]

Values = dict[str, Any]


def without_external_id(values: Values) -> None:
    policy = json.loads(values["assume_role_policy"])
    del policy["Statement"][0]["Condition"]["StringEquals"]["sts:ExternalId"]
    values["assume_role_policy"] = json.dumps(policy)


def for_every_group(values: Values) -> None:
    policy = json.loads(values["policy"])
    for statement in policy["Statement"]:
        statement.pop("Condition", None)
    values["policy"] = json.dumps(policy)


# What is changed in the plan of a root: type of resource, change, and the check that must see it.
WEAKENINGS: list[tuple[str, str, Callable[[Values], object], str]] = [
    ("operations", "aws_iam_role", without_external_id, "CKV_BULKHEAD_08"),
    ("operations", "aws_iam_role", lambda v: v.pop("permissions_boundary"), "CKV_BULKHEAD_15"),
    ("operations", "aws_iam_role_policy", lambda v: v.pop("policy"), "CKV_BULKHEAD_01"),
    ("bootstrap", "aws_kms_key", for_every_group, "CKV_BULKHEAD_35"),
    (
        "customer",
        "aws_cloudwatch_log_group",
        lambda v: v.update(retention_in_days=0),
        "CKV_BULKHEAD_33",
    ),
]


def weakened(plans: list[PlanDocument], number: int) -> PlanDocument:
    """A copy of a plan with one change, to the first resource of its type."""
    root, kind, change, check = WEAKENINGS[number]
    for plan in (p for p in plans if p.root.name == root):
        document = json.loads(plan.text)
        for module in document["planned_values"]["root_module"]["child_modules"]:
            for resource in module.get("resources", []):
                if resource["type"] == kind:
                    change(resource["values"])
                    name = f"weakened-{number}-{check}"
                    return PlanDocument(name, plan.root, json.dumps(document))
    raise AssertionError(f"no plan of {root} has a {kind}")


@pytest.fixture(scope="module")
def plans(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> list[PlanDocument]:
    """The plans of the deployment, made from a copy of its states."""
    copy = tmp_path_factory.mktemp("run")
    copy_run(deployment.place.credentials.parent, copy)
    return plan_documents(deployment, copy)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("checked") / "plans"


@pytest.fixture(scope="module")
def verdict(plans: list[PlanDocument], folder: Path) -> Verdict:
    """One run of checkov over the plans and their weakened copies."""
    return check_plans([*plans, *(weakened(plans, n) for n in range(len(WEAKENINGS)))], folder)


def test_the_plans_of_our_modules_hold_every_check(
    plans: list[PlanDocument], verdict: Verdict, deployment: Deployment, folder: Path
) -> None:
    assert len(plans) >= 2 + len(deployment.accounts)
    own = {plan.name for plan in plans}
    assert [str(f) for f in verdict.failed if f.plan in own] == []
    skipped = {f.check for f in verdict.findings if f.skipped}
    assert not any(check.startswith("CKV_BULKHEAD") for check in skipped)

    for number, (_, kind, _, check) in enumerate(WEAKENINGS):
        name = f"weakened-{number}-{check}"
        found = [f for f in verdict.failed if f.plan == name and f.check == check]
        assert found, f"nothing saw what was changed in {name}"
        for finding in found:
            line = (ROOT / finding.file).read_text(encoding="utf-8").splitlines()[finding.start - 1]
            assert line.startswith(f'resource "{kind}" '), finding
            assert finding.file.startswith("modules/")

    # What travels to a code host fits the standard, and holds no external id.
    sarif = verdict.sarif()
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft4Validator(schema).validate(sarif)
    results = sarif["runs"][0]["results"]
    assert len(results) == len(verdict.findings)
    text = json.dumps(sarif) + "".join(map(str, verdict.findings))
    assert not [each for each in deployment.external_ids.values() if each in text]
    assert list(folder.iterdir()) == []

    # A finding is at the module that the plan used, and each resource is found.
    for plan in plans:
        origins = Origins(plan)
        for resource in resources_of(plan):
            block = origins.block(resource["address"])
            assert block is not None, resource["address"]
            opening = f'resource "{resource["type"]}" "{resource["name"]}" {{'
            assert block.lines[0] == opening
            assert block.lines[-1] == "}"
