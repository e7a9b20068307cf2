"""Centralization rules: what they copy, and who may make them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support.cloud import MANAGEMENT, OUTSIDER, REGION, A, B, Clients, document

SERVICE = "observabilityadmin.amazonaws.com"


@pytest.fixture
def admin(clients: Clients) -> Iterator[Any]:
    """The management account's client while trusted access is on."""
    organizations = clients(MANAGEMENT, "organizations")
    organizations.enable_aws_service_access(ServicePrincipal=SERVICE)
    client = clients(MANAGEMENT, "observabilityadmin")
    yield client
    for rule in client.list_centralization_rules_for_organization()["CentralizationRuleSummaries"]:
        client.delete_centralization_rule_for_organization(RuleIdentifier=rule["RuleName"])
    organizations.disable_aws_service_access(ServicePrincipal=SERVICE)


def rule(*, to: str = B, strategy: str = "ALLOW", pattern: str = "", **source: Any) -> Any:
    logs = {"LogGroupSelectionCriteria": "*", "EncryptedLogGroupStrategy": strategy}
    logs["LogGroupSelectionCriteria"] = source.pop("criteria", "*")
    destination: dict[str, Any] = {"Region": REGION, "Account": to}
    if pattern:
        naming = {"LogGroupNamePattern": pattern}
        destination["DestinationLogsConfiguration"] = {"LogGroupNameConfiguration": naming}
    return {
        "Source": {"Regions": [REGION], "SourceLogsConfiguration": logs, **source},
        "Destination": destination,
    }


def create(client: Any, name: str, content: Any) -> str:
    made = client.create_centralization_rule_for_organization(RuleName=name, Rule=content)
    return str(made["RuleArn"])


def write(clients: Clients, account: str, group: str, text: str, **rest: Any) -> None:
    logs = clients(account, "logs")
    if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
        logs.create_log_group(logGroupName=group, **rest)
        logs.create_log_stream(logGroupName=group, logStreamName="s")
    event = {"timestamp": int(time.time() * 1000), "message": text}
    logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=[event])


def read(clients: Clients, account: str, group: str) -> list[str]:
    logs = clients(account, "logs")
    if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
        return []
    found = logs.filter_log_events(logGroupName=group)["events"]
    return sorted(each["message"] for each in found)


def test_new_events_of_members_are_copied_and_merge(
    clients: Clients, admin: Any, unique: Callable[[str], str]
) -> None:
    group = unique("merged")
    write(clients, A, group, "before")
    create(admin, unique("rule"), rule())
    write(clients, A, group, "canary of A")
    write(clients, MANAGEMENT, group, "canary of M")
    write(clients, OUTSIDER, group, "canary of an outsider")
    assert read(clients, B, group) == ["canary of A", "canary of M"]
    assert read(clients, OUTSIDER, group) == ["canary of an outsider"]


def test_nothing_is_copied_without_a_rule_or_trusted_access(
    clients: Clients, admin: Any, unique: Callable[[str], str]
) -> None:
    group, name = unique("quiet"), unique("rule")
    write(clients, A, group, "one")
    arn = create(admin, name, rule())
    organizations = clients(MANAGEMENT, "organizations")
    organizations.disable_aws_service_access(ServicePrincipal=SERVICE)
    write(clients, A, group, "two")
    assert read(clients, B, group) == []
    got = admin.get_centralization_rule_for_organization(RuleIdentifier=name)
    assert got["RuleHealth"] == "Unhealthy"
    assert got["FailureReason"] == "TRUSTED_ACCESS_NOT_ENABLED"
    with pytest.raises(ClientError, match="Trusted access"):
        create(admin, unique("rule"), rule())
    organizations.enable_aws_service_access(ServicePrincipal=SERVICE)
    write(clients, A, group, "three")
    admin.delete_centralization_rule_for_organization(RuleIdentifier=arn)
    write(clients, A, group, "four")
    assert read(clients, B, group) == ["three"]


def test_scope_criteria_and_region_are_obeyed(
    clients: Clients, admin: Any, unique: Callable[[str], str]
) -> None:
    chosen, other = unique("chosen"), unique("other")
    criteria = f"LogGroupName IN ('{chosen}')"
    scope = f"AccountId = '{A}'"
    create(
        admin,
        unique("rule"),
        rule(criteria=criteria, Scope=scope, pattern="/all/${source.accountId}${source.logGroup}"),
    )
    for account in (A, MANAGEMENT):
        for group in (chosen, other):
            write(clients, account, group, "canary")
    assert read(clients, B, f"/all/{A}{chosen}") == ["canary"]
    assert read(clients, B, f"/all/{A}{other}") == []
    assert read(clients, B, f"/all/{MANAGEMENT}{chosen}") == []
    nowhere = unique("nowhere")
    criteria = f"LogGroupName = '{nowhere}'"
    create(
        admin,
        unique("rule"),
        rule(criteria=criteria)
        | {"Source": {**rule(criteria=criteria)["Source"], "Regions": ["eu-west-1"]}},
    )
    write(clients, A, nowhere, "canary")
    assert read(clients, B, nowhere) == []


