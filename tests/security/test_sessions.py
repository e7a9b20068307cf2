"""Sessions of fleet roles: how long they last, what ends them, and what more rights would change.

What must be changed for this is changed in a copy of the cloud.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from harness.probes.bedrock import converse
from harness.probes.cast import Actor, Cast
from harness.probes.result import Recorder, Subject
from harness.probes.stage import Fleet
from harness.probes.trustees import lasting_ids
from harness.probes.unguarded import unguarded

ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
DENY_ALL = "arn:aws:iam::aws:policy/AWSDenyAll"
INVOKE = "bedrock:InvokeModel"
GLOBAL = "us-east-1"
"""What requests to the global endpoint of STS are signed for."""


def test_chained_sessions_last_an_hour(probe: Recorder, cast: Cast, account: str) -> None:
    fleet, caller = cast.stage.fleet_of(account), cast.caller(account)
    sts = cast.client(caller, "sts")

    def assume(seconds: int) -> None:
        sts.assume_role(
            RoleArn=fleet.role_arn,
            RoleSessionName=cast.session_name(account),
            ExternalId=fleet.external_id,
            DurationSeconds=seconds,
        )

    probe.refused(
        Subject(
            "session-length",
            ("C04", "T44"),
            "a session of a fleet role lasts an hour at most",
            caller,
            "sts:AssumeRole",
            fleet.customer,
            (fleet.role_arn,),
        ),
        lambda: assume(7200),
        code="ValidationError",
        says="DurationSeconds exceeds",
        twin=lambda: assume(3600),
    )


def test_the_global_endpoint_gives_no_more(probe: Recorder, cast: Cast, account: str) -> None:
    """Requests to the global endpoint of STS are of us-east-1, and what they give is good in every
    Region: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_region-endpoints.html
    """
    fleet, caller = cast.stage.fleet_of(account), cast.caller(account)
    answer = cast.client(caller, "sts", GLOBAL).assume_role(
        RoleArn=fleet.role_arn,
        RoleSessionName=cast.session_name(account),
        ExternalId=fleet.external_id,
    )
    session = Actor(
        label=f"{fleet.customer} fleet role for {account}, by way of {GLOBAL}",
        kind="fleet",
        account=fleet.role_arn.split(":")[4],
        arn=answer["AssumedRoleUser"]["Arn"],
        session=cast.stage.target.assumed(answer["Credentials"]),
    )
    probe.denied(
        Subject(
            "global-endpoint",
            ("C09",),
            "a session from where STS answers for all Regions calls no model in another one",
            session,
            INVOKE,
            f"{fleet.model} in {GLOBAL}",
            (f"arn:aws:bedrock:{GLOBAL}::foundation-model/{fleet.model}",),
        ),
        lambda: converse(cast, session, fleet.model, GLOBAL),
        twin=lambda: converse(cast, session, fleet.profile),
    )


def test_fleet_roles_last_an_hour(probe: Recorder, cast: Cast, customer: str) -> None:
    """Also for a caller that is no role, whose sessions could last longer."""
    fleet = cast.stage.fleets[customer]
    reader = cast.administrator(cast.stage.environment.operations_account)
    role = cast.client(reader, "iam").get_role(RoleName=fleet.role_name)["Role"]
    seconds = role["MaxSessionDuration"]
    probe.state(
        Subject(
            "session-length",
            ("T44",),
            "no session of a fleet role lasts longer than an hour",
            reader,
            "iam:GetRole",
            customer,
            (fleet.role_arn,),
        ),
        expected="3600 s",
        observed=f"{seconds} s",
        holds=seconds <= 3600,
        why=f"MaxSessionDuration is {seconds} s",
    )


def test_trust_says_nothing_else(probe: Recorder, cast: Cast, customer: str) -> None:
    """Whom a fleet role trusts, read as it stands: no services, no federation, no key that is
    absent where it matters."""
    fleet = cast.stage.fleets[customer]
    reader = cast.administrator(cast.stage.environment.operations_account)
    role = cast.client(reader, "iam").get_role(RoleName=fleet.role_name)["Role"]
    trust: dict[str, Any] = role["AssumeRolePolicyDocument"]
    # What is denied besides, such as an id that was replaced from its end on, opens nothing.
    statements = [each for each in trust["Statement"] if each["Effect"] != "Deny"]
    accounts = {h.account for h in cast.stage.homes.values() if h.customer == customer}
    strange = sorted({what for s in statements for what in _strange(s, accounts)})
    if len(lasting_ids(trust)) > 1:
        strange.append("an external id that was replaced and never ends")
    probe.state(
        Subject(
            "trust-shape",
            ("T23", "T31", "T32", "T33", "T34", "T35"),
            "a fleet role trusts its customer's accounts, by exact caller, and nobody else",
            reader,
            "iam:GetRole",
            customer,
            (fleet.role_arn,),
        ),
        expected="exact callers",
        observed="exact callers" if not strange else "something else",
        holds=bool(statements) and not strange,
        why=f"beside exact callers: {', '.join(strange)}"
        if strange
        else f"{len(statements)} statement for {len(accounts)} accounts",
    )


_EXACT = {
    "StringEquals": {"aws:PrincipalArn", "sts:ExternalId"},
    "StringLike": {"sts:RoleSessionName"},
}


def _strange(statement: dict[str, Any], accounts: set[str]) -> list[str]:
    """What a statement says beside the design."""
    found = [member for member in ("NotPrincipal", "NotAction") if member in statement]
    principal = statement.get("Principal", {})
    if not isinstance(principal, dict):
        return [*found, f"Principal {principal}"]
    found += [f"Principal {kind}" for kind in principal if kind != "AWS"]
    trusted = principal.get("AWS", [])
    for arn in [trusted] if isinstance(trusted, str) else trusted:
        if arn not in {f"arn:aws:iam::{account}:root" for account in accounts}:
            found.append(f"Principal {arn}")
    condition: dict[str, dict[str, Any]] = statement.get("Condition", {})
    for operator, keys in condition.items():
        found += [f"{operator} {key}" for key in keys if key not in _EXACT.get(operator, ())]
    for operator, keys in _EXACT.items():
        missing = keys - condition.get(operator, {}).keys()
        found += [f"no {operator} {key}" for key in sorted(missing)]
    return found


def test_a_recreated_caller_role_is_trusted_again(
    probe: Recorder, copied: Cast, account: str
) -> None:
    """The pin is to a name: a customer that makes its role anew needs nobody else's help. What
    that means for a customer that lets others make roles, its README says."""
    home, fleet = copied.stage.homes[account], copied.stage.fleet_of(account)
    copied.assume_fleet(copied.caller(account), fleet)
    recreate(copied, account)
    caller = copied.become(home.caller_role_arn, home.caller, f"{home} recreated caller", "caller")
    probe.allowed(
        Subject(
            "recreated-caller",
            ("T08", "T09"),
            "a caller role that its customer made anew can assume the fleet role",
            caller,
            "sts:AssumeRole",
            fleet.customer,
            (fleet.role_arn,),
        ),
        lambda: copied.assume_fleet(caller, fleet),
    )


def recreate(cast: Cast, account: str) -> None:
    """Delete the caller role and make it again, with another id."""
    home = cast.stage.homes[account]
    iam = cast.client(cast.administrator(account), "iam")
    name = home.caller_role_name
    role = iam.get_role(RoleName=name)["Role"]
    for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        iam.delete_role_policy(RoleName=name, PolicyName=policy)
    for profile in iam.list_instance_profiles_for_role(RoleName=name)["InstanceProfiles"]:
        iam.remove_role_from_instance_profile(
            InstanceProfileName=profile["InstanceProfileName"], RoleName=name
        )
    iam.delete_role(RoleName=name)
    again = iam.create_role(
        RoleName=name,
        Path=role["Path"],
        AssumeRolePolicyDocument=json.dumps(role["AssumeRolePolicyDocument"]),
    )["Role"]
    assert again["RoleId"] != role["RoleId"]
    assume = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}
    iam.put_role_policy(
        RoleName=name,
        PolicyName="assume",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [assume]}),
    )


def stop_policy(cast: Cast, fleet: Fleet) -> str:
    """The policy that stops whoever spends too much; AWS's own where nobody is limited."""
    account = cast.stage.environment.operations_account
    iam = cast.client(cast.administrator(account), "iam")
    own = f"arn:aws:iam::{account}:policy/bulkhead/fleet/bulkhead-spend-{fleet.region}-stop"
    try:
        iam.get_policy(PolicyArn=own)
    except iam.exceptions.NoSuchEntityException:
        return DENY_ALL
    return own


