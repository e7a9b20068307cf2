"""Customers' keys: what else they could be made to protect, and who could take them away."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from harness.probes.absence import absent
from harness.probes.cast import Actor, Cast
from harness.probes.evidence import Outcome
from harness.probes.result import Recorder, Subject
from harness.probes.stage import Home

# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html
NOT_ALLOWED = "does not exist or is not allowed to be used"


@pytest.mark.changing("makes helper roles; tries changes in logs")
def test_key_serves_no_other_account(probe: Recorder, cast: Cast, foreign: tuple[str, str]) -> None:
    """CloudWatch Logs would use the key for whoever names it, were it not for its policy."""
    account, customer = foreign
    victim = next(h for h in cast.stage.homes.values() if h.customer == customer)
    refuse_group(probe, cast, ("K02",), cast.other_role(account), victim, "another account")


@pytest.mark.changing("makes helper roles; tries changes in logs")
def test_key_serves_no_other_group(probe: Recorder, cast: Cast, account: str) -> None:
    home = cast.stage.homes[account]
    refuse_group(probe, cast, ("K03", "K02"), cast.other_role(account), home, "a second group")


def refuse_group(
    probe: Recorder, cast: Cast, rows: tuple[str, ...], who: Actor, home: Home, where: str
) -> None:
    logs = cast.client(who, "logs", home.region)
    name = cast.helper_name("keyed")

    def make(**key: str) -> None:
        logs.create_log_group(logGroupName=name, **key)
        logs.delete_log_group(logGroupName=name)

    probe.refused(
        Subject(
            "key-of-group",
            rows,
            f"a customer's key encrypts its own log group only, not {where}",
            who,
            "logs:CreateLogGroup",
            f"key of {home}",
            (home.key_arn,),
        ),
        lambda: make(kmsKeyId=home.key_arn),
        code="InvalidParameterException",
        says=NOT_ALLOWED,
        twin=make,
    )


def test_customer_administers_its_key(probe: Recorder, cast: Cast, account: str) -> None:
    """A key whose policy forgets its account can be changed by nobody any more."""
    home, reader = cast.stage.homes[account], cast.administrator(account)
    kms = cast.client(reader, "kms", home.region)
    for group in home.groups:
        document = kms.get_key_policy(KeyId=group.key_arn, PolicyName="default")["Policy"]
        statements: list[dict[str, Any]] = json.loads(document)["Statement"]
        own = [s for s in statements if s["Principal"] == {"AWS": f"arn:aws:iam::{account}:root"}]
        full = [s for s in own if s["Effect"] == "Allow" and s["Action"] in ("kms:*", ["kms:*"])]
        probe.state(
            Subject(
                "key-administered",
                ("K08",),
                "a customer's account can administer its key",
                reader,
                "kms:GetKeyPolicy",
                f"key of {group.name}",
                (group.key_arn,),
            ),
            expected="administered by its account",
            observed="administered by its account" if full else "not administered",
            holds=bool(full) and all("Condition" not in s for s in full),
            why=f"{len(full)} of {len(statements)} statements give the account everything",
        )


def test_services_use_a_key_for_its_group_only(probe: Recorder, cast: Cast, account: str) -> None:
    """A service acts for whoever asks it, so its statements must say for what."""
    home, reader = cast.stage.homes[account], cast.administrator(account)
    kms = cast.client(reader, "kms", home.region)
    for group in home.groups:
        document = kms.get_key_policy(KeyId=group.key_arn, PolicyName="default")["Policy"]
        services = [s for s in json.loads(document)["Statement"] if "Service" in s["Principal"]]
        wanted = {"StringEquals": {"kms:EncryptionContext:aws:logs:arn": group.arn}}
        bound = [s for s in services if s.get("Condition") == wanted]
        probe.state(
            Subject(
                "key-policy",
                ("K02", "K03", "K04", "L08"),
                "services use a customer's key for its own log group only",
                reader,
                "kms:GetKeyPolicy",
                f"key of {group.name}",
                (group.key_arn,),
            ),
            expected="bound to the group",
            observed="bound to the group" if services == bound else "open",
            holds=bool(services) and services == bound,
            why=f"{len(bound)} of {len(services)} statements for services name the group exactly",
        )


def test_key_bears_its_customers_name(probe: Recorder, cast: Cast, account: str) -> None:
    """The organization's guardrail knows a key of records by this tag, and guards no other."""
    home, reader = cast.stage.homes[account], cast.administrator(account)
    kms = cast.client(reader, "kms", home.region)
    for group in home.groups:
        tags = {
            tag["TagKey"]: tag["TagValue"]
            for page in kms.get_paginator("list_resource_tags").paginate(KeyId=group.key_arn)
            for tag in page["Tags"]
        }
        named = tags.get("bulkhead:customer", "no name")
        probe.state(
            Subject(
                "key-tag",
                ("G11", "K01"),
                "a customer's key bears the tag that guards it",
                reader,
                "kms:ListResourceTags",
                f"key of {group.name}",
                (group.key_arn,),
            ),
            expected=home.customer,
            observed=named,
            holds=named == home.customer,
            why=f"bulkhead:customer is {named}",
        )


