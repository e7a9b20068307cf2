"""Every role of every guarded account, whoever made it: nobody becomes it but by design.

Attackers of other probes try what they know of. Here each role is listed and its trust is read, so
that one stranger by name, one service too many or a role that nobody thought of shows too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from harness.probes.cast import Cast
from harness.probes.result import Recorder, Subject
from harness.probes.trustees import SERVICE_LINKED, Design, beyond, caller_design, job_design

Role = Mapping[str, Any]


def roles_of(cast: Cast, account: str) -> list[Role]:
    """All roles of an account but those that only AWS can change."""
    iam = cast.client(cast.administrator(account), "iam")
    pages = iam.get_paginator("list_roles").paginate()
    listed = [role for page in pages for role in page["Roles"]]
    return [role for role in listed if not role["Path"].startswith(SERVICE_LINKED)]


def judge(
    probe: Recorder,
    cast: Cast,
    account: str,
    rows: tuple[str, ...],
    claim: str,
    designs: Mapping[str, Design],
    role: Callable[[Role], bool],
) -> None:
    """One verdict on the chosen roles of an account, each against its own design (by ARN) or else
    that of `""`."""
    chosen = [each for each in roles_of(cast, account) if role(each)]
    wanted = {arn for arn in designs if arn}
    found = {
        each["RoleName"]: beyond(
            each["AssumeRolePolicyDocument"],
            designs.get(each["Arn"])
            or job_design(designs[""], each["Arn"], cast.stage.environment.jobs),
        )
        for each in chosen
    }
    open_roles = {name: who for name, who in found.items() if who}
    complete = bool(chosen) and wanted <= {each["Arn"] for each in chosen}
    said = "; ".join(f"{name} lets in {', '.join(who)}" for name, who in open_roles.items())
    probe.state(
        Subject(
            "trustees",
            rows,
            claim,
            cast.administrator(account),
            "iam:ListRoles",
            f"{len(chosen)} roles of {account}",
            (f"arn:aws:iam::{account}:role/*",),
        ),
        expected="nobody else",
        observed="somebody else" if open_roles else "nobody else",
        holds=False if open_roles else complete or None,
        why=said or ("no trust names anybody else" if complete else "the list lacks a role"),
    )


def test_fleet_roles_trust_their_callers_only(probe: Recorder, cast: Cast) -> None:
    stage = cast.stage
    designs = {}
    for fleet in stage.fleets.values():
        homes = [home for home in stage.homes.values() if home.customer == fleet.customer]
        designs[fleet.role_arn] = Design(
            frozenset(home.account for home in homes),
            callers=frozenset(
                arn for home in homes for arn in (home.caller_role_arn, *home.further_callers)
            ),
        )
    judge(
        probe,
        cast,
        stage.environment.operations_account,
        ("T01", "T02", "T03", "T07", "T15", "T26", "T27", "T34", "T35", "T36"),
        "no fleet role trusts anybody but its customer's caller roles",
        designs,
        lambda role: role["Arn"] in designs,
    )


@pytest.mark.changing("makes helper roles")
def test_other_roles_of_operations_trust_nobody_outside(probe: Recorder, cast: Cast) -> None:
    operations = cast.stage.environment.operations_account
    cast.operations_role()  # one role at least
    fleet = frozenset(fleet.role_arn for fleet in cast.stage.fleets.values())
    judge(
        probe,
        cast,
        operations,
        ("T27", "T34", "C02"),
        "no other role of the operations account trusts anybody outside of it, or a fleet role",
        {"": Design(frozenset({operations}), None, never=fleet)},
        lambda role: role["Arn"] not in fleet,
    )


def test_a_caller_role_trusts_one_service_only(probe: Recorder, cast: Cast, account: str) -> None:
    home = cast.stage.homes[account]
    judge(
        probe,
        cast,
        account,
        ("T01", "T27", "T34", "T35"),
        "a caller role trusts the service that runs the application, and nobody else",
        {home.caller_role_arn: caller_design(home.caller, account)},
        lambda role: role["Arn"] == home.caller_role_arn,
    )


@pytest.mark.changing("makes helper roles")
def test_other_roles_of_a_customer_trust_nobody_outside(
    probe: Recorder, cast: Cast, account: str
) -> None:
    cast.other_role(account)  # one role at least
    home = cast.stage.homes[account]
    support = {
        grant.role_arn: Design(frozenset({account, *(p.split(":")[4] for p in grant.principals)}))
        for grant in home.support
    }
    own = home.caller_role_arn
    judge(
        probe,
        cast,
        account,
        ("L23", "L24", "L25", "T27", "T34"),
        "no other role of a customer's account trusts anybody outside of it, but support by grant",
        {"": Design(frozenset({account}), None), **support},
        lambda role: role["Arn"] != own,
    )
