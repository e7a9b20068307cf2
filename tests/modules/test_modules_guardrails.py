"""The guardrails' pages and documents: a section for each statement, customers of other
organizations, and the alarm of a break-glass role."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from moto.events.models import EventPattern

from harness.cloud.process import CloudProcess
from harness.deploy.embedded_plan import cloud_plan
from harness.deploy.environment import load_environment
from harness.deploy.toolchain import Toolchain
from harness.iam import (
    NamedPolicy,
    Outcome,
    PolicyKind,
    PolicySet,
    Principal,
    Request,
    decide,
    parse_policy,
)
from harness.probes.guardrail_decisions import failures
from harness.probes.guardrail_requests import PURPOSES
from harness.probes.resource_policies import lets_in
from harness.snapshot.designed import of_the_alarm
from harness.targets.embedded import EmbeddedTarget

ROOT = Path(__file__).parents[2]
MODULE = ROOT / "modules" / "organization-guardrails"
OPERATIONS, MANAGEMENT = "111111111111", "999999999999"
GLASS = f"arn:aws:iam::{OPERATIONS}:role/bulkhead/bulkhead-break-glass"
DEPLOYER = f"arn:aws:iam::{OPERATIONS}:role/bulkhead/bulkhead-deploy"
FLEET = f"arn:aws:iam::{OPERATIONS}:role/bulkhead/fleet/bulkhead-acme"
REGION = "us-east-1"
PARTS = ("Denies", "Why", "Spares", "Test")


def sids() -> list[str]:
    """The Sids of the module's sources, which stand in several policies if need be."""
    text = "".join((MODULE / f).read_text() for f in ("policies.tf", "resource_policies.tf"))
    return sorted(set(re.findall(r'^\s+Sid\s+= "(\w+)(?:\$\{account\})?"$', text, re.MULTILINE)))


def sections() -> dict[str, str]:
    """The README's section for each statement."""
    _, *rest = re.split(r"^### ", (MODULE / "README.md").read_text(), flags=re.MULTILINE)
    parts = (part.split("\n", 1) for part in rest)
    return {name.strip(): text.split("\n## ")[0] for name, text in parts}


def test_each_statement_has_a_section_and_each_section_a_statement() -> None:
    assert sorted(sections()) == sids()
    # Those that only some settings make are tried below, and those about pods with the roots.
    some = {"BreakGlassInOneRegion", "CallersForNoTokens", "PodsOf"}
    assert {purpose.sid for purpose in PURPOSES} == {*sids()} - some


@pytest.mark.parametrize("sid", sids())
def test_a_section_says_what_why_who_and_how_to_test(sid: str) -> None:
    found = re.findall(r"^- \*\*(\w+)\*\* \S", sections()[sid], re.MULTILINE)
    assert found == list(PARTS)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudProcess]:
    plan = cloud_plan(load_environment(ROOT / "environments" / "embedded"))
    file = tmp_path_factory.mktemp("cloud") / "credentials"
    with CloudProcess.start(plan, credentials=file) as started:
        yield started


