"""What the roots of one account, bootstrap and customer, make of `customers.yaml`, planned with no
account."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from support.roots import POD, SHARED, Plan, Planned, Plans, provider

ROOT = Path(__file__).parents[2]
HANDOVER = {
    "format": "bulkhead-handover/1",
    "environment": "embedded",
    "customer": "initech",
    "fleet_role_arn": "arn:aws:iam::111111111111:role/bulkhead/fleet/bulkhead-initech",
    "external_id_parameter": "/bulkhead/initech/external-id",
    "inference_profiles": {
        "eu-central-1": {
            "amazon.nova-lite-v1:0": (
                "arn:aws:bedrock:eu-central-1:111111111111:application-inference-profile/a1"
            )
        }
    },
}


def customer(plan: Plan, changes: Mapping[str, str], **key: object) -> Planned:
    """The root customer for the one account of initech. `key` is what else its records' key is."""
    arn = "arn:aws:kms:eu-central-1:444444444444:key/11111111-2222-3333-4444-55555555555"
    keys = {"arn": f"{arn}5", "enabled": True, "key_manager": "CUSTOMER"} | key
    content = {"arn": f"{arn}6", "enabled": True, "key_manager": "CUSTOMER"}
    mock = provider("eu-central-1", aws_kms_key=keys)
    # The two keys must differ.
    mock += (
        'override_data {\n  target = data.aws_kms_key.logs["content"]\n'
        f"  values = {json.dumps(content)}\n}}\n"
    )
    variables = {"customer": "initech", "account_id": "444444444444", "handover": HANDOVER}
    return plan("customer", changes, variables, mock)


def masks(planned: Planned, group: str) -> list[str]:
    """What the group's policy masks."""
    policy = planned[f'module.logging.aws_cloudwatch_log_data_protection_policy.this["{group}"]']
    audit, mask = json.loads(policy["policy_document"])["Statement"]
    assert audit["DataIdentifier"] == mask["DataIdentifier"]
    return [arn.rpartition("/")[2] for arn in mask["DataIdentifier"]]


def alarms(planned: Planned) -> dict[str, Any]:
    """The alarms over a client's metrics, by what they are about."""
    return {
        values["alarm_name"].removeprefix("bulkhead-initech-"): values
        for address, values in planned.items()
        if ".aws_cloudwatch_metric_alarm." in address
    }


def test_a_customers_alarms_tell_its_topics_and_its_records_stay_as_long_as_it_says(
    plan: Plan,
) -> None:
    account = "caller: ec2"
    planned = customer(
        plan,
        {
            "  initech:\n": "  initech:\n    retention_in_days: 90\n"
            "    content_retention_in_days: 3\n"
            "    masked: { records: [EmailAddress], content: [Ssn-US, EmailAddress] }\n",
            account: f"{account}, alarms: {{ errors: 7, throttles: 0, heartbeat_minutes: 30 }}",
        },
    )
    groups = {
        name: planned[f'module.logging.aws_cloudwatch_log_group.this["{name}"]']
        for name in ("records", "content")
    }
    assert {k: v["retention_in_days"] for k, v in groups.items()} == {"records": 90, "content": 3}
    assert masks(planned, "records") == ["EmailAddress"]
    assert masks(planned, "content") == ["EmailAddress", "Ssn-US"]
    made = alarms(planned)
    assert {alarm: (a["threshold"], a["evaluation_periods"]) for alarm, a in made.items()} == {
        "errors": (7, 1),
        "dropped-records": (1, 1),
        "tokens": (1_000_000, 1),
        "heartbeat": (1, 30),
    }
    told = [alarm["alarm_actions"] for alarm in made.values()]
    assert told == [["arn:aws:sns:eu-central-1:444444444444:application"]] * len(made)


def test_while_a_hold_lasts_nothing_expires_and_keys_stay(plan: Plan) -> None:
    held = {"  initech:\n": "  initech:\n    legal_hold: true\n    retention_in_days: 90\n"}
    planned = customer(plan, held)
    for group in ("records", "content"):
        kept = planned[f'module.logging.aws_cloudwatch_log_group.this["{group}"]']
        assert (kept["retention_in_days"], kept["skip_destroy"]) == (0, True)


@pytest.mark.parametrize("key", [{"enabled": False}, {"key_manager": "AWS"}])
def test_records_need_a_key_that_the_owner_made(plan: Plan, key: dict[str, object]) -> None:
    with pytest.raises(pytest.fail.Exception, match="not enabled, or not the account's own"):
        customer(plan, {}, **key)


