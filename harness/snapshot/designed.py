"""What lets a service or another account in and is by design: statements of policies, each as it
was deployed, and the one rule that sends events to another account.

Conditions excuse nobody (`harness.probes.resource_policies`); these are the exceptions, by exact
name. Of the break-glass alarm see modules/organization-guardrails/alarm.tf.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.probes.trustees import account_of, texts

EVENTS = "events.amazonaws.com"


def for_own_groups(statement: Mapping[str, Any], account: str) -> bool:
    """Whether a statement of a key lets CloudWatch Logs use it, for groups of the account only:
    the encryption context names the group, and so its account.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
    """
    services = _services(statement)
    groups = _exact(statement, "kms:EncryptionContext:aws:logs:arn")
    return (
        all(each.startswith("logs.") for each in services)
        and bool(services and groups)
        and all(account_of(group) == account for group in groups)
    )


def of_the_alarm(
    document: Mapping[str, Any], account: str, name: str, statement: Mapping[str, Any]
) -> bool:
    """Whether a statement on a resource is one of those by which the break-glass alarm rings:
    events of operations reach its bus, the bus's rule its topic, and its key serves that topic."""
    alarm = _alarm(document)
    if not alarm or account != document["environment"]["management_account"]:
        return False
    said = {key: value for key, value in statement.items() if key != "Sid"}
    if name == alarm["bus"]:
        return said == {
            "Effect": "Allow",
            "Principal": {"AWS": _root(document)},
            "Action": "events:PutEvents",
            "Resource": name,
        }
    if name == alarm["topic"]:
        return said == {
            "Effect": "Allow",
            "Principal": {"Service": EVENTS},
            "Action": "sns:Publish",
            "Resource": name,
        }
    return (
        ":key/" in name
        and _services(statement) == [EVENTS]
        and _exact(statement, "kms:EncryptionContext:aws:sns:topicArn") == [alarm["topic"]]
        and set(texts(statement.get("Action", ()))) <= {"kms:Decrypt", "kms:GenerateDataKey*"}
    )


def rings_the_alarm(document: Mapping[str, Any], bus: str, rule: str, target: str) -> bool:
    """Whether a rule is the one by which operations tells the alarm."""
    alarm = _alarm(document)
    return bool(alarm) and (f"{bus}/{rule}", target) == (alarm["forwarder"], alarm["bus"])


def _alarm(document: Mapping[str, Any]) -> Mapping[str, str]:
    return document["environment"].get("alarm") or {}


def _root(document: Mapping[str, Any]) -> str:
    environment = document["environment"]
    return f"arn:{environment['partition']}:iam::{environment['operations_account']}:root"


def _services(statement: Mapping[str, Any]) -> list[str]:
    """The services of a statement that names nobody else."""
    principal = statement.get("Principal")
    if not isinstance(principal, Mapping) or principal.keys() != {"Service"}:
        return []
    return list(texts(principal["Service"]))


def _exact(statement: Mapping[str, Any], key: str) -> list[str]:
    return list(texts(statement.get("Condition", {}).get("StringEquals", {}).get(key, ())))