@pytest.mark.parametrize(("strategy", "copied"), [("ALLOW", ["canary"]), ("SKIP", [])])
def test_encrypted_groups_are_skipped_if_the_rule_says_so(
    clients: Clients, admin: Any, unique: Callable[[str], str], strategy: str, copied: list[str]
) -> None:
    group = unique("encrypted")
    key = _key_for_logs(clients)
    create(admin, unique("rule"), rule(strategy=strategy))
    write(clients, A, group, "canary", kmsKeyId=key)
    assert read(clients, B, group) == copied


def _key_for_logs(clients: Clients) -> str:
    policy = document(
        {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{A}:root"},
            "Action": "kms:*",
            "Resource": "*",
        },
        {
            "Effect": "Allow",
            "Principal": {"Service": f"logs.{REGION}.amazonaws.com"},
            "Action": ["kms:Encrypt*", "kms:Decrypt*", "kms:GenerateDataKey*"],
            "Resource": "*",
        },
    )
    return str(clients(A, "kms").create_key(Policy=policy)["KeyMetadata"]["Arn"])


def test_only_administrators_of_the_organization_make_rules(
    clients: Clients, admin: Any, unique: Callable[[str], str]
) -> None:
    for account in (A, OUTSIDER):
        client = clients(account, "observabilityadmin")
        with pytest.raises(ClientError, match=r"AccessDenied|Trusted access"):
            create(client, unique("rule"), rule())
    with pytest.raises(ClientError, match="not in the organization"):
        create(admin, unique("rule"), rule(to=OUTSIDER))
    organizations = clients(MANAGEMENT, "organizations")
    organizations.register_delegated_administrator(AccountId=A, ServicePrincipal=SERVICE)
    try:
        name = unique("rule")
        arn = create(clients(A, "observabilityadmin"), name, rule())
        listed = admin.list_centralization_rules_for_organization()["CentralizationRuleSummaries"]
        (mine,) = [each for each in listed if each["RuleArn"] == arn]
        assert mine["CreatorAccountId"] == A
        assert mine["DestinationAccountId"] == B
        with pytest.raises(ClientError, match="Conflict"):
            create(clients(A, "observabilityadmin"), name, rule())
    finally:
        organizations.deregister_delegated_administrator(AccountId=A, ServicePrincipal=SERVICE)


def test_a_service_control_policy_limits_delegated_administrators_but_not_management(
    clients: Clients, admin: Any, unique: Callable[[str], str]
) -> None:
    organizations = clients(MANAGEMENT, "organizations")
    statement = {
        "Effect": "Deny",
        "Action": "observabilityadmin:*CentralizationRuleForOrganization",
        "Resource": "*",
        "Condition": {"StringEquals": {"observabilityadmin:CentralizationDestinationAccount": B}},
    }
    policy = organizations.create_policy(
        Name=unique("scp"),
        Description="d",
        Type="SERVICE_CONTROL_POLICY",
        Content=document(statement),
    )["Policy"]["PolicySummary"]["Id"]
    organizations.register_delegated_administrator(AccountId=A, ServicePrincipal=SERVICE)
    organizations.attach_policy(PolicyId=policy, TargetId=A)
    try:
        delegated = clients(A, "observabilityadmin")
        with pytest.raises(ClientError, match="explicit deny"):
            create(delegated, unique("rule"), rule())
        create(delegated, unique("rule"), rule(to=MANAGEMENT))
        create(admin, unique("rule"), rule())
    finally:
        organizations.detach_policy(PolicyId=policy, TargetId=A)
        organizations.deregister_delegated_administrator(AccountId=A, ServicePrincipal=SERVICE)


def test_rules_are_changed_and_telemetry_rules_are_kept(
    clients: Clients, admin: Any, unique: Callable[[str], str]
) -> None:
    group, name = unique("changed"), unique("rule")
    create(admin, name, rule(criteria="LogGroupName = 'none'"))
    write(clients, A, group, "one")
    admin.update_centralization_rule_for_organization(RuleIdentifier=name, Rule=rule())
    write(clients, A, group, "two")
    assert read(clients, B, group) == ["two"]
    with pytest.raises(ClientError, match="ValidationException"):
        admin.update_centralization_rule_for_organization(
            RuleIdentifier=name, Rule=rule(criteria="what")
        )
    telemetry = {"TelemetryType": "Logs", "ResourceType": "AWS::EC2::VPC"}
    admin.create_telemetry_rule_for_organization(RuleName=name, Rule=telemetry)
    listed = admin.list_telemetry_rules_for_organization()["TelemetryRuleSummaries"]
    assert name in [each["RuleName"] for each in listed]
    got = admin.get_telemetry_rule_for_organization(RuleIdentifier=name)
    assert got["TelemetryRule"] == telemetry
    admin.delete_telemetry_rule_for_organization(RuleIdentifier=name)
    with pytest.raises(ClientError, match="ResourceNotFound"):
        admin.get_telemetry_rule_for_organization(RuleIdentifier=name)
