"""What the roots operations and organization make of `customers.yaml`, and what bootstrap makes for
them, planned with no account."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from support.roots import POD, SHARED, Plan, Planned, in_govcloud, provider
from support.rules.changes import ACME_ID, GLOBEX_ID

from harness.deploy.cells import BOOTSTRAP_POLICIES, BOOTSTRAP_ROLES, used
from harness.deploy.environment import load_environment
from harness.probes.guardrail_decisions import failures
from harness.probes.guardrail_requests import PURPOSES, of_customer
from harness.snapshot.take import alarm

ROOT = Path(__file__).parents[2]
EMBEDDED = ROOT / "environments" / "embedded"
REGION = "  region: eu-central-1\n"
CROSS_REGION = "{ eu: [eu-central-1, eu-west-1, eu-west-3] }"
GLASS = "arn:aws:iam::111111111111:role/emergency/glass"
BREAK_GLASS = "  break_glass: { roles: [emergency/glass], emails: [security@example.com] }\n"
BUS = "arn:aws:events:eu-central-1:999999999999:event-bus/bulkhead-embedded-break-glass"
ALARM = alarm(replace(load_environment(EMBEDDED), break_glass=True)) or {}
WITH_GLASS = {REGION: REGION + BREAK_GLASS, "trail: false": "trail: true"}
OPERATIONS = {"external_ids": {"acme": ACME_ID, "globex": GLOBEX_ID, "initech": ACME_ID[::-1]}}
PEOPLE = "{ identity_center_region: eu-west-1, permission_sets: [Operators, Fin] }"


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


def test_who_is_let_in_stopped_and_told_is_as_customers_yaml_says(plan: Plan) -> None:
    changes = {
        ', "eu.anthropic.claude-3-haiku-20240307-v1:0"': "",
        "operations:\n": "operations:\n  budget_emails: [spending@example.com]\n",
        "  globex:\n": "  globex:\n    stopped: true\n",
        "caller: ec2": "caller: existing, caller_role: apps/summaries",
        "    spend:\n": "    regions: [eu-west-1]\n    spend:\n      monthly_budget_usd: 5000\n",
    }
    previous = {"external_id": GLOBEX_ID[::-1], "accepted_until": "2026-06-30T00:00:00Z"}
    given = {**OPERATIONS, "previous_external_ids": {"acme": previous}}
    planned = plan(
        "operations", changes, given, provider("eu-central-1"), provider("eu-west-1", "eu_west_1")
    )
    trusts = {
        key: planned[f'module.fleet.aws_iam_role.fleet["{key}"]']["assume_role_policy"]
        for key in ("acme", "globex", "initech")
    }
    for key, roles in (
        ("acme", ("222222222222:role/bulkhead/bulkhead-caller", "batch/nightly-summaries")),
        ("globex", ("333333333333:role/bulkhead/bulkhead-caller",)),
        ("initech", ("444444444444:role/apps/summaries",)),
    ):
        assert all(role in trusts[key] for role in roles), key
    assert "bulkhead-caller" not in trusts["initech"]
    assert [key for key, trust in trusts.items() if GLOBEX_ID[::-1] in trust] == ["acme"]
    assert [key for key in planned if ".aws_iam_role_policy.stopped[" in key] == [
        'module.fleet.aws_iam_role_policy.stopped["globex"]'
    ]
    action = planned['module.spend_eu_west_1.aws_budgets_budget_action.stop["initech"]']
    assert [each["address"] for each in action["subscriber"]] == ["spending@example.com"]
    made = {
        v["permissions_boundary"]
        for k, v in planned.items()
        if k.startswith("module.spend") and ".aws_iam_role." in k
    }
    assert made == {"arn:aws:iam::111111111111:policy/bulkhead/bulkhead-boundary"}


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

    # Who deploys and who bootstraps are two, and neither does what the other does.
    change = statements(planned, "operations-change-scp")
    spared = {
        sid: change[sid]["Condition"]["StringNotEquals"]["aws:PrincipalArn"]
        for sid in ("Attachments", "FleetRoles", "Deployers")
    }
    deployer = "arn:aws:iam::111111111111:role/bulkhead/bulkhead-deploy"
    assert spared == {
        "Attachments": [deployer, GLASS],
        "FleetRoles": [deployer, GLASS],
        "Deployers": [GLASS, "arn:aws:iam::111111111111:user/administrator"],
    }
    assert change["Attachments"]["Condition"]["ArnNotLike"] == {
        "iam:PolicyARN": ["arn:aws:iam::111111111111:policy/bulkhead/fleet/bulkhead-spend-*-stop"]
    }

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


def test_the_environments_roots_name_their_own_partition(plan: Plan) -> None:
    members = ["111111111111", "222222222222", "222222222223", "333333333333", "444444444444"]
    there = in_govcloud(plan)
    for planned in (
        there(
            "operations", OPERATIONS, provider("eu-central-1"), provider("eu-west-1", "eu_west_1")
        ),
        there(
            "organization",
            {},
            provider("eu-central-1", aws_organizations_organization=here(*members)),
        ),
    ):
        text = json.dumps(planned)
        assert "arn:aws-us-gov:" in text
        assert "arn:aws:" not in text