@pytest.mark.parametrize("kept", [True, False])
def test_what_is_to_be_kept_outlives_its_roots(plan: Plan, plans: Plans, kept: bool) -> None:
    states = "555555555555"
    changes = {
        "trail: false": f"trail: true\nkeep_records: {str(kept).lower()}",
        "probes:\n": f'state: {{ account_id: "{states}" }}\nprobes:\n',
    }
    accounts = [{"account_id": each} for each in ("444444444444", "111111111111", states)]
    planned = dict(customer(plan, changes))
    for each in plans("bootstrap", changes, accounts, provider("eu-central-1")):
        planned |= each
    found = [
        *(v["skip_destroy"] for k, v in planned.items() if ".aws_cloudwatch_log_group." in k),
        *('"Kept"' in v["policy"] for k, v in planned.items() if ".aws_kms_key.logs[" in k),
        *(not v["force_destroy"] for k, v in planned.items() if ".aws_s3_bucket." in k),
    ]
    # Two groups, their keys, and the buckets of the trail and of the states.
    assert found == [kept] * 6


def test_the_owners_part_of_a_hold_is_that_customers_alone(plans: Plans) -> None:
    held = {"  initech:\n": "  initech:\n    legal_hold: true\n"}
    accounts = [{"account_id": each} for each in ("444444444444", "333333333333")]
    made = plans("bootstrap", held, accounts, provider("eu-central-1"))
    for planned, holds in zip(made, (True, False), strict=True):
        (rights,) = (
            json.loads(v["policy"])["Statement"]
            for k, v in planned.items()
            if k.endswith('aws_iam_role_policy.this["deploy"]')
        )
        allowed = {action for each in rights for action in each["Action"]}
        assert ("logs:PutRetentionPolicy" in allowed) != holds
        keys = [v["policy"] for k, v in planned.items() if ".aws_kms_key.logs[" in k]
        assert [
            "Kept" in {each["Sid"] for each in json.loads(policy)["Statement"]} for policy in keys
        ] == [holds, holds]


def test_pods_become_the_caller_by_their_clusters_token(plan: Plan) -> None:
    role = customer(plan, {"caller: ec2": POD})['module.logging.aws_iam_role.caller["caller"]']
    (statement,) = json.loads(role["assume_role_policy"])["Statement"]
    issuer = "oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"
    assert statement["Principal"] == {
        "Federated": f"arn:aws:iam::444444444444:oidc-provider/{issuer}"
    }
    assert statement["Condition"]["StringEquals"][f"{issuer}:sub"] == (
        "system:serviceaccount:apps:summaries"
    )


def test_a_role_that_the_customer_made_is_bootstrapped_as_such(plan: Plan) -> None:
    planned = plan(
        "bootstrap",
        {"caller: ec2": "caller: existing, caller_role: apps/batch/summaries"},
        {"account_id": "444444444444"},
        provider("eu-central-1"),
    )
    (rights,) = (
        json.loads(v["policy"])["Statement"]
        for k, v in planned.items()
        if k.endswith('aws_iam_role_policy.this["deploy"]')
    )
    given = {each["Sid"]: each for each in rights if "Caller" in each["Sid"]}
    attaching = "CallerPolicyOnTheCallerRole"
    assert given.keys() == {"ReadCallerRole", "ReadCallerPolicy", "CallerPolicy", attaching}
    role = "arn:aws:iam::444444444444:role/apps/batch/summaries"
    policy = "arn:aws:iam::444444444444:policy/bulkhead/caller/summaries/*"
    assert given["ReadCallerRole"]["Resource"] == given[attaching]["Resource"] == [role]
    assert given["ReadCallerPolicy"]["Resource"] == given["CallerPolicy"]["Resource"] == [policy]
    # This policy alone, and only while the role lies within its boundary, which the customer set.
    assert given[attaching]["Action"] == ["iam:AttachRolePolicy", "iam:DetachRolePolicy"]
    assert given[attaching]["Condition"] == {
        "ArnEquals": {
            "iam:PermissionsBoundary": "arn:aws:iam::444444444444:policy/bulkhead/bulkhead-boundary"
        },
        "ArnLike": {"iam:PolicyARN": policy},
    }


def test_what_a_customer_does_not_say_is_as_the_schema_tells(plan: Plan) -> None:
    planned = customer(plan, {})
    schema = json.loads((ROOT / SHARED[1]).read_text(encoding="utf-8"))["$defs"]
    said = schema["customer"]["properties"]
    for group, days in (("records", ""), ("content", "content_")):
        kept = planned[f'module.logging.aws_cloudwatch_log_group.this["{group}"]']
        assert kept["retention_in_days"] == said[f"{days}retention_in_days"]["default"]
        assert masks(planned, group) == said["masked"]["properties"][group]["default"]
    made = alarms(planned)
    thresholds = {k: v["default"] for k, v in schema["client_alarms"]["properties"].items()}
    assert made["heartbeat"]["evaluation_periods"] == thresholds.pop("heartbeat_minutes")
    assert made["tokens"]["threshold"] == thresholds.pop("tokens_per_hour")
    assert {k.replace("-", "_"): v["threshold"] for k, v in made.items()}.items() >= (
        thresholds.items()
    )