def test_a_stop_reaches_running_sessions(probe: Recorder, copied: Cast, account: str) -> None:
    fleet, session = copied.stage.fleet_of(account), copied.fleet(account)
    converse(copied, session, fleet.profile)
    operations = copied.administrator(copied.stage.environment.operations_account)
    with unguarded(copied, operations.account):
        copied.client(operations, "iam").attach_role_policy(
            RoleName=fleet.role_name, PolicyArn=stop_policy(copied, fleet)
        )
    sts = copied.client(session, "sts")
    probe.denied(
        Subject(
            "stopped-session",
            ("C05",),
            "a stop ends what sessions that are running already can do",
            session,
            INVOKE,
            f"{fleet.customer}'s profile of {fleet.model}",
            (fleet.profile,),
        ),
        lambda: converse(copied, session, fleet.profile),
        twin=sts.get_caller_identity,
    )


@pytest.fixture
def administrator(copied: Cast, account: str) -> Actor:
    """A session of a fleet role that has lost its own policy for all rights of an administrator."""
    fleet = copied.stage.fleet_of(account)
    operations = copied.administrator(copied.stage.environment.operations_account)
    iam = copied.client(operations, "iam")
    with unguarded(copied, operations.account):
        for name in iam.list_role_policies(RoleName=fleet.role_name)["PolicyNames"]:
            iam.delete_role_policy(RoleName=fleet.role_name, PolicyName=name)
        iam.attach_role_policy(RoleName=fleet.role_name, PolicyArn=ADMINISTRATOR)
    return copied.fleet(account)


