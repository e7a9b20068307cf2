"""Whose the records are: nobody but the owners takes a key away, or gives it to others, and with
the policy that the module hands out, nobody but they deletes records or changes who reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.probes.cast import Cast
from harness.probes.evidence import Outcome
from harness.probes.records import changes, names_of
from harness.probes.result import Recorder, Subject


@pytest.mark.changing("makes helper roles; tries changes in kms")
def test_only_owners_take_keys_away(probe: Recorder, cast: Cast, account: str) -> None:
    """Not even a role that may do everything in the account."""
    home, attacker = cast.stage.homes[account], cast.other_role(account)
    kms = cast.client(attacker, "kms", home.region)
    owner = cast.client(cast.administrator(account), "kms", home.region)
    records, *_ = home.groups
    for group in home.groups:
        key = group.key_arn
        policy = owner.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
        calls: dict[str, Callable[[], object]] = {
            "ScheduleKeyDeletion": lambda k=key: kms.schedule_key_deletion(  # type: ignore[misc]
                KeyId=k, PendingWindowInDays=30
            ),
            "DisableKey": lambda k=key: kms.disable_key(KeyId=k),  # type: ignore[misc]
            "PutKeyPolicy": lambda k=key, p=policy: kms.put_key_policy(  # type: ignore[misc]
                KeyId=k, PolicyName="default", Policy=p
            ),
            "CreateGrant": lambda k=key: kms.create_grant(  # type: ignore[misc]
                KeyId=k, GranteePrincipal=home.caller_role_arn, Operations=["DescribeKey"]
            ),
            "UntagResource": lambda k=key: kms.untag_resource(  # type: ignore[misc]
                KeyId=k, TagKeys=["bulkhead-probe"]
            ),
        }
        # One statement denies them all, so that one call tells whether the other key has it.
        asked = calls if group == records else ("ScheduleKeyDeletion",)
        for operation in asked:
            answer = probe.denied(
                Subject(
                    "key-owner",
                    ("K12", "K06") if operation == "CreateGrant" else ("K12", "K08"),
                    "nobody but its owners takes a customer's key away, or gives it to others",
                    attacker,
                    f"kms:{operation}",
                    f"key of {group.name}",
                    (key,),
                ),
                calls[operation],
                twin=lambda k=key: kms.describe_key(KeyId=k),  # type: ignore[misc]
            )
            if answer.outcome is Outcome.ALLOWED and operation in (
                "ScheduleKeyDeletion",
                "DisableKey",
            ):
                if operation == "ScheduleKeyDeletion":
                    owner.cancel_key_deletion(KeyId=key)
                owner.enable_key(KeyId=key)
        probe.allowed(
            Subject(
                "key-owner",
                ("K08",),
                "a key's owner can change its policy",
                cast.administrator(account),
                "kms:PutKeyPolicy",
                f"key of {group.name}",
                (key,),
            ),
            lambda k=key, p=policy: owner.put_key_policy(  # type: ignore[misc]
                KeyId=k, PolicyName="default", Policy=p
            ),
        )


def test_owners_policy_leaves_records_to_owners(probe: Recorder, copied: Cast) -> None:
    """As a service control policy, in a copy of the cloud: a log group has no policy of its own.
    One account tells for all: the module writes the same for each."""
    account, home = next(iter(copied.stage.homes.items()))
    attacker = copied.other_role(account)
    management = copied.administrator(copied.stage.environment.management_account)
    organizations = copied.client(management, "organizations")
    made = organizations.create_policy(
        Content=home.owners_only_policy,
        Description="probe",
        Name=copied.helper_name("owners"),
        Type="SERVICE_CONTROL_POLICY",
    )["Policy"]["PolicySummary"]
    organizations.attach_policy(PolicyId=made["Id"], TargetId=account)

    owner = copied.administrator(account)
    logs = copied.client(attacker, "logs", home.region)
    owned: Any = copied.client(owner, "logs", home.region)
    for group in home.groups:
        stream = copied.helper_name("none")
        calls: dict[str, Callable[[], object]] = {
            **{
                name: call
                for name, call in changes(copied, attacker, home, group).items()
                if name not in ("PutSubscriptionFilter", "CreateExportTask")
            },
            "DeleteLogGroup": lambda n=group.name: logs.delete_log_group(logGroupName=n),  # type: ignore[misc]
            "DeleteRetentionPolicy": lambda n=group.name: logs.delete_retention_policy(  # type: ignore[misc]
                logGroupName=n
            ),
            "DisassociateKmsKey": lambda n=group.name: logs.disassociate_kms_key(logGroupName=n),  # type: ignore[misc]
            "DeleteDataProtectionPolicy": lambda n=group.name: logs.delete_data_protection_policy(  # type: ignore[misc]
                logGroupIdentifier=n
            ),
        }
        for operation, call in calls.items():
            probe.denied(
                Subject(
                    "records-owner",
                    ("L20", "L18"),
                    "with the owners' policy nobody but they deletes records or keeps them shorter",
                    attacker,
                    f"logs:{operation}",
                    group.name,
                    names_of(group, stream),
                ),
                call,
                twin=lambda n=group.name: logs.describe_log_streams(logGroupName=n),  # type: ignore[misc]
            )
        probe.allowed(
            Subject(
                "records-owner",
                ("L20",),
                "with the owners' policy they can still delete records",
                owner,
                "logs:DeleteLogGroup",
                group.name,
                names_of(group),
            ),
            lambda n=group.name: owned.delete_log_group(logGroupName=n),  # type: ignore[misc]
        )
    if home.reader_role_arn is not None:
        iam = copied.client(attacker, "iam")
        role = home.reader_role_arn.rpartition("/")[2]
        probe.denied(
            Subject(
                "records-owner",
                ("L23",),
                "with the owners' policy nobody but they says who reads",
                attacker,
                "iam:UpdateAssumeRolePolicy",
                f"reader of {home}",
                (home.reader_role_arn,),
            ),
            lambda: iam.update_assume_role_policy(RoleName=role, PolicyDocument="{}"),
            twin=lambda: iam.get_role(RoleName=role),
        )
