"""Who can assume which fleet role.

Every attacker knows the external id and how sessions must be named, unless that is what is probed.
"""

from __future__ import annotations

import secrets

import pytest

from harness.probes.cast import Actor, Cast
from harness.probes.result import Recorder, Subject
from harness.probes.stage import Fleet

# The ways a trust policy lets in somebody of another account.
OTHER_ACCOUNT = ("T01", "T02", "T03", "T04", "T10", "T11", "T26", "T27")
# The ways it lets in an account outside the organization.
OUTSIDE = ("T01", "T03", "T04", "T10", "T11", "T27")
NO_ORGANIZATION = (*OUTSIDE, "T28", "T29", "T30")
NO_ID = ("T15", "T16", "T17", "T19", "T25")


def assume(probe: str, rows: tuple[str, ...], claim: str, who: Actor, fleet: Fleet) -> Subject:
    return Subject(probe, rows, claim, who, "sts:AssumeRole", fleet.customer, (fleet.role_arn,))


def cell(rows: tuple[str, ...], claim: str, who: Actor, fleet: Fleet) -> Subject:
    """A probe that is a cell of the trust matrix."""
    return Subject(
        "assume-role", rows, claim, who, "sts:AssumeRole", fleet.customer, (fleet.role_arn,), True
    )


def test_caller_assumes_its_own_fleet_role(probe: Recorder, cast: Cast, account: str) -> None:
    fleet, caller = cast.stage.fleet_of(account), cast.caller(account)
    subject = cell(
        ("T14", "T24", "T26"), "a caller role can assume its own fleet role", caller, fleet
    )
    probe.allowed(subject, lambda: cast.assume_fleet(caller, fleet))


def test_caller_cannot_assume_another_fleet_role(
    probe: Recorder, cast: Cast, foreign: tuple[str, str]
) -> None:
    account, customer = foreign
    own, fleet, caller = (
        cast.stage.fleet_of(account),
        cast.stage.fleets[customer],
        cast.caller(account),
    )
    probe.denied(
        cell(OTHER_ACCOUNT, "a caller role cannot assume another fleet role", caller, fleet),
        lambda: cast.assume_fleet(caller, fleet),
        twin=lambda: cast.assume_fleet(caller, own),
    )


def test_freed_caller_cannot_assume_another_fleet_role(
    probe: Recorder, hostile: Cast, foreign: tuple[str, str]
) -> None:
    """The trust policy alone must hold: the customer can rewrite its caller role's own policies."""
    account, customer = foreign
    own, fleet, caller = (
        hostile.stage.fleet_of(account),
        hostile.stage.fleets[customer],
        hostile.caller(account),
    )
    probe.denied(
        assume(
            "assume-role-freed",
            OTHER_ACCOUNT,
            "a caller role with every right its customer can give cannot assume another fleet role",
            caller,
            fleet,
        ),
        lambda: hostile.assume_fleet(caller, fleet),
        twin=lambda: hostile.assume_fleet(caller, own),
    )


@pytest.mark.changing("makes helper roles")
def test_other_role_cannot_assume_a_fleet_role(
    probe: Recorder, cast: Cast, account: str, customer: str
) -> None:
    fleet, other = cast.stage.fleets[customer], cast.other_role(account)
    own = cast.stage.fleet_of(account) is fleet
    rows = ("T07", "T12", "T13", "T14", "T25") if own else OTHER_ACCOUNT
    probe.denied(
        cell(rows, "no role but the caller role can assume a fleet role", other, fleet),
        lambda: cast.assume_fleet(other, fleet),
        twin=lambda: cast.assume_control(other),
    )


@pytest.mark.changing("makes helper roles")
def test_user_cannot_assume_a_fleet_role(
    probe: Recorder, cast: Cast, account: str, customer: str
) -> None:
    fleet, user = cast.stage.fleets[customer], cast.user(account)
    own = cast.stage.fleet_of(account) is fleet
    rows = ("T07", "T12", "T13", "T25") if own else OTHER_ACCOUNT
    probe.denied(
        cell(rows, "no IAM user can assume a fleet role", user, fleet),
        lambda: cast.assume_fleet(user, fleet),
        twin=lambda: cast.assume_control(user),
    )