def test_boundary_holds_whatever_is_attached(
    probe: Recorder, copied: Cast, administrator: Actor, account: str
) -> None:
    fleet = copied.stage.fleet_of(account)
    operations = copied.stage.environment.operations_account
    for action, arns, call in beyond(copied, administrator, fleet):
        probe.denied(
            Subject(
                "boundary",
                ("P39", "P01", "P02", "P09"),
                "a fleet role with an administrator's policy can do no more than before",
                administrator,
                action,
                arns[0].replace(operations, "operations account"),
                arns,
            ),
            call,
            twin=lambda: converse(copied, administrator, fleet.profile),
        )


def beyond(
    cast: Cast, who: Actor, fleet: Fleet
) -> list[tuple[str, tuple[str, ...], Callable[[], object]]]:
    """Things that an administrator could do and a fleet role must not."""
    operations = cast.stage.environment.operations_account
    bedrock = cast.client(who, "bedrock", fleet.region)
    foreign = [f.profile for f in cast.stage.fleets.values() if f is not fleet]
    return [
        (
            "iam:ListRoles",
            (f"arn:aws:iam::{operations}:role/", "*"),
            cast.client(who, "iam").list_roles,
        ),
        ("s3:ListAllMyBuckets", ("*", "arn:aws:s3:::*"), cast.client(who, "s3").list_buckets),
        (
            "bedrock:GetModelInvocationLoggingConfiguration",
            ("*",),
            bedrock.get_model_invocation_logging_configuration,
        ),
        (INVOKE, (fleet.model_arn,), lambda: converse(cast, who, fleet.model)),
        *((INVOKE, (arn,), lambda arn=arn: converse(cast, who, arn)) for arn in foreign),  # type: ignore[misc]
    ]
