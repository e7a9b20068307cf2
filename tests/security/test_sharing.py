"""What CloudWatch would share between accounts: links, sinks, and what can be seen through them."""

from __future__ import annotations

import pytest

from harness.probes.absence import absent
from harness.probes.cast import Cast
from harness.probes.result import Recorder, Subject


def test_customers_link_to_nobody(probe: Recorder, cast: Cast, account: str, region: str) -> None:
    reader = cast.administrator(account)
    oam = cast.client(reader, "oam", region)
    subject = Subject(
        "links",
        ("O01", "O02"),
        "no link shows what a customer's account keeps to another account",
        reader,
        "oam:ListLinks",
        f"{account} in {region}",
        (),
    )
    absent(
        probe,
        subject,
        lambda: [i for p in oam.get_paginator("list_links").paginate() for i in p["Items"]],
    )


def test_operations_take_no_links(probe: Recorder, cast: Cast, region: str) -> None:
    reader = cast.administrator(cast.stage.environment.operations_account)
    oam = cast.client(reader, "oam", region)
    subject = Subject(
        "sinks",
        ("O01", "O03"),
        "the operations account has no sink that others could link to",
        reader,
        "oam:ListSinks",
        f"operations account in {region}",
        (),
    )
    absent(
        probe,
        subject,
        lambda: [i for p in oam.get_paginator("list_sinks").paginate() for i in p["Items"]],
    )


def test_operations_see_no_groups_of_others(probe: Recorder, cast: Cast, region: str) -> None:
    operations = cast.stage.environment.operations_account
    reader = cast.administrator(operations)
    logs = cast.client(reader, "logs", region)
    subject = Subject(
        "linked-groups",
        ("O01", "O05", "L01"),
        "the operations account sees no log group of another account",
        reader,
        "logs:DescribeLogGroups",
        f"operations account in {region}",
        (),
    )

    def foreign() -> list[str]:
        pages = logs.get_paginator("describe_log_groups").paginate(includeLinkedAccounts=True)
        arns = [group["arn"] for page in pages for group in page["logGroups"]]
        return [arn for arn in arns if arn.split(":")[4] != operations]

    absent(probe, subject, foreign)


@pytest.mark.changing("makes helper roles; tries changes in oam")
def test_a_link_cannot_be_made(probe: Recorder, cast: Cast, account: str) -> None:
    """There is no sink, and a customer cannot make operations have one."""
    operations = cast.stage.environment.operations_account
    region = cast.stage.homes[account].region
    attacker = cast.other_role(account)
    sink = f"arn:aws:oam:{region}:{operations}:sink/00000000-0000-0000-0000-000000000000"
    oam = cast.client(attacker, "oam", region)
    probe.denied(
        Subject(
            "links",
            ("O03",),
            "nobody can link an account to the operations account",
            attacker,
            "oam:CreateLink",
            "a sink of the operations account",
            # The guardrails refuse the link, the sink's policy whoever is not in it.
            (sink, f"arn:aws:oam:{region}:{account}:link/*"),
        ),
        lambda: oam.create_link(
            LabelTemplate="probe", ResourceTypes=["AWS::Logs::LogGroup"], SinkIdentifier=sink
        ),
        twin=oam.list_links,
    )