def test_further_callers_are_callers_of_their_account_and_customer_alone(
    probe: Recorder, copied: Cast, further: tuple[str, str]
) -> None:
    """The role is made here, as its customer makes it, and so is its namesake in other accounts."""
    account, role = further
    own, caller = copied.stage.fleet_of(account), copied.role_named(account, role)
    probe.allowed(
        assume(
            "assume-role-further",
            ("T14", "T46"),
            "a further caller role that is listed can assume its fleet role",
            caller,
            own,
        ),
        lambda: copied.assume_fleet(caller, own),
    )
    for fleet in copied.stage.fleets.values():
        if fleet is own:
            continue
        probe.denied(
            assume(
                "assume-role-further",
                OTHER_ACCOUNT,
                "a further caller role cannot assume another fleet role",
                caller,
                fleet,
            ),
            lambda fleet=fleet: copied.assume_fleet(caller, fleet),  # type: ignore[misc]
            twin=lambda: copied.assume_fleet(caller, own),
        )
    for home in copied.stage.homes.values():
        if home.account == account:
            continue
        namesake = copied.role_named(home.account, role)
        probe.denied(
            assume(
                "assume-role-further",
                ("T10", "T26", "T46"),
                "a role of a further caller's name in another account cannot assume its fleet role",
                namesake,
                own,
            ),
            lambda namesake=namesake: copied.assume_fleet(namesake, own),  # type: ignore[misc]
            twin=lambda namesake=namesake: copied.assume_control(namesake),  # type: ignore[misc]
        )


@pytest.mark.changing("makes helper roles")
def test_outsider_cannot_assume_a_fleet_role(
    probe: Recorder, cast: Cast, outsider: str, customer: str
) -> None:
    fleet, attacker = cast.stage.fleets[customer], cast.outsider(outsider)
    rows = NO_ORGANIZATION if outsider == "no organization" else OUTSIDE
    whose = "the management account" if outsider == "management" else f"an account of {outsider}"
    probe.denied(
        cell(rows, f"{whose} cannot assume a fleet role", attacker, fleet),
        lambda: cast.assume_fleet(attacker, fleet),
        twin=lambda: cast.assume_control(attacker),
    )


@pytest.mark.parametrize("who", ["administrator", "role"])
@pytest.mark.changing("makes helper roles")
def test_operations_cannot_assume_a_fleet_role(
    probe: Recorder, cast: Cast, who: str, customer: str
) -> None:
    fleet = cast.stage.fleets[customer]
    operator = (
        cast.operations_role()
        if who == "role"
        else cast.administrator(cast.stage.environment.operations_account)
    )
    probe.denied(
        cell(("T36", "C02"), "operators cannot act as a customer", operator, fleet),
        lambda: cast.assume_fleet(operator, fleet),
        twin=lambda: cast.assume_control(operator),
    )


def test_external_id_is_required(probe: Recorder, cast: Cast, account: str) -> None:
    fleet, caller = cast.stage.fleet_of(account), cast.caller(account)
    probe.denied(
        assume(
            "external-id-missing",
            NO_ID,
            "the fleet role cannot be assumed without its external id",
            caller,
            fleet,
        ),
        lambda: cast.assume(caller, fleet.role_arn, name=cast.session_name(account)),
        twin=lambda: cast.assume_fleet(caller, fleet),
    )


@pytest.mark.parametrize("kind", ["random", "longer", "shorter", "other case"])
def test_external_id_must_be_exact(probe: Recorder, cast: Cast, account: str, kind: str) -> None:
    right = cast.stage.fleet_of(account).external_id
    wrong = {
        "random": secrets.token_hex(16),
        "longer": right + "x",
        "shorter": right[:-1],
        "other case": right.swapcase(),
    }[kind]
    refuse_external_id(probe, cast, account, wrong, kind)


def test_external_id_of_another_customer(
    probe: Recorder, cast: Cast, foreign: tuple[str, str]
) -> None:
    account, customer = foreign
    refuse_external_id(
        probe, cast, account, cast.stage.fleets[customer].external_id, "another customer's"
    )


