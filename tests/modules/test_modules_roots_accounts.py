"""What the roots of one account, bootstrap and customer, make of `customers.yaml`, planned with no
account."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from support.roots import POD, ROOT, SHARED, Plan, Planned, Plans, in_govcloud, provider

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


def test_an_application_is_told_what_the_handover_and_the_logging_say(plan: Plan) -> None:
    planned = customer(plan, {})
    group = "log-group:/bulkhead/initech"
    region = planned['module.configuration.aws_ssm_parameter.this["eu-central-1"]']
    told = json.loads(region["insecure_value"])
    expected = {
        "account_id": "444444444444",
        "fleet_role_arn": HANDOVER["fleet_role_arn"],
        "external_id_parameter": "arn:aws:ssm:eu-central-1:444444444444:parameter"
        "/bulkhead/initech/external-id",
        "inference_profiles": HANDOVER["inference_profiles"]["eu-central-1"],
        "log_group_arn": f"arn:aws:logs:eu-central-1:444444444444:{group}/bedrock",
        "quotas": {
            "amazon.nova-lite-v1:0": {"tokens_per_minute": 200_000, "requests_per_minute": 600}
        },
    }
    assert told.items() >= expected.items()
    assert told["content"]["log_group_arn"].endswith(f":{group}/content")
    assert {alarm.get("namespace") for alarm in alarms(planned).values()} <= {
        told["metrics_namespace"],
        None,
    }
    for name, last in (("records", "5"), ("content", "6")):
        made = planned[f'module.logging.aws_cloudwatch_log_group.this["{name}"]']
        assert made["kms_key_id"].endswith(f"555{last}")
    # What the caller role may read is what it is told, and it has the boundary.
    role = planned['module.logging.aws_iam_role.caller["caller"]']
    boundary = "arn:aws:iam::444444444444:policy/bulkhead/bulkhead-boundary"
    assert role["permissions_boundary"] == boundary
    rights = json.loads(planned['module.logging.aws_iam_role_policy.caller["caller"]']["policy"])
    by_sid = {each["Sid"]: each["Resource"] for each in rights["Statement"] if "Resource" in each}
    assert by_sid["AssumeFleetRole"] == HANDOVER["fleet_role_arn"]
    assert set(by_sid["ReadConfiguration"]) == {
        told["external_id_parameter"],
        f"arn:aws:ssm:eu-central-1:444444444444:parameter{region['name']}",
    }


CI = """ci:
  create_identity_providers: false
  github:
    { repository: a/live, deploy_environment: d, plan_environment: p, audit_environment: a }
  gitlab:
    { url: "https://gitlab.com", project: a/b, deploy_branch: d, plan_branch: p, audit_branch: a }
"""


def jobs(planned: Planned, owner: str) -> dict[str, list[str]]:
    """By role, the jobs that may become it. Where jobs may, so may the owner and nobody else."""
    found = {}
    for address, role in planned.items():
        if ".aws_iam_role." in address:
            trust = json.loads(role["assume_role_policy"])["Statement"]
            conditions = [each["Condition"]["StringEquals"] for each in trust]
            subjects = [v for each in conditions for k, v in each.items() if k.endswith(":sub")]
            if subjects:
                named, *_ = conditions
                assert named == {"aws:PrincipalArn": [owner]}
                assert len(trust) == len(subjects) + 1
                found[role["name"]] = [each.rpartition(":")[2] for each in subjects]
    return found


def test_jobs_come_in_where_an_account_is_deployed_audited_or_has_the_states(plans: Plans) -> None:
    states = "555555555555"
    changes = {"probes:\n": f'state: {{ account_id: "{states}" }}\n{CI}probes:\n'}
    accounts = ("444444444444", "111111111111", "999999999999", states)
    made = plans(
        "bootstrap", changes, [{"account_id": a} for a in accounts], provider("eu-central-1")
    )
    by = {job: [job, job] for job in "dpa"}
    deployed = {"deploy": by["d"], "plan": by["p"], "audit": by["a"]}
    for account, planned in zip(accounts, made, strict=True):
        # Another stack made them.
        assert not [key for key in planned if ".aws_iam_openid_connect_provider." in key]
        expected = {f"bulkhead-{name}": job for name, job in deployed.items()}
        if account == states:
            expected = {"bulkhead-audit": by["a"]} | {
                f"bulkhead-state-embedded-{root}{plan}": by["p" if plan else "d"]
                for root in ("customer", "operations", "organization")
                for plan in ("", "-plan")
            }
        assert jobs(planned, f"arn:aws:iam::{account}:user/administrator") == expected


def test_who_deploys_makes_things_where_models_are_called_and_records_kept(plans: Plans) -> None:
    accounts = [{"account_id": each} for each in ("111111111111", "222222222222")]
    made = plans("bootstrap", {}, accounts, provider("eu-central-1"))
    policies = [
        next(v["policy"] for k, v in planned.items() if k.endswith('_policy.this["deploy"]'))
        for planned in made
    ]
    assert [":eu-west-1:" in each for each in policies] == [True, False]
    assert all(":eu-central-1:" in each for each in policies)


def test_support_comes_in_where_it_was_granted_and_never_from_operations(plans: Plans) -> None:
    """By the grant that support.yaml of the embedded environment has."""
    accounts = [{"account_id": each} for each in ("222222222222", "222222222223")]
    made = plans("bootstrap", {}, accounts, provider("eu-central-1"))
    assert [[k for k in planned if ".aws_iam_role.support[" in k] for planned in made] == [
        ['module.readers["acme"].aws_iam_role.support["case-4711"]'],
        [],
    ]
    text = (ROOT / SHARED[0]).read_text(encoding="utf-8")
    theirs = text.replace("888888888888", "0").replace("111111111111", "888888888888")
    swapped = theirs.replace('"0"', '"111111111111"')
    with pytest.raises(pytest.fail.Exception, match="nobody of the operations account reads"):
        plans("bootstrap", {text: swapped}, accounts[:1], provider("eu-central-1"))


def test_an_accounts_roots_name_their_own_partition(plan: Plan) -> None:
    there = in_govcloud(plan)
    planned = [
        customer(lambda root, _, given, *mocks: there(root, given, *mocks), {}),
        *(
            there("bootstrap", {"account_id": account}, provider("eu-central-1"))
            for account in ("111111111111", "444444444444")
        ),
    ]
    for text in map(json.dumps, planned):
        assert "arn:aws-us-gov:" in text
        assert "arn:aws:" not in text
