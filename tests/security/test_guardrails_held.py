"""A legal hold: while it lasts, nobody ends what was recorded in a customer's account, its own
administrators included; and it binds those accounts that the environment says, no others.

The policy is there before anybody is held. It is tried in a copy of the cloud, where it is attached
to an account whose administrator could do all of it.
"""

from __future__ import annotations

from harness.probes.cast import Cast
from harness.probes.guardrail_attempts import Tried
from harness.probes.guardrail_held import POLICY
from harness.probes.result import Recorder, Subject
from harness.probes.stage import Home

STREAM = "bulkhead-probe"


def attempts(copied: Cast, home: Home) -> tuple[Tried, ...]:
    """What would end records, as the account's administrator, the gravest last: rows, action,
    resources that a refusal may name, call."""
    who = copied.administrator(home.account)
    logs = copied.client(who, "logs", home.region)
    kms = copied.client(who, "kms", home.region)
    group = tuple(home.group_arn + end for end in ("", ":*", ":log-stream:", ":log-stream:*"))
    stream = f"{home.group_arn}:log-stream:{STREAM}"
    key = {"KeyId": home.key_arn}
    return (
        (
            ("L18", "L20"),
            "logs:PutRetentionPolicy",
            group,
            lambda: logs.put_retention_policy(logGroupName=home.group, retentionInDays=1),
        ),
        (
            ("L20",),
            "logs:AssociateKmsKey",
            group,
            lambda: logs.associate_kms_key(logGroupName=home.group, kmsKeyId=home.key_arn),
        ),
        (
            ("L20",),
            "logs:DeleteLogStream",
            (stream, *group),
            lambda: logs.delete_log_stream(logGroupName=home.group, logStreamName=STREAM),
        ),
        (
            ("L20",),
            "logs:DeleteLogGroup",
            group,
            lambda: logs.delete_log_group(logGroupName=home.group),
        ),
        (("K12",), "kms:DisableKey", (home.key_arn,), lambda: kms.disable_key(**key)),
        (
            ("K12",),
            "kms:ScheduleKeyDeletion",
            (home.key_arn,),
            lambda: kms.schedule_key_deletion(**key, PendingWindowInDays=7),
        ),
    )


def test_nobody_of_a_held_account_ends_its_records(probe: Recorder, copied: Cast) -> None:
    """Without the policy, the account's administrator does each of these."""
    stage = copied.stage
    held = {key for key, customer in stage.environment.customers.items() if customer.legal_hold}
    free = [home for home in stage.homes.values() if home.customer not in held]
    home = next(iter(free or stage.homes.values()))
    who = copied.administrator(home.account)
    logs = copied.client(who, "logs", home.region)
    logs.create_log_stream(logGroupName=home.group, logStreamName=STREAM)
    organizations = copied.client(
        copied.administrator(stage.environment.management_account), "organizations"
    )
    binding = {"PolicyId": stage.guardrails[POLICY].policy_id, "TargetId": home.account}
    if free:
        organizations.attach_policy(**binding)
    for rows, action, arns, call in attempts(copied, home):
        probe.denied(
            Subject(
                "guardrail-held",
                rows,
                "while a legal hold lasts, not even the account's administrator can"
                f" {action.partition(':')[2]}",
                who,
                action,
                str(home),
                arns,
            ),
            call,
            twin=lambda: logs.describe_log_groups(logGroupNamePrefix=home.group),
        )
    if free and not probe.failures:
        # What stood in the way was the hold, and nothing else.
        organizations.detach_policy(**binding)
        for *_, call in attempts(copied, home):
            call()


def test_a_hold_binds_who_is_held(probe: Recorder, cast: Cast) -> None:
    """The accounts of customers with `legal_hold`, of this organization, those that left among
    them, and no others."""
    stage = cast.stage
    environment = stage.environment
    reader = cast.administrator(environment.management_account)
    organizations = cast.client(reader, "organizations")
    # Those of another organization are bound there.
    members = {a for name in stage.guardrails for a in stage.guardrails[name].accounts}
    wanted = {account for account, holds in environment.holds.items() if holds} & members
    policy = stage.guardrails[POLICY].policy_id
    pages = organizations.get_paginator("list_targets_for_policy").paginate(PolicyId=policy)
    bound = {target["TargetId"] for page in pages for target in page["Targets"]}
    probe.state(
        Subject(
            "guardrail-holds",
            ("G09", "L20"),
            "a legal hold binds the accounts of the customers that have one, and no others",
            reader,
            "organizations:ListTargetsForPolicy",
            POLICY,
            (),
        ),
        expected="those that are held",
        observed="those that are held" if bound == wanted else "others",
        holds=bound == wanted,
        why=f"{len(wanted)} accounts are held: not bound {sorted(wanted - bound)}, "
        f"bound besides {sorted(bound - wanted)}",
    )