def refuse_external_id(probe: Recorder, cast: Cast, account: str, wrong: str, kind: str) -> None:
    fleet, caller = cast.stage.fleet_of(account), cast.caller(account)
    probe.hide(wrong)
    probe.denied(
        assume(
            "external-id-wrong",
            ("T18", "T20"),
            f"the fleet role cannot be assumed with a wrong external id ({kind})",
            caller,
            fleet,
        ),
        lambda: cast.assume(
            caller, fleet.role_arn, external_id=wrong, name=cast.session_name(account)
        ),
        twin=lambda: cast.assume_fleet(caller, fleet),
    )


@pytest.mark.parametrize("kind", ["free text", "another account", "account only", "other case"])
def test_session_name_must_carry_the_account(
    probe: Recorder, cast: Cast, account: str, kind: str
) -> None:
    fleet, caller = cast.stage.fleet_of(account), cast.caller(account)
    probes = cast.stage.environment.probes
    other = next((a for a in cast.stage.homes if a != account), probes.control)
    name = {
        "free text": "ssn-123",
        "another account": cast.session_name(other),
        "account only": f"t-{account}",
        "other case": cast.session_name(account).upper(),
    }[kind]
    probe.denied(
        assume(
            "session-name",
            ("T42", "T46"),
            f"a session must be named after the caller's account ({kind})",
            caller,
            fleet,
        ),
        lambda: cast.assume(caller, fleet.role_arn, external_id=fleet.external_id, name=name),
        twin=lambda: cast.assume_fleet(caller, fleet),
    )


@pytest.mark.parametrize("kind", ["tag", "tag of another name", "transitive tag"])
def test_session_tags_are_refused(probe: Recorder, hostile: Cast, account: str, kind: str) -> None:
    fleet, caller = hostile.stage.fleet_of(account), hostile.caller(account)
    key = "CostCenter" if kind == "tag of another name" else "bulkhead:customer"
    transitive = (key,) if kind == "transitive tag" else ()
    probe.denied(
        Subject(
            "session-tags",
            ("T05", "T06", "T37", "T38", "T39", "T40", "T41"),
            f"a caller cannot put tags on its session ({kind})",
            caller,
            "sts:TagSession",
            fleet.customer,
            (fleet.role_arn,),
        ),
        lambda: hostile.assume_fleet(
            caller, fleet, tags={key: "somebody else"}, transitive=transitive
        ),
        twin=lambda: hostile.assume_fleet(caller, fleet),
    )


def test_source_identity_is_refused(probe: Recorder, hostile: Cast, account: str) -> None:
    fleet, caller = hostile.stage.fleet_of(account), hostile.caller(account)
    probe.denied(
        Subject(
            "source-identity",
            ("T05", "T06", "T43"),
            "a caller cannot choose a source identity",
            caller,
            "sts:SetSourceIdentity",
            fleet.customer,
            (fleet.role_arn,),
        ),
        lambda: hostile.assume_fleet(caller, fleet, source_identity="somebody-else"),
        twin=lambda: hostile.assume_fleet(caller, fleet),
    )


def test_external_ids_differ(probe: Recorder, cast: Cast) -> None:
    ids = {fleet.external_id for fleet in cast.stage.fleets.values()}
    short = [f.customer for f in cast.stage.fleets.values() if len(f.external_id) < 32]
    probe.state(
        Subject(
            "external-ids",
            ("T20", "T21"),
            "each customer has an external id of its own, too long to guess",
            cast.administrator(cast.stage.environment.operations_account),
            "compare",
            "all customers",
            (),
        ),
        expected="different",
        observed="different" if len(ids) == len(cast.stage.fleets) else "shared",
        holds=len(ids) == len(cast.stage.fleets) and not short,
        why=f"{len(ids)} external ids for {len(cast.stage.fleets)} customers"
        + (f"; short: {', '.join(short)}" if short else ""),
        note="No call was made: compared are the external ids that Terraform made, here in memory.",
    )
