"""What a cell takes of the account's quotas, against what an apply makes, and what is over them."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from ruamel.yaml import YAML

from harness.deploy.cells import over_quota, quotas_of, used
from harness.deploy.customers_file import SCHEMA_FILE
from harness.deploy.deployment import Deployment
from harness.deploy.workspace import CUSTOMERS_FILE
from harness.targets.base import Target


def made(target: Target, account: str, regions: tuple[str, ...]) -> dict[str, int]:
    """What of ours the account holds of each quota; in a region, the most that one has."""
    session = target.session(account)

    def pages(service: str, region: str, operation: str, key: str, **parameters: Any) -> list[Any]:
        client = target.client(session, service, region)
        paginator = client.get_paginator(operation)
        return [each for page in paginator.paginate(**parameters) for each in page[key]]

    iam = "us-east-1"
    own = {"PathPrefix": "/bulkhead/"}
    listed = {"typeEquals": "APPLICATION"}
    return {
        "roles": len(pages("iam", iam, "list_roles", "Roles", **own)),
        "managed_policies": len(
            pages("iam", iam, "list_policies", "Policies", Scope="Local", **own)
        ),
        "inference_profiles_per_region": max(
            len(
                pages(
                    *("bedrock", r, "list_inference_profiles", "inferenceProfileSummaries"),
                    **listed,
                )
            )
            for r in regions
        ),
        "alarms_per_region": max(
            len(pages("cloudwatch", r, "describe_alarms", "MetricAlarms")) for r in regions
        ),
    }


def test_an_apply_makes_as_much_as_is_counted(deployment: Deployment) -> None:
    environment = deployment.environment
    file = environment.path / CUSTOMERS_FILE
    document = YAML(typ="safe").load(file.read_text(encoding="utf-8"))
    counted = used(document)
    account, target = environment.operations_account, deployment.target()
    assert made(target, account, environment.regions) == counted
    schema = json.loads((environment.path / SCHEMA_FILE).read_text(encoding="utf-8"))
    assert quotas_of(document, schema).keys() == counted.keys()


LIMIT = {"minutes": 60, "input_tokens": 1, "output_tokens": 1}
DOCUMENT: dict[str, Any] = {
    "administrator": "user/administrator",
    "operations": {"account_id": "111111111111", "region": "eu-central-1"},
    "customers": {
        "acme": {"models": ["a", "b"], "regions": ["eu-central-1", "eu-west-1"]},
        "globex": {"models": ["a"]},
    },
}


def test_limits_count_in_each_region_where_they_are() -> None:
    plain = used(DOCUMENT)
    assert plain == {
        "inference_profiles_per_region": 3,
        "roles": 2 + 2,
        "managed_policies": 2 + 2,
        "alarms_per_region": 0,
    }
    document = copy.deepcopy(DOCUMENT)
    document["customers"]["acme"]["spend"] = {"limits": [LIMIT, {**LIMIT, "minutes": 5}]}
    document["customers"]["globex"]["spend"] = {"limits": [LIMIT]}
    assert used(document) == plain | {
        "roles": 4 + 2 * 2,
        "managed_policies": 4 + 2,
        "alarms_per_region": 4 * 3 + 1,
    }
    document["customers"]["acme"]["spend"]["limits"][1]["calls"] = 5
    assert used(document)["alarms_per_region"] == 4 * 3 + 1 + 1


def test_roles_made_by_hand_count_where_the_list_names_them() -> None:
    document = copy.deepcopy(DOCUMENT)
    document["administrator"] = "role/owner"
    assert used(document)["roles"] == used(DOCUMENT)["roles"] + 1
    document["operations"]["break_glass"] = {"roles": ["glass", "more"], "emails": ["a@b.c"]}
    # And the one that forwards their assumptions, which the trail tells of.
    assert used(document)["roles"] == used(DOCUMENT)["roles"] + 1 + 2 + 1
    document["trail"] = False
    assert used(document)["roles"] == used(DOCUMENT)["roles"] + 1 + 2


@pytest.mark.parametrize(
    ("ci", "more"),
    [
        ({"github": {"audit_environment": "audit"}}, 1),
        ({"gitlab": {"audit_branch": "audit"}}, 1),
        ({"github": {"audit_environment": "audit"}, "gitlab": {"audit_branch": "audit"}}, 1),
        ({"github": {"plan_environment": "plan"}}, 0),
    ],
    ids=["github", "gitlab", "both", "nobody audits"],
)
def test_the_role_that_ci_audits_with_counts(ci: dict[str, Any], more: int) -> None:
    document = {**copy.deepcopy(DOCUMENT), "ci": ci}
    assert used(document)["roles"] == used(DOCUMENT)["roles"] + more


def test_what_is_over_is_said_with_its_number() -> None:
    schema = {"$defs": {"quotas": {"properties": {"roles": {"default": 3}}}}}
    assert over_quota(DOCUMENT, schema) == ["4 roles of 3"]
    document = copy.deepcopy(DOCUMENT)
    document["operations"]["quotas"] = {"roles": 4}
    assert over_quota(document, schema) == []
