"""The alarm of break-glass roles lets EventBridge and the operations account in: an audit finds
nothing in it as it is deployed, and what is not quite it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.snapshots import MANAGEMENT, NOBODY, OPERATIONS, REGION, policy, small

from harness.deploy.environment import load_environment
from harness.snapshot.extras import extras
from harness.snapshot.files import schema
from harness.snapshot.take import alarm

ROOT = Path(__file__).parents[2]
NAME = "bulkhead-embedded-break-glass"
BUS = f"arn:aws:events:{REGION}:{MANAGEMENT}:event-bus/{NAME}"
TOPIC = f"arn:aws:sns:{REGION}:{MANAGEMENT}:{NAME}"
KEY = f"arn:aws:kms:{REGION}:{MANAGEMENT}:key/alarm"
DEFAULT = f"arn:aws:events:{REGION}:{OPERATIONS}:event-bus/default"
RULE = "bulkhead-break-glass"
EVENTS = {"Service": "events.amazonaws.com"}
Edit = Callable[[dict[str, Any]], object]


def place(document: dict[str, Any], account: str = MANAGEMENT) -> dict[str, Any]:
    found: dict[str, Any] = document["accounts"][account]["regions"][REGION]
    return found


def statement(document: dict[str, Any], section: str, arn: str, number: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = place(document)[section][arn]["policy"]["Statement"][number]
    return found


def watched() -> dict[str, Any]:
    """A snapshot with the alarm, as modules/organization-guardrails makes it."""
    document = small()
    environment = load_environment(ROOT / "environments" / "embedded")
    document["environment"]["alarm"] = alarm(replace(environment, break_glass=True))
    there = place(document)
    there["event_buses"][BUS] = {
        "policy": policy(
            {
                "Sid": "EventsOfOperations",
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{OPERATIONS}:root"},
                "Action": "events:PutEvents",
                "Resource": BUS,
            }
        ),
        "rules": {NAME: {"state": "ENABLED", "targets": [TOPIC]}},
    }
    publish = {"Principal": EVENTS, "Action": "sns:Publish", "Resource": TOPIC}
    there["topics"][TOPIC] = {
        "policy": policy(
            {"Sid": "Events", "Effect": "Allow", **publish},
            {
                "Sid": "OfNoOtherRule",
                "Effect": "Deny",
                **publish,
                "Condition": {"Null": {"aws:SourceArn": "false"}},
            },
        )
    }
    there["keys"][KEY] = {
        "manager": "CUSTOMER",
        "state": "Enabled",
        "aliases": [],
        "policy": policy(
            {
                "Sid": "Events",
                "Effect": "Allow",
                "Principal": EVENTS,
                "Action": ["kms:Decrypt", "kms:GenerateDataKey*"],
                "Resource": "*",
                "Condition": {"StringEquals": {"kms:EncryptionContext:aws:sns:topicArn": TOPIC}},
            }
        ),
        "grants": [],
        "tags": {},
    }
    place(document, OPERATIONS)["event_buses"][DEFAULT] = {
        "policy": None,
        "rules": {RULE: {"state": "ENABLED", "targets": [BUS]}},
    }
    return document


def test_the_alarm_as_it_is_deployed_is_by_design() -> None:
    assert list(schema().iter_errors(watched())) == []
    assert extras(watched()).findings == ()


def test_without_break_glass_there_is_none() -> None:
    assert alarm(load_environment(ROOT / "environments" / "embedded")) is None


def forwards(document: dict[str, Any], **rules: list[str]) -> None:
    place(document, OPERATIONS)["event_buses"][DEFAULT]["rules"] = {
        name.replace("_", "-"): {"state": "ENABLED", "targets": targets}
        for name, targets in rules.items()
    }


BEYOND: dict[str, tuple[Edit, set[tuple[str, str]]]] = {
    "an environment without an alarm": (
        lambda d: d["environment"].update(alarm=None),
        {
            ("resource-policy", BUS),
            ("resource-policy", TOPIC),
            ("resource-policy", KEY),
            ("event-rule", DEFAULT),
        },
    ),
    "a bus that takes events of a stranger": (
        lambda d: statement(d, "event_buses", BUS).update(
            Principal={"AWS": f"arn:aws:iam::{NOBODY}:root"}
        ),
        {("resource-policy", BUS)},
    ),
    "a bus on which operations may do more": (
        lambda d: statement(d, "event_buses", BUS).update(Action="events:*"),
        {("resource-policy", BUS)},
    ),
    "a topic that another service tells": (
        lambda d: statement(d, "topics", TOPIC).update(Principal={"Service": "s3.amazonaws.com"}),
        {("resource-policy", TOPIC)},
    ),
    "a topic that may be subscribed to": (
        lambda d: statement(d, "topics", TOPIC).update(Action=["sns:Publish", "sns:Subscribe"]),
        {("resource-policy", TOPIC)},
    ),
    "another topic that is told the same way": (
        lambda d: place(d)["topics"].update({f"{TOPIC}-2": place(d)["topics"].pop(TOPIC)}),
        {("resource-policy", f"{TOPIC}-2")},
    ),
    "a key for any topic": (
        lambda d: statement(d, "keys", KEY).pop("Condition"),
        {("resource-policy", KEY)},
    ),
    "a key for another topic too": (
        lambda d: statement(d, "keys", KEY).update(
            Condition={
                "StringEquals": {"kms:EncryptionContext:aws:sns:topicArn": [TOPIC, f"{TOPIC}-2"]}
            }
        ),
        {("resource-policy", KEY)},
    ),
    "a key with which EventBridge may do more": (
        lambda d: statement(d, "keys", KEY).update(Action="kms:*"),
        {("resource-policy", KEY)},
    ),
    "a key of another account": (
        lambda d: place(d, OPERATIONS)["keys"].update(
            {KEY.replace(MANAGEMENT, OPERATIONS): place(d)["keys"].pop(KEY)}
        ),
        {("resource-policy", KEY.replace(MANAGEMENT, OPERATIONS))},
    ),
    "the rule sends to another bus as well": (
        lambda d: forwards(d, bulkhead_break_glass=[BUS, BUS.replace(NAME, "default")]),
        {("event-rule", DEFAULT)},
    ),
    "another rule sends to the bus": (
        lambda d: forwards(d, bulkhead_break_glass=[BUS], more=[BUS]),
        {("event-rule", DEFAULT)},
    ),
}


@pytest.mark.parametrize("name", BEYOND)
def test_what_is_not_quite_the_alarm_is_found(name: str) -> None:
    edit, expected = BEYOND[name]
    document = watched()
    edit(document)
    found = extras(document).findings
    assert {(each.check, each.subject) for each in found} == expected
    assert len(found) == len(expected)