@pytest.fixture(scope="module")
def plan(
    cloud: CloudProcess, toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """The whole example with a role for emergencies, planned in the cloud's organization.

    Planned, and not applied: the embedded cloud saves no policy of a topic or an event bus, since
    it would not enforce it.
    """
    folder = tmp_path_factory.mktemp("plan")
    shutil.copytree(MODULE, folder / "module", ignore=shutil.ignore_patterns(".terraform*"))
    example = folder / "module" / "examples" / "complete"
    text = (example / "main.tf").read_text()
    for old, new in (
        ("break_glass_role_arns = []", f'break_glass_role_arns = ["{GLASS}"]'),
        ("break_glass_emails    = []", 'break_glass_emails = ["security@example.com"]'),
    ):
        assert old in text
        text = text.replace(old, new)
    (example / "main.tf").write_text(text)
    environ = {**EmbeddedTarget(cloud).environ(MANAGEMENT), **toolchain.environ()}

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [str(toolchain.executable), *arguments],
            **{"cwd": example, "env": environ, "capture_output": True, "text": True},
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return str(done.stdout)

    run("init", "-input=false")
    run("plan", "-input=false", "-out=plan")
    return dict(json.loads(run("show", "-json", "plan")))


@pytest.fixture(scope="module")
def example(plan: dict[str, Any]) -> dict[str, Any]:
    """The outputs as planned."""
    outputs = plan["planned_values"]["outputs"]
    return {name: each["value"] for name, each in outputs.items() if "value" in each}


@pytest.fixture(scope="module")
def planned(plan: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What is known of the resources, by type and name; each is there once."""
    (module,) = plan["planned_values"]["root_module"]["child_modules"]
    return {f"{r['type']}.{r['name']}": r.get("values", {}) for r in module["resources"]}


def test_a_customers_own_organization_is_handed_what_guards_the_others(
    example: dict[str, Any],
) -> None:
    handed = example["handed_over_policies"]["initech"]
    (account,) = handed["accounts"]
    names = {
        "a": account,
        "b": account,
        "n": "222222222222",
        "o": OPERATIONS,
        "x": "777777777777",
        "r": "eu-central-1",
        "customer": "initech",
        "group": f"arn:aws:logs:eu-central-1:{account}:log-group:/bulkhead/initech/bedrock",
        "key": f"arn:aws:kms:eu-central-1:{account}:key/00000000-0000-0000-0000-000000000000",
    }
    tried = 0
    for purpose in PURPOSES:
        if purpose.policy.startswith("customer"):
            kind = "RESOURCE" if purpose.policy.endswith("rcp") else "SERVICE"
            document = handed[f"{kind}_CONTROL_POLICY"]
            assert failures(purpose, [document], names) == ([], []), purpose.sid
            tried += 1
    assert tried >= 10


def denied(example: dict[str, Any], kind: str, who: str, action: str, **asked: Any) -> bool:
    """Whether the operations account's policies of a kind deny it explicitly; all else allows."""
    full = {"Effect": "Allow", "Action": "*", "Resource": "*"}

    def policy(kind: PolicyKind, name: str, document: object) -> NamedPolicy:
        text = document if isinstance(document, str) else json.dumps(document)
        return NamedPolicy(kind, name, parse_policy(text))

    def allow(kind: PolicyKind, statement: object) -> NamedPolicy:
        return policy(kind, "full", {"Version": "2012-10-17", "Statement": [statement]})

    part = PolicyKind.SCP if kind == "scp" else PolicyKind.RCP
    own = [
        policy(part, name, document)
        for name, document in example["policy_documents"].items()
        if name.startswith("operations") and name.endswith(kind)
    ]
    # RCPs count where a resource policy lets somebody in.
    rest = {"identity": (allow(PolicyKind.IDENTITY, full),)}
    extra: dict[str, Any] = (
        {"scps": ((allow(PolicyKind.SCP, full), *own),)}
        if part is PolicyKind.SCP
        else {
            "rcps": (tuple(own),),
            "resource": allow(PolicyKind.RESOURCE, {**full, "Principal": "*"}),
        }
    )
    request = Request(
        Principal.from_arn(who),
        action,
        asked.pop("resource", "*"),
        OPERATIONS,
        asked.pop("context", {}),
    )
    return decide(request, PolicySet(**rest, **extra)).outcome is Outcome.EXPLICITLY_DENIED


def test_break_glass_is_spared_and_watched(example: dict[str, Any]) -> None:
    logging = "bedrock:PutModelInvocationLoggingConfiguration"
    administrator = f"arn:aws:iam::{OPERATIONS}:role/Admin"
    assert denied(example, "scp", administrator, logging)
    assert not denied(example, "scp", GLASS, logging)
    assert not denied(example, "scp", GLASS, "iam:UpdateAssumeRolePolicy", resource=FLEET)
    for action, resource in (
        ("events:DisableRule", f"arn:aws:events:{REGION}:{OPERATIONS}:rule/bulkhead-break-glass"),
        ("cloudtrail:StopLogging", f"arn:aws:cloudtrail:{REGION}:{OPERATIONS}:trail/bulkhead-x"),
        ("organizations:LeaveOrganization", "*"),
    ):
        assert denied(example, "scp", GLASS, action, resource=resource), action
    watched = f"arn:aws:events:{REGION}:{OPERATIONS}:rule/bulkhead-break-glass"
    assert not denied(example, "scp", DEPLOYER, "events:DisableRule", resource=watched)


@pytest.mark.parametrize(
    "action", ["sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity"]
)
def test_break_glass_is_assumed_where_the_alarm_listens(
    example: dict[str, Any], action: str
) -> None:
    """Federation is left out where the role is not listed for it."""
    who = "arn:aws:iam::888888888888:role/somebody"

    def here(region: str) -> bool:
        context = {"aws:RequestedRegion": region}
        return denied(example, "rcp", who, action, resource=GLASS, context=context)

    assert here("eu-west-1")
    if action == "sts:AssumeRole":
        assert not here(REGION)


def test_stops_go_on_by_anybody_and_off_by_their_executor(example: dict[str, Any]) -> None:
    administrator = f"arn:aws:iam::{OPERATIONS}:role/Admin"
    resetter = f"arn:aws:iam::{OPERATIONS}:role/bulkhead/bulkhead-reset"
    executor = f"arn:aws:iam::{OPERATIONS}:role/bulkhead/spend/bulkhead-stop"
    stop = f"arn:aws:iam::{OPERATIONS}:policy/bulkhead/fleet/bulkhead-acme-stop"

    def attach(policy: str) -> bool:
        context = {"iam:PolicyARN": policy}
        return denied(
            example, "scp", administrator, "iam:AttachRolePolicy", resource=FLEET, context=context
        )

    assert not attach(stop)
    assert attach("arn:aws:iam::aws:policy/AdministratorAccess")
    assert denied(example, "scp", administrator, "iam:DetachRolePolicy", resource=FLEET)
    assert not denied(example, "scp", resetter, "iam:DetachRolePolicy", resource=FLEET)
    assert denied(example, "scp", resetter, "iam:UpdateAssumeRolePolicy", resource=FLEET)
    # What spend-controls makes stops only.
    assert denied(example, "scp", executor, "iam:DetachRolePolicy", resource=FLEET)
    assert denied(example, "scp", administrator, "iam:PutRolePolicy", resource=resetter)


def event(arn: str) -> str:
    """An event of CloudTrail on the bus, with what a rule's pattern looks at."""
    return json.dumps(
        {
            "id": "1",
            "account": OPERATIONS,
            "region": REGION,
            "time": "2026-01-01T00:00:00Z",
            "resources": [],
            "source": "aws.sts",
            "detail-type": "AWS API Call via CloudTrail",
            "detail": {
                "eventSource": "sts.amazonaws.com",
                "eventName": "AssumeRole",
                "requestParameters": {"roleArn": arn, "roleSessionName": "x"},
            },
        }
    )


def test_the_alarm_hears_an_assumption_and_nothing_else(
    planned: dict[str, dict[str, Any]],
) -> None:
    rule = planned["aws_cloudwatch_event_rule.break_glass"]
    pattern = EventPattern.load(rule["event_pattern"])

    def heard(text: str) -> bool:
        return bool(pattern.matches_event(json.loads(text)))

    assert heard(event(GLASS))
    assert not heard(event(DEPLOYER))
    assert not heard(event(GLASS).replace(OPERATIONS, "222222222222", 1))
    assert rule["event_bus_name"] == planned["aws_cloudwatch_event_bus.break_glass"]["name"]


def test_the_alarm_reaches_people(planned: dict[str, dict[str, Any]]) -> None:
    told = planned["aws_sns_topic_subscription.break_glass"]
    assert (told["protocol"], told["endpoint"]) == ("email", "security@example.com")
    key = json.loads(planned["aws_kms_key.alarm"]["policy"])
    services = [s for s in key["Statement"] if "Service" in s["Principal"]]
    # Without it no event reaches an encrypted topic.
    assert [s["Action"] for s in services] == [["kms:Decrypt", "kms:GenerateDataKey*"]]


def test_the_alarm_takes_events_of_operations_and_tells_for_its_rule(
    planned: dict[str, dict[str, Any]],
) -> None:
    name = planned["aws_cloudwatch_event_rule.break_glass"]["name"]
    topic = json.loads(planned["aws_sns_topic_policy.break_glass"]["policy"])
    told, refused = topic["Statement"]
    assert told["Principal"] == refused["Principal"] == {"Service": "events.amazonaws.com"}
    assert (told["Effect"], refused["Effect"]) == ("Allow", "Deny")
    # Of EventBridge a topic may be told no source; where it is told one, it is this rule.
    assert "Condition" not in told
    rule = f"arn:aws:events:{REGION}:{MANAGEMENT}:rule/{name}/{name}"
    assert refused["Condition"] == {
        "ArnNotEquals": {"aws:SourceArn": rule},
        "Null": {"aws:SourceArn": "false"},
    }
    bus = json.loads(planned["aws_cloudwatch_event_bus_policy.break_glass"]["policy"])
    (gate,) = bus["Statement"]
    assert gate["Principal"] == {"AWS": f"arn:aws:iam::{OPERATIONS}:root"}
    assert gate["Action"] == "events:PutEvents"


def test_an_audit_knows_the_alarm(planned: dict[str, dict[str, Any]]) -> None:
    name = planned["aws_cloudwatch_event_rule.break_glass"]["name"]
    bus = f"arn:aws:events:{REGION}:{MANAGEMENT}:event-bus/{name}"
    topic = f"arn:aws:sns:{REGION}:{MANAGEMENT}:{name}"
    document = {
        "environment": {
            "partition": "aws",
            "management_account": MANAGEMENT,
            "operations_account": OPERATIONS,
            "alarm": {"bus": bus, "topic": topic, "forwarder": "x"},
        }
    }
    for arn, address in (
        (bus, "aws_cloudwatch_event_bus_policy.break_glass"),
        (topic, "aws_sns_topic_policy.break_glass"),
        (f"arn:aws:kms:{REGION}:{MANAGEMENT}:key/k", "aws_kms_key.alarm"),
    ):
        text = planned[address]["policy"]
        assert lets_in(text, MANAGEMENT), "the strict rule lets it pass: it needs no exception"
        kept = [
            each
            for each in json.loads(text)["Statement"]
            if not of_the_alarm(document, MANAGEMENT, arn, each)
        ]
        assert lets_in(json.dumps({"Statement": kept}), MANAGEMENT) == []
