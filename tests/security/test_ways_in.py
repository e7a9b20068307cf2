"""Ways into a customer's account, and into the operations account, past the fleet roles."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from harness.probes.bedrock import converse
from harness.probes.cast import OUTSIDERS, PROBES, Actor, Cast
from harness.probes.result import Recorder, Subject

SERVICE_LINKED = "/aws-service-role/"


def strangers(cast: Cast, account: str) -> Iterator[tuple[Actor, Callable[[], object]]]:
    """Everybody whom an account must not let in, each with a call of its that must succeed."""
    stage = cast.stage
    for other in stage.homes:
        if other != account:
            actor = cast.other_role(other)
            yield actor, lambda actor=actor: cast.assume_control(actor)  # type: ignore[misc]
    for name in OUTSIDERS:
        actor = cast.outsider(name)
        yield actor, lambda actor=actor: cast.assume_control(actor)  # type: ignore[misc]
    actor = cast.operations_role()
    yield actor, lambda actor=actor: cast.assume_control(actor)  # type: ignore[misc]
    for home in stage.homes:
        actor, profile = cast.fleet(home), stage.fleet_of(home).profile
        yield actor, lambda a=actor, p=profile: converse(cast, a, p)  # type: ignore[misc]


@pytest.mark.changing("makes helper roles")
def test_nobody_becomes_a_caller_role(probe: Recorder, cast: Cast, account: str) -> None:
    """Only the service that runs the application does; not even another role of the account."""
    home = cast.stage.homes[account]
    own = cast.other_role(account)
    everybody = [(own, lambda: cast.assume_control(own)), *strangers(cast, account)]
    for actor, twin in everybody:
        probe.denied(
            Subject(
                "caller-role",
                ("T01", "T02", "T07", "T27", "C01"),
                "nobody but the application's service can become a caller role",
                actor,
                "sts:AssumeRole",
                f"caller role of {home}",
                (home.caller_role_arn,),
            ),
            lambda actor=actor: cast.assume(actor, home.caller_role_arn, name="probe"),  # type: ignore[misc]
            twin=twin,
        )


@pytest.mark.parametrize("operation", ["Encrypt", "DescribeKey"])
@pytest.mark.changing("makes helper roles")
def test_nobody_uses_a_customers_key(
    probe: Recorder, cast: Cast, account: str, operation: str
) -> None:
    home = cast.stage.homes[account]

    def call(actor: Actor) -> object:
        kms = cast.client(actor, "kms", home.region)
        if operation == "Encrypt":
            return kms.encrypt(KeyId=home.key_arn, Plaintext=b"probe")
        return kms.describe_key(KeyId=home.key_arn)

    for actor, twin in strangers(cast, account):
        probe.denied(
            Subject(
                "key",
                ("K01", "K06"),
                "nobody outside of a customer's account can use its key",
                actor,
                f"kms:{operation}",
                f"key of {home}",
                (home.key_arn,),
            ),
            lambda actor=actor: call(actor),  # type: ignore[misc]
            twin=twin,
        )


def test_caller_uses_its_key_through_logs_only(probe: Recorder, cast: Cast, account: str) -> None:
    home, caller = cast.stage.homes[account], cast.caller(account)
    kms = cast.client(caller, "kms", home.region)
    probe.denied(
        Subject(
            "key",
            ("K07",),
            "a caller role can use its key through CloudWatch Logs only",
            caller,
            "kms:Encrypt",
            f"key of {home}",
            (home.key_arn,),
        ),
        lambda: kms.encrypt(KeyId=home.key_arn, Plaintext=b"probe"),
        twin=lambda: cast.assume_fleet(caller, cast.stage.fleet_of(account)),
    )


@pytest.mark.changing("makes helper roles")
def test_nobody_assumes_another_role_of_operations(probe: Recorder, cast: Cast) -> None:
    """Every role of the operations account, whoever made it, but the fleet's and AWS's own."""
    operations = cast.stage.environment.operations_account
    helper = cast.operations_role_arn
    fleet = {f.role_arn for f in cast.stage.fleets.values()}
    iam = cast.client(cast.administrator(operations), "iam")
    roles = [
        role["Arn"]
        for page in iam.get_paginator("list_roles").paginate()
        for role in page["Roles"]
        if role["Arn"] not in fleet and not role["Path"].startswith(SERVICE_LINKED)
    ]
    assert helper in roles, "the list of roles lacks a role that is there"
    attackers = [cast.other_role(account) for account in cast.stage.homes]
    attackers += [cast.outsider(name) for name in OUTSIDERS]
    # Roles that others made for the time of their probes come and go, some at paths of ours.
    for role in sorted(r for r in roles if r == helper or PROBES not in r):
        for actor in attackers:
            probe.denied(
                Subject(
                    "operations-role",
                    ("T01", "T02", "C02"),
                    "no role of the operations account but its fleet role lets a customer in",
                    actor,
                    "sts:AssumeRole",
                    role.partition(":role")[2],
                    (role,),
                ),
                lambda actor=actor, role=role: cast.assume(actor, role, name="probe"),  # type: ignore[misc]
                twin=lambda actor=actor: cast.assume_control(actor),  # type: ignore[misc]
            )
