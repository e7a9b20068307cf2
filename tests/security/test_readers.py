"""Who can read a customer's records from outside its account: nobody, by any call that could name
them, and through no role that AWS's own set-ups leave open."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from harness.probes.cast import Actor, Cast
from harness.probes.records import strangers
from harness.probes.result import Recorder, Subject
from harness.probes.stage import Home

READS = ("FilterLogEvents", "GetLogEvents", "DescribeLogStreams", "StartQuery", "StartLiveTail")
OWN = ("", ":*", ":log-stream:", ":log-stream:*", ":log-stream:probe")

# Roles that AWS Organizations, Control Tower and CloudWatch make in accounts, and whom they trust.
OPEN_ROLES = {
    "OrganizationAccountAccessRole": ("L24",),
    "AWSControlTowerExecution": ("L24",),
    "CloudWatch-CrossAccountSharingRole": ("L25",),
}


def calls(cast: Cast, who: Actor, home: Home) -> dict[str, Callable[[], object]]:
    """Reads that name a group of another account by its ARN."""
    logs = cast.client(who, "logs", home.region)
    now = int(time.time())

    def tail() -> None:
        for _ in logs.start_live_tail(logGroupIdentifiers=[home.group_arn])["responseStream"]:
            return

    return {
        "FilterLogEvents": lambda: logs.filter_log_events(logGroupIdentifier=home.group_arn),
        "GetLogEvents": lambda: logs.get_log_events(
            logGroupIdentifier=home.group_arn, logStreamName="probe"
        ),
        "DescribeLogStreams": lambda: logs.describe_log_streams(logGroupIdentifier=home.group_arn),
        "StartQuery": lambda: logs.start_query(
            logGroupIdentifiers=[home.group_arn],
            startTime=now - 60,
            endTime=now,
            queryString="fields @message",
        ),
        "StartLiveTail": tail,
    }


@pytest.mark.parametrize("operation", READS)
@pytest.mark.changing("makes helper roles")
def test_nobody_outside_reads_records(
    probe: Recorder, cast: Cast, account: str, operation: str
) -> None:
    home = cast.stage.homes[account]
    for actor in strangers(cast, account):
        probe.denied(
            Subject(
                "foreign-records",
                ("L21", "L23", "O01"),
                "nobody outside of a customer's account can read its records",
                actor,
                f"logs:{operation}",
                home.group,
                tuple(home.group_arn + end for end in OWN),
            ),
            calls(cast, actor, home)[operation],
            twin=lambda actor=actor: cast.assume_control(actor),  # type: ignore[misc]
        )


@pytest.mark.parametrize("name", list(OPEN_ROLES))
@pytest.mark.changing("makes helper roles")
def test_no_ready_made_role_lets_others_in(
    probe: Recorder, cast: Cast, account: str, name: str
) -> None:
    arn = f"arn:aws:iam::{account}:role/{name}"
    for actor in strangers(cast, account):
        probe.denied(
            Subject(
                "ready-made-role",
                OPEN_ROLES[name],
                "no role that AWS's set-ups make lets anybody into a customer's account",
                actor,
                "sts:AssumeRole",
                f"{name} of {account}",
                (arn,),
            ),
            lambda actor=actor: cast.assume(actor, arn, name="probe"),  # type: ignore[misc]
            twin=lambda actor=actor: cast.assume_control(actor),  # type: ignore[misc]
        )
