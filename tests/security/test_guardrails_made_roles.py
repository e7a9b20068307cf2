"""Roles that the deploy role of operations makes for itself: they do their duty and nothing else.

Whoever deploys makes fleet roles with boundaries of its own making, and roles that stop spending.
Here it makes one of each with all that it can give, in a copy of the cloud, and somebody else who
has every right in operations becomes it.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable

from harness.probes.bedrock import converse
from harness.probes.cast import ANYTHING, Actor, Cast
from harness.probes.result import Recorder, Subject
from harness.probes.unguarded import unguarded

Tried = tuple[tuple[str, ...], str, str, tuple[str, ...], Callable[[], object]]
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
FLEET, SPEND = "/bulkhead/fleet/", "/bulkhead/spend/"


def made(copied: Cast, path: str, boundary: str) -> Actor:
    """A role at that path, made by the deploy role with that boundary, trust in a role of
    operations and an inline policy of everything; as that other role becomes it."""
    account = copied.stage.environment.operations_account
    deployer, other = copied.deployer("deploy", account), copied.operations_role()
    iam, name = copied.client(deployer, "iam"), copied.helper_name("made")
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": copied.operations_role_arn},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    role = iam.create_role(
        RoleName=name,
        Path=path,
        AssumeRolePolicyDocument=json.dumps(trust),
        PermissionsBoundary=boundary,
    )["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="anything", PolicyDocument=ANYTHING)
    answer = copied.assume(other, role, name="probe")
    return Actor(
        label=f"role that the deploy role made at {path}",
        kind="made",
        account=account,
        arn=answer["AssumedRoleUser"]["Arn"],
        session=copied.stage.target.assumed(answer["Credentials"]),
    )


def policy_of_anything(copied: Cast, name: str) -> str:
    """A policy of the fleet's that allows everything, made by the deploy role."""
    account = copied.stage.environment.operations_account
    iam = copied.client(copied.deployer("deploy", account), "iam")
    answer = iam.create_policy(PolicyName=name, Path=FLEET, PolicyDocument=ANYTHING)
    return str(answer["Policy"]["Arn"])


def machine_of_others(copied: Cast, region: str) -> str:
    """A state machine of the account that is no executor's, made by its administrator."""
    owner = copied.administrator(copied.stage.environment.operations_account)
    name, iam = copied.helper_name("nightly"), copied.client(owner, "iam")
    trust = {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}}
    role = iam.create_role(
        RoleName=name,
        AssumeRolePolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [{**trust, "Action": "sts:AssumeRole"}]}
        ),
    )["Role"]["Arn"]
    machine = {"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}
    answer = copied.client(owner, "stepfunctions", region).create_state_machine(
        name=name, definition=json.dumps(machine), roleArn=role
    )
    return str(answer["stateMachineArn"])


def refuse(probe: Recorder, who: Actor, tried: list[Tried], twin: Callable[[], object]) -> None:
    beside = functools.cache(twin)
    for rows, claim, action, arns, call in tried:
        probe.denied(
            Subject(
                "made-in-operations",
                rows,
                f"a role that the deploy role of operations made cannot {claim}",
                who,
                action,
                arns[0],
                arns,
            ),
            call,
            twin=beside,
        )


def test_a_fleet_role_that_was_given_everything_only_calls(probe: Recorder, copied: Cast) -> None:
    """Its boundary is one that the deploy role made, and so no limit."""
    name = copied.helper_name("x")
    who = made(copied, FLEET, policy_of_anything(copied, f"{name}-boundary"))
    fleet = next(iter(copied.stage.fleets.values()))
    iam, other = copied.client(who, "iam"), copied.control_role
    trust = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Principal": {"AWS": who.account}, "Action": "sts:AssumeRole"}
            ],
        }
    )
    operations = copied.operations_role_arn
    tried: list[Tried] = [
        (
            ("P21",),
            "list roles",
            "iam:ListRoles",
            (f"arn:aws:iam::{who.account}:role/", "*"),
            iam.list_roles,
        ),
        (
            ("P15", "P39"),
            "change who may become another role",
            "iam:UpdateAssumeRolePolicy",
            (operations,),
            lambda: iam.update_assume_role_policy(
                RoleName=operations.rpartition("/")[2], PolicyDocument=trust
            ),
        ),
        (
            ("C01", "P16"),
            "become a role elsewhere that trusts its account",
            "sts:AssumeRole",
            (other,),
            lambda: copied.assume(who, other, name="probe"),
        ),
        (
            ("P17",),
            "list buckets",
            "s3:ListAllMyBuckets",
            ("*", "arn:aws:s3:::*"),
            copied.client(who, "s3").list_buckets,
        ),
    ]
    refuse(probe, who, tried, lambda: converse(copied, who, fleet.profile, fleet.region))


def test_an_executor_that_was_given_everything_only_stops(probe: Recorder, copied: Cast) -> None:
    """A policy of a stop is what its name says, and the deploy role writes what is in it."""
    account = copied.stage.environment.operations_account
    who = made(copied, SPEND, f"arn:aws:iam::{account}:policy/bulkhead/bulkhead-boundary")
    stop = policy_of_anything(copied, f"bulkhead-spend-{copied.helper_name('x')}-stop")
    first, *others = copied.stage.fleets.values()
    last = others[-1] if others else first
    operations, iam = copied.operations_role_arn, copied.client(who, "iam")
    with unguarded(copied, account):
        owner = copied.client(copied.administrator(account), "iam")
        owner.attach_role_policy(RoleName=first.role_name, PolicyArn=stop)
        other_machine = machine_of_others(copied, first.region)
    tried: list[Tried] = [
        (
            ("P14",),
            "start a state machine that is not the stop's",
            "states:StartExecution",
            (other_machine,),
            lambda: copied.client(who, "stepfunctions", first.region).start_execution(
                stateMachineArn=other_machine, input="{}"
            ),
        ),
        (
            ("P40", "P14"),
            "attach a policy of everything to a fleet role",
            "iam:AttachRolePolicy",
            (first.role_arn,),
            lambda: iam.attach_role_policy(RoleName=first.role_name, PolicyArn=ADMINISTRATOR),
        ),
        (
            ("P40", "P14"),
            "give others rights by what is called a stop",
            "iam:AttachRolePolicy",
            (operations,),
            lambda: iam.attach_role_policy(RoleName=operations.rpartition("/")[2], PolicyArn=stop),
        ),
        (
            ("C05",),
            "take a stop off",
            "iam:DetachRolePolicy",
            (first.role_arn,),
            lambda: iam.detach_role_policy(RoleName=first.role_name, PolicyArn=stop),
        ),
        (
            ("P17",),
            "list buckets",
            "s3:ListAllMyBuckets",
            ("*", "arn:aws:s3:::*"),
            copied.client(who, "s3").list_buckets,
        ),
    ]
    refuse(
        probe,
        who,
        tried,
        lambda: iam.attach_role_policy(RoleName=last.role_name, PolicyArn=stop),
    )
