"""Denials that stand beside grants: what they hold when somebody attaches a policy of everything.

A grant that is not there and a denial that is both refuse. Only where everything else is granted
does the denial show, so that is what happens here, in a copy of the cloud.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import pytest

from harness.probes.bedrock import converse
from harness.probes.cast import Actor, Cast
from harness.probes.deploy_rights import INSIGHTS
from harness.probes.result import Recorder, Subject
from harness.probes.templates import fill_in
from harness.probes.unguarded import unguarded

ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
INVOKE = "bedrock:InvokeModel"
STREAM_ENDS = ("", ":*", ":log-stream:")


@pytest.fixture
def unbounded(copied: Cast, account: str) -> Actor:
    """A fleet session whose role has an administrator's policy beside its own, and no boundary."""
    fleet = copied.stage.fleet_of(account)
    operations = copied.administrator(copied.stage.environment.operations_account)
    iam = copied.client(operations, "iam")
    with unguarded(copied, operations.account):
        if "PermissionsBoundary" in iam.get_role(RoleName=fleet.role_name)["Role"]:
            iam.delete_role_permissions_boundary(RoleName=fleet.role_name)
        iam.attach_role_policy(RoleName=fleet.role_name, PolicyArn=ADMINISTRATOR)
    return copied.fleet(account)


def test_denials_hold_whatever_is_attached(
    probe: Recorder, copied: Cast, unbounded: Actor, account: str
) -> None:
    fleet = copied.stage.fleet_of(account)
    operations = copied.stage.environment.operations_account
    calls: list[tuple[str, tuple[str, ...], Callable[[], object]]] = [
        (
            "iam:ListRoles",
            (f"arn:aws:iam::{operations}:role/", "*"),
            copied.client(unbounded, "iam").list_roles,
        ),
        (INVOKE, (fleet.model_arn,), lambda: converse(copied, unbounded, fleet.model)),
    ]
    for other in copied.stage.fleets.values():
        if other is not fleet:
            for region, _, arn in other.all_profiles:
                call = functools.partial(converse, copied, unbounded, arn, region)
                calls.append((INVOKE, (arn,), call))
    for action, arns, call in calls:
        probe.denied(
            Subject(
                "denials",
                ("P37", "P39", "P09"),
                "a fleet role without its boundary can do no more than before",
                unbounded,
                action,
                arns[0].replace(operations, "operations account"),
                arns,
            ),
            call,
            twin=lambda: converse(copied, unbounded, fleet.profile),
        )


def test_caller_denials_hold_whatever_is_attached(
    probe: Recorder, copied: Cast, account: str
) -> None:
    home, fleet = copied.stage.homes[account], copied.stage.fleet_of(account)
    administrator = copied.administrator(account)
    iam = copied.client(administrator, "iam")
    if "PermissionsBoundary" in iam.get_role(RoleName=home.caller_role_name)["Role"]:
        iam.delete_role_permissions_boundary(RoleName=home.caller_role_name)
    iam.attach_role_policy(RoleName=home.caller_role_name, PolicyArn=ADMINISTRATOR)
    caller, name = copied.caller(account), copied.helper_name("none")
    logs = copied.client(caller, "logs", home.region)
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    role = copied.create_role(account, copied.helper_name("trusting"), trust)
    insights = fill_in(
        INSIGHTS.request, lambda t: t.replace("{group}", home.group).replace("{name}", name)
    )
    named = f"arn:aws:logs:{home.region}:{home.account}:log-group:{name}"
    calls: list[tuple[tuple[str, ...], str, tuple[str, ...], Callable[[], object]]] = [
        (
            ("L21", "L23"),
            "logs:FilterLogEvents",
            tuple(home.group_arn + end for end in STREAM_ENDS),
            lambda: logs.filter_log_events(logGroupName=home.group),
        ),
        (
            ("L20",),
            "logs:DeleteLogGroup",
            tuple(home.group_arn + end for end in STREAM_ENDS),
            lambda: logs.delete_log_group(logGroupName=home.group),
        ),
        (
            ("L28",),
            "logs:CreateLogGroup",
            tuple(named + end for end in STREAM_ENDS),
            lambda: logs.create_log_group(logGroupName=name),
        ),
        (
            ("P16",),
            "sts:AssumeRole",
            (role,),
            lambda: copied.assume(caller, role, name="probe"),
        ),
        (
            INSIGHTS.rows,
            INSIGHTS.action,
            (f"arn:aws:cloudwatch:{copied.region}:{account}:insight-rule/{name}",),
            lambda: copied.client(caller, "cloudwatch").put_insight_rule(**insights),
        ),
    ]
    for rows, action, arns, call in calls:
        probe.denied(
            Subject(
                "caller-denials",
                rows,
                "a caller role can do no more with its records, whatever its account attaches",
                caller,
                action,
                arns[0],
                arns,
            ),
            call,
            twin=lambda: copied.assume_fleet(caller, fleet),
        )