def test_key_policy_says_no_more(probe: Recorder, cast: Cast, account: str) -> None:
    """Statement by statement: the account administers the key and CloudWatch Logs uses it."""
    home, reader = cast.stage.homes[account], cast.administrator(account)
    kms = cast.client(reader, "kms", home.region)
    meant = (
        {"AWS": f"arn:aws:iam::{account}:root"},
        {"Service": f"logs.{home.region}.amazonaws.com"},
    )
    for group in home.groups:
        key = group.key_arn
        document = kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
        statements = json.loads(document)["Statement"]
        more = [
            statement.get("Sid", str(index))
            for index, statement in enumerate(statements)
            if statement["Effect"] == "Allow" and statement.get("Principal") not in meant
        ]
        probe.state(
            Subject(
                "key-policy",
                ("K01", "K06"),
                "a key's policy names its own account and CloudWatch Logs, and nobody else",
                reader,
                "kms:GetKeyPolicy",
                f"key of {group.name}",
                (key,),
            ),
            expected="no more statements",
            observed=f"{len(more)} more" if more else "no more statements",
            holds=not more,
            why=f"of {len(statements)} statements, others: {', '.join(more) or 'none'}",
        )
        grants = Subject(
            "key-grants",
            ("K01", "K06"),
            "nobody has a grant on a customer's key",
            reader,
            "kms:ListGrants",
            f"key of {group.name}",
            (key,),
        )
        absent(probe, grants, lambda k=key: kms.list_grants(KeyId=k)["Grants"])


@pytest.mark.parametrize(
    "operation",
    [
        *("ScheduleKeyDeletion", "DisableKey", "PutKeyPolicy", "CreateGrant", "Decrypt"),
        *("UntagResource", "DisableKeyRotation"),
    ],
)
@pytest.mark.changing("tries changes in kms")
def test_caller_cannot_change_its_key(
    probe: Recorder, cast: Cast, account: str, operation: str
) -> None:
    home, caller = cast.stage.homes[account], cast.caller(account)
    kms = cast.client(caller, "kms", home.region)
    key = home.key_arn
    calls: dict[str, Callable[[], object]] = {
        "ScheduleKeyDeletion": lambda: kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=30),
        "DisableKey": lambda: kms.disable_key(KeyId=key),
        # A policy that KMS refuses after the authorization: nothing is changed in any case.
        "PutKeyPolicy": lambda: kms.put_key_policy(KeyId=key, PolicyName="default", Policy="{}"),
        "CreateGrant": lambda: kms.create_grant(
            KeyId=key, GranteePrincipal=home.caller_role_arn, Operations=["DescribeKey"]
        ),
        "Decrypt": lambda: kms.decrypt(KeyId=key, CiphertextBlob=b"probe"),
        # A tag that it does not have.
        "UntagResource": lambda: kms.untag_resource(KeyId=key, TagKeys=["bulkhead-probe"]),
        "DisableKeyRotation": lambda: kms.disable_key_rotation(KeyId=key),
    }
    rows = {"CreateGrant": ("K06",), "Decrypt": ("K07",)}.get(operation, ("K12",))
    answer = probe.denied(
        Subject(
            "caller-key",
            rows,
            f"a caller role cannot call {operation} on its key",
            caller,
            f"kms:{operation}",
            f"key of {home}",
            (key,),
        ),
        calls[operation],
        twin=lambda: cast.assume_fleet(caller, cast.stage.fleet_of(account)),
    )
    if answer.outcome is Outcome.ALLOWED:
        administrator = cast.client(cast.administrator(account), "kms", home.region)
        if operation == "ScheduleKeyDeletion":
            administrator.cancel_key_deletion(KeyId=key)
        if operation in ("ScheduleKeyDeletion", "DisableKey"):
            administrator.enable_key(KeyId=key)
        if operation == "DisableKeyRotation":
            administrator.enable_key_rotation(KeyId=key)
