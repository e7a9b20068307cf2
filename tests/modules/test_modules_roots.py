"""What an environment's roots make of the fields of `customers.yaml`, planned with no account."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Protocol

import pytest
from ruamel.yaml import YAML
from support.rules.changes import ACME_ID, GLOBEX_ID

from harness.deploy.cells import BOOTSTRAP_POLICIES, BOOTSTRAP_ROLES, used
from harness.deploy.environment import load_environment
from harness.probes.guardrail_decisions import failures
from harness.probes.guardrail_requests import PURPOSES, of_customer
from harness.snapshot.take import alarm

ROOT = Path(__file__).parents[2]
EMBEDDED = ROOT / "environments" / "embedded"
SHARED = ("environments/embedded/customers.yaml", "environments/embedded/customers.schema.json")
REGION = "  region: eu-central-1\n"
CROSS_REGION = "{ eu: [eu-central-1, eu-west-1, eu-west-3] }"
GLASS = "arn:aws:iam::111111111111:role/emergency/glass"
BREAK_GLASS = "  break_glass: { roles: [emergency/glass], emails: [security@example.com] }\n"
BUS = "arn:aws:events:eu-central-1:999999999999:event-bus/bulkhead-embedded-break-glass"
ALARM = alarm(replace(load_environment(EMBEDDED), break_glass=True)) or {}
WITH_GLASS = {REGION: REGION + BREAK_GLASS, "trail: false": "trail: true"}
OPERATIONS = {"external_ids": {"acme": ACME_ID, "globex": GLOBEX_ID, "initech": ACME_ID[::-1]}}
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

PEOPLE = "{ identity_center_region: eu-west-1, permission_sets: [Operators, Fin] }"

Planned = Mapping[str, Any]
Plan = Callable[..., Planned]


class Workbench(Protocol):
    """What this file needs of the `Workbench` in conftest.py."""

    folder: Path

    def init(self) -> None: ...
    def run(self, *arguments: str, fails: bool = False) -> str: ...


def provider(region: str, alias: str = "", **data: Mapping[str, Any]) -> str:
    """A mocked provider: `data` are what its data sources say, by their type."""
    named = f'  alias = "{alias}"\n' if alias else ""
    said = {"aws_region": {"id": region}, **data}
    blocks = "".join(
        f'  mock_data "{kind}" {{\n    defaults = {json.dumps(values)}\n  }}\n'
        for kind, values in said.items()
    )
    return f'mock_provider "aws" {{\n{named}{blocks}}}\n'


def document(changes: Mapping[str, str]) -> Any:
    """The `customers.yaml` of the embedded environment with changes."""
    text = (ROOT / SHARED[0]).read_text(encoding="utf-8")
    for old, new in changes.items():
        text = text.replace(old, new, 1)
    return YAML(typ="safe").load(text)


def kinds(planned: Planned) -> dict[str, int]:
    """How many roles and policies are planned."""
    return {
        kind: sum(f"{kind}." in address for address in planned)
        for kind in ("aws_iam_role", "aws_iam_policy")
    }


@pytest.fixture
def plan(workbench: Callable[..., Workbench]) -> Plan:
    """Plans a root of the embedded environment with changes of its `customers.yaml`; returns the
    planned values of each resource by its address."""

    def run(
        root: str, changes: Mapping[str, str], variables: Mapping[str, Any], *mocks: str
    ) -> Planned:
        where = f"environments/embedded/{root}"
        bench = workbench("modules", *SHARED, where, at=where)
        file = bench.folder.parent / "customers.yaml"
        text = file.read_text(encoding="utf-8")
        for old, new in changes.items():
            assert old in text, old
            text = text.replace(old, new, 1)
        file.write_text(text, encoding="utf-8")
        load_environment(file.parent)  # the harness takes it, too
        given = "".join(f"    {name} = {json.dumps(v)}\n" for name, v in variables.items())
        tests = bench.folder / "tests"
        tests.mkdir()
        (tests / "fields.tftest.hcl").write_text(
            f'{"".join(mocks)}\nrun "plan" {{\n  command = plan\n  variables {{\n{given}  }}\n}}\n',
            encoding="utf-8",
        )
        bench.init()
        lines = map(json.loads, bench.run("test", "-json", "-verbose").splitlines())
        (made,) = (line["test_plan"] for line in lines if line["type"] == "test_plan")
        return {
            change["address"]: change["change"]["after"]
            for change in made["resource_changes"]
            if change["mode"] == "managed"
        }

    return run


def test_operations_tells_in_each_region_and_takes_cross_region_models(plan: Plan) -> None:
    west = "arn:aws:sns:eu-west-1:111111111111:west"
    changes = {
        "    eu-central-1: [": f'    eu-west-1: ["{west}"]\n    eu-central-1: [',
        CROSS_REGION: "{ eu: [eu-central-1, us-east-1] }",
        ', "eu.anthropic.claude-3-haiku-20240307-v1:0"': "",
        '["amazon.nova': '["eu.amazon.nova',
        "operations:\n": "operations:\n  budget_emails: [spending@example.com]\n",
        "    spend:\n": "    regions: [eu-west-1, eu-central-1]\n"
        "    spend:\n      on_limit: notify\n      monthly_budget_usd: 5000\n",
    }
    sent = [
        {"model_arn": f"arn:aws:bedrock:{region}::foundation-model/amazon.nova-lite-v1:0"}
        for region in ("eu-central-1", "us-east-1")
    ]
    said = {"aws_bedrock_inference_profile": {"models": sent}}
    regions = (
        provider("eu-central-1", **said),
        provider("eu-west-1", "eu_west_1", **said),
    )
    planned = plan("operations", changes, OPERATIONS, *regions)

    # A budget is of no region: once, beside the limits of the first by name and not as listed.
    budgets = {k: v for k, v in planned.items() if ".aws_budgets_" in k}
    assert {key.partition("[")[0] for key in budgets} == {
        "module.spend.aws_budgets_budget.customer",
        "module.spend.aws_budgets_budget_action.stop",
    }
    budget, action = (budgets[key] for key in sorted(budgets))
    assert (budget["name"], budget["limit_amount"]) == ("bulkhead-spend-initech", "5000")
    assert [each["address"] for each in action["subscriber"]] == ["spending@example.com"]

    alarms = {k: v for k, v in planned.items() if ".aws_cloudwatch_metric_alarm.limit" in k}
    assert {a["alarm_name"].split(".")[0] for a in alarms.values()} == {"bulkhead-spend-notify"}
    assert {k.split(".")[1]: v["alarm_actions"] for k, v in alarms.items()} == {
        "spend": ["arn:aws:sns:eu-central-1:111111111111:bulkhead-spending"],
        "spend_eu_west_1": [west],
    }
    model = "eu.amazon.nova-lite-v1:0"
    profile = planned[f'module.profiles.aws_bedrock_inference_profile.this["globex/{model}"]']
    assert profile["model_source"][0]["copy_from"].endswith(f":inference-profile/{model}")

    # As many as the harness counts, but for those of the root bootstrap.
    counted = used(document(changes))
    assert kinds(planned) == {
        "aws_iam_role": counted["roles"] - BOOTSTRAP_ROLES,
        "aws_iam_policy": counted["managed_policies"] - BOOTSTRAP_POLICIES,
    }
    assert counted["alarms_per_region"] == len(alarms) / 2 + 1


def test_the_main_region_may_be_a_further_one(plan: Plan) -> None:
    """Once, then: two profiles of one name are refused by AWS."""
    west = {
        "  region: eu-central-1\n": "  region: eu-west-1\n",
        '    eu-central-1: ["arn:aws:sns:eu-central-1:': '    eu-west-1: ["arn:aws:sns:eu-west-1:',
        "arn:aws:sns:eu-central-1:444444444444": "arn:aws:sns:eu-west-1:444444444444",
        ', "eu.anthropic.claude-3-haiku-20240307-v1:0"': "",
        "    regions: [eu-central-1, eu-west-1]\n": "",
    }
    regions = (provider("eu-west-1"), provider("eu-west-1", "eu_west_1"))
    planned = plan("operations", west, OPERATIONS, *regions)
    for kind in ("aws_bedrock_inference_profile", "aws_cloudwatch_metric_alarm"):
        made = [address for address in planned if f".{kind}." in address]
        assert made and not [address for address in made if "_eu_west_1." in address]


def here(*members: str) -> dict[str, Any]:
    """What AWS says of the organization that these accounts are members of."""
    kinds = ("SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY")
    return {
        "master_account_id": "999999999999",
        "accounts": [{"id": account} for account in members],
        "aws_service_access_principals": [],
        "roots": [{"policy_types": [{"type": kind, "status": "ENABLED"} for kind in kinds]}],
    }


def attached(planned: Planned, policy: str) -> list[str]:
    """The accounts that a guardrail is attached to."""
    return sorted(
        values["target_id"]
        for address, values in planned.items()
        if f'aws_organizations_policy_attachment.this["{policy}/' in address
    )


def statements(planned: Planned, policy: str) -> dict[str, Any]:
    """The statements of a guardrail, by Sid."""
    document = planned[f'module.guardrails.aws_organizations_policy.this["{policy}"]']["content"]
    return {each["Sid"]: each for each in json.loads(document)["Statement"]}


def test_guardrails_know_callers_trusted_accounts_models_and_emergencies(plan: Plan) -> None:
    management = '  management_account_id: "999999999999"\n'
    operations = '  account_id: "111111111111"\n'
    changes = {
        **WITH_GLASS,
        management: management + '  trusted_accounts: ["123456789012"]\n',
        operations: f"{operations}  people: {PEOPLE}\n",
        CROSS_REGION: "{ eu: [us-east-1], jp: [eu-west-1] }",
        ', "eu.anthropic.claude-3-haiku-20240307-v1:0"': "",
        "    regions: [eu-central-1, eu-west-1]\n": "",
        '["amazon.nova': '["eu.amazon.nova',
        "  initech:\n": "  initech:\n    own_organization: true\n",
        '"333333333333", caller: lambda': f'"333333333333", {POD}',
        "caller: lambda": "caller: existing, caller_role: apps/summaries",
        "caller: ecs": POD,
    }
    # Not initech's, which the plan would refuse of a customer of this organization.
    members = here("111111111111", "222222222222", "222222222223", "333333333333")
    mock = provider("eu-central-1", aws_organizations_organization=members)
    planned = plan("organization", changes, {}, mock)

    for sid in ("CallersForOwnAccounts", "CallersForNoFederation"):
        assert statements(planned, "customer-acme-rcp")[sid]["Resource"] == [
            "arn:aws:iam::*:role/apps/summaries",
            "arn:aws:iam::*:role/batch/nightly-summaries",
            "arn:aws:iam::*:role/bulkhead/bulkhead-caller",
        ]
        assert statements(planned, "customer-globex-rcp")[sid]["Resource"] == [
            "arn:aws:iam::*:role/bulkhead/bulkhead-caller"
        ]
    assert not [key for key in planned if "customer-initech-rcp" in key]
    # Pods come with their own cluster's token to their own account's role, and nobody else does.
    acme, globex = (statements(planned, f"customer-{key}-rcp") for key in ("acme", "globex"))
    own = "arn:aws:iam::{}:role/bulkhead/bulkhead-caller"
    assert acme["CallersForNoTokens"]["Resource"] == [
        "arn:aws:iam::*:role/apps/summaries",
        "arn:aws:iam::*:role/batch/nightly-summaries",
        own.format("222222222222"),
    ]
    assert "CallersForNoTokens" not in globex
    for customer, account in ((acme, "222222222223"), (globex, "333333333333")):
        assert customer["CallersForNoFederation"]["Action"] == ["sts:AssumeRoleWithSAML"]
        assert [sid for sid in customer if sid.startswith("PodsOf")] == [f"PodsOf{account}"]
        pods = customer[f"PodsOf{account}"]
        assert pods["Resource"] == own.format(account)
        assert pods["Condition"]["StringNotEquals"] == {
            "oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF:sub": (
                "system:serviceaccount:apps:summaries"
            )
        }
    # The engine says that each account's caller role is closed to other tokens and to assertions.
    (purpose,) = (p for p in PURPOSES if p.sid == "CallersForNoFederation")
    for key, account in (
        ("acme", "222222222222"),
        ("acme", "222222222223"),
        ("globex", "333333333333"),
    ):
        guardrail = f'module.guardrails.aws_organizations_policy.this["customer-{key}-rcp"]'
        parts = of_customer(purpose, account, {"222222222223", "333333333333"})
        assert len(parts) == 2
        for part in parts:
            assert failures(part, [planned[guardrail]["content"]], {"a": account}) == ([], [])

    listed = statements(planned, "operations-rcp")
    accounts = listed["RolesForListedAccounts"]["Condition"]["StringNotEquals"]
    assert {"123456789012", "444444444444"} <= {*accounts["aws:PrincipalAccount"]}

    sso = "arn:aws:iam::111111111111:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO"
    people = listed["RolesForNoFederation"]["NotResource"]
    assert people == [f"{sso}_{name}_{'?' * 16}" for name in ("Fin", "Operators")]
    # Of the set Fin, and not of another whose name starts so.
    assert fnmatchcase(f"{sso}_Fin_0123456789abcdef", people[0])
    assert not fnmatchcase(f"{sso}_Fin_Admin_0123456789abcdef", people[0])

    # No model of anybody starts with jp.
    elsewhere = statements(planned, "operations-scp")["ModelsElsewhere"]["Condition"]
    assert elsewhere["StringNotEquals"]["aws:RequestedRegion"] == ["eu-central-1", "us-east-1"]

    # The bus is the one that the root bootstrap forwards to.
    assert listed["BreakGlassInOneRegion"]["Resource"] == [GLASS]
    bus = planned['module.guardrails.aws_cloudwatch_event_bus.break_glass["break-glass"]']
    assert bus["name"] == BUS.rpartition("/")[2]
    # And the alarm is the one that an audit takes for it.
    topic = planned['module.guardrails.aws_sns_topic.break_glass["break-glass"]']
    assert (BUS, topic["name"]) == (ALARM["bus"], ALARM["topic"].rpartition(":")[2])
    assert [v["endpoint"] for k, v in planned.items() if ".aws_sns_topic_subscription." in k] == [
        "security@example.com"
    ]


def test_operations_forwards_what_the_alarm_hears(plan: Plan) -> None:
    account = {"account_id": "111111111111"}
    planned = plan("bootstrap", WITH_GLASS, account, provider("eu-central-1"))
    baseline = 'module.baseline["operations"].aws_cloudwatch_event'
    target = planned[f'{baseline}_target.break_glass["break-glass"]']
    assert target["arn"] == BUS
    heard = planned[f'{baseline}_rule.break_glass["break-glass"]']
    assert ALARM["forwarder"].endswith(f":event-bus/default/{heard['name']}")
    rule = json.loads(heard["event_pattern"])
    assert rule["detail"]["requestParameters"] == {"roleArn": [GLASS]}

    # One is made by hand; the root operations makes one for each customer, and two of the executor.
    counted = used(document(WITH_GLASS))
    assert kinds(planned) == {
        "aws_iam_role": counted["roles"] - 1 - 3 - 2,
        "aws_iam_policy": BOOTSTRAP_POLICIES,
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
def test_what_is_to_be_kept_outlives_its_roots(plan: Plan, kept: bool, tmp_path: Path) -> None:
    states = "555555555555"
    changes = {
        "trail: false": f"trail: true\nkeep_records: {str(kept).lower()}",
        "probes:\n": f'state: {{ account_id: "{states}" }}\nprobes:\n',
    }
    planned = dict(customer(plan, changes))
    for account in ("444444444444", "111111111111", states):
        shutil.rmtree(tmp_path / "environments")
        shutil.rmtree(tmp_path / "modules")
        planned |= plan("bootstrap", changes, {"account_id": account}, provider("eu-central-1"))
    found = [
        *(v["skip_destroy"] for k, v in planned.items() if ".aws_cloudwatch_log_group." in k),
        *('"Kept"' in v["policy"] for k, v in planned.items() if ".aws_kms_key.logs[" in k),
        *(not v["force_destroy"] for k, v in planned.items() if ".aws_s3_bucket." in k),
    ]
    # Two groups, their keys, and the buckets of the trail and of the states.
    assert found == [kept] * 6


def test_a_hold_binds_everybody_in_that_customers_accounts(plan: Plan) -> None:
    """The guardrail of the organization, by `legal_hold` of customers.yaml."""
    members = ["111111111111", "222222222222", "222222222223", "333333333333", "444444444444"]
    mock = provider("eu-central-1", aws_organizations_organization=here(*members))
    held = {"  acme:\n": "  acme:\n    legal_hold: true\n"}
    assert attached(plan("organization", held, {}, mock), "held-scp") == members[1:3]


def test_a_hold_goes_with_a_customer_that_leaves(plan: Plan) -> None:
    left = 'accounts: ["{}"], left: "2026-01-31"'
    former = (
        "former_customers:\n"
        f"  hooli: {{ {left.format('555555555555')}, legal_hold: true }}\n"
        f"  umbrella: {{ {left.format('555555555556')}, legal_hold: false }}\n"
        f"  weyland: {{ {left.format('555555555557')} }}\n"
    )
    members = ["111111111111", "222222222222", "222222222223", "333333333333", "444444444444"]
    mock = provider("eu-central-1", aws_organizations_organization=here(*members, "555555555555"))
    planned = plan("organization", {"probes:\n": f"{former}probes:\n"}, {}, mock)
    assert attached(planned, "held-scp") == ["555555555555"]
    # The tag, by which the hold knows its keys, stays on them.
    assert attached(planned, "customers-scp") == [*members[1:], "555555555555"]
    assert not [address for address in planned if "customer-hooli-rcp" in address]


def test_the_owners_part_of_a_hold_is_that_customers_alone(plan: Plan, tmp_path: Path) -> None:
    held = {"  initech:\n": "  initech:\n    legal_hold: true\n"}
    for account, holds in (("444444444444", True), ("333333333333", False)):
        planned = plan("bootstrap", held, {"account_id": account}, provider("eu-central-1"))
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
        shutil.rmtree(tmp_path / "environments")
        shutil.rmtree(tmp_path / "modules")


POD = (
    "caller: eks-irsa, pods: { oidc_provider: "
    "oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF, "
    "namespace: apps, service_account: summaries }"
)


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
