"""Limits on what a customer spends: past one, it is stopped, and nobody besides."""

from __future__ import annotations

from typing import Any

from harness.probes.bedrock import converse
from harness.probes.cast import Cast
from harness.probes.result import Recorder, Subject
from harness.probes.stage import Fleet

# Kinds of tokens that are paid for; the last part of an alarm's name. Calls may be limited beside.
KINDS = frozenset({"input", "output", "cache-read", "cache-write"})


def alarms(cast: Cast, fleet: Fleet, region: str) -> list[dict[str, Any]]:
    """The alarms in a Region that stop a customer."""
    operations = cast.administrator(cast.stage.environment.operations_account)
    pages = cast.client(operations, "cloudwatch", region).get_paginator("describe_alarms")
    named = pages.paginate(AlarmNamePrefix=f"bulkhead-spend.{fleet.role_name}.")
    return [alarm for page in named for alarm in page["MetricAlarms"]]


def test_limits_count_all_tokens(probe: Recorder, cast: Cast, limited: str) -> None:
    """Of every kind, through every profile, wherever the customer calls models."""
    fleet = cast.stage.fleets[limited]
    for region, profiles in fleet.profiles_by_region.items():
        found = alarms(cast, fleet, region)
        kinds = {alarm["AlarmName"].rpartition(".")[2] for alarm in found}
        wanted = {arn.rpartition("/")[2] for arn in profiles.values()}
        blind = [alarm["AlarmName"] for alarm in found if watched(alarm) != wanted]
        probe.state(
            Subject(
                "limit-alarms",
                ("B21",),
                "tokens of every kind count toward a customer's limit, through all its profiles",
                cast.administrator(cast.stage.environment.operations_account),
                "cloudwatch:DescribeAlarms",
                f"limits of {limited} in {region}",
                (fleet.role_arn,),
            ),
            expected="all are counted",
            observed="all are counted" if kinds >= KINDS and not blind else "some are not",
            holds=kinds >= KINDS and not blind,
            why=f"{len(found)} alarms: not counted {', '.join(sorted(KINDS - kinds)) or 'is none'}"
            f"{', blind or silent are ' + ', '.join(blind) if blind else ''}",
        )


def watched(alarm: dict[str, Any]) -> set[str]:
    """The profiles that an alarm adds up; none where it is switched off."""
    if not alarm["ActionsEnabled"]:
        return set()
    metrics = [each["MetricStat"]["Metric"] for each in alarm["Metrics"] if "MetricStat" in each]
    return {d["Value"] for metric in metrics for d in metric["Dimensions"]}


def test_a_limit_stops_its_customer(probe: Recorder, copied: Cast, limited: str) -> None:
    """Sessions that are running included."""
    fleet = copied.stage.fleets[limited]
    homes = list(copied.stage.homes.values())
    own = next(home for home in homes if home.customer == limited)
    session = copied.fleet(own.account)
    converse(copied, session, fleet.profile)
    operations = copied.administrator(copied.stage.environment.operations_account)
    cloudwatch = copied.client(operations, "cloudwatch", fleet.region)
    for alarm in alarms(copied, fleet, fleet.region)[:1]:
        cloudwatch.set_alarm_state(
            AlarmName=alarm["AlarmName"], StateValue="ALARM", StateReason="probe"
        )
    probe.denied(
        Subject(
            "limit-stops",
            ("B21", "C05"),
            "a customer that passes a limit is stopped, running sessions included",
            session,
            "bedrock:InvokeModel",
            f"{limited}'s profile of {fleet.model}",
            (fleet.profile,),
        ),
        lambda: converse(copied, session, fleet.profile),
        twin=copied.client(session, "sts").get_caller_identity,
    )
    others = [home for home in homes if home.customer != limited]
    for home in others[:1]:
        other, profile = copied.fleet(home.account), copied.stage.fleet_of(home.account).profile
        probe.allowed(
            Subject(
                "limit-spares",
                ("B21",),
                "whoever has passed no limit goes on",
                other,
                "bedrock:InvokeModel",
                f"profile of {home.customer}",
                (profile,),
            ),
            lambda other=other, profile=profile: converse(copied, other, profile),  # type: ignore[misc]
        )
