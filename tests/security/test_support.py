"""What customers grant to support: for a while, to named roles, with the person's name, and over
when it is over, live sessions included."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from harness.probes.cast import Actor, Cast
from harness.probes.records import documents, names_of, write
from harness.probes.result import Recorder, Subject
from harness.probes.stage import Grant, Home

PREFIX = "bulkhead-support-"
PERSON = "engineer@example.com"
WHEN = "aws:CurrentTime"
SHUT = ("DateLessThan", "DateLessThanEquals")
OVER = ("DateGreaterThan", "DateGreaterThanEquals")


def ends(statements: Any, effect: str, operators: tuple[str, ...]) -> list[str]:
    """When the statements of an effect end; an empty text for one that never does."""
    found = []
    for statement in [statements] if isinstance(statements, dict) else statements:
        if statement["Effect"] == effect:
            conditions = statement.get("Condition", {})
            times = [conditions[o][WHEN] for o in operators if WHEN in conditions.get(o, {})]
            found.append(times[0] if times else "")
    return found


def test_every_support_role_expires(probe: Recorder, cast: Cast, account: str) -> None:
    """None needs to be there. Each that is says when its trust ends, and its rights with it."""
    home, owner = cast.stage.homes[account], cast.administrator(account)
    iam = cast.client(owner, "iam")
    pages = iam.get_paginator("list_roles").paginate(PathPrefix="/bulkhead/")
    roles = [r["RoleName"] for page in pages for r in page["Roles"]]
    named = sorted(role for role in roles if role.startswith(PREFIX))
    endless = []
    for role in named:
        trust, inline = documents(iam, role)
        trusted = ends(trust["Statement"], "Allow", SHUT)
        denied = [
            time
            for document in inline
            for time in ends(document["Statement"], "Deny", OVER)
            if time
        ]
        if not trusted or not all(trusted) or not set(trusted) <= set(denied):
            endless.append(role)
    granted = {grant.role_arn.rpartition("/")[2] for grant in home.support}
    probe.state(
        Subject(
            "support-ends",
            ("L23", "L24"),
            "what a customer grants to support ends by itself",
            owner,
            "iam:ListRoles",
            f"support roles of {home}",
            (f"arn:aws:iam::{account}:role/bulkhead/reader/{PREFIX}*",),
        ),
        expected="an end for each",
        observed="without an end" if endless else "an end for each",
        holds=False if endless else granted == set(named) or None,
        why=f"{len(named)} roles, of which {', '.join(endless) or 'none'} without an end",
    )


def test_support_is_let_in_by_time_name_and_person(
    probe: Recorder, copied: Cast, grant: tuple[str, str]
) -> None:
    """In a copy of the cloud the grant's times are moved; nothing else of it is changed."""
    account, ticket = grant
    home = copied.stage.homes[account]
    made = next(g for g in home.support if g.role_arn.endswith(f"/{PREFIX}{ticket}"))
    _probe_grant(probe, copied, home, made)


def _probe_grant(probe: Recorder, cast: Cast, home: Home, grant: Grant) -> None:
    owner = cast.client(cast.administrator(home.account), "iam")
    named = grant.principals[0]
    engineer = helper(cast, named.split(":")[4], named, "support engineer")
    neighbor = helper(cast, engineer.account, f"{named}-2", "another engineer")
    stranger = cast.outsider("no organization")
    operations = cast.operations_role()
    stream = cast.helper_name("support")
    for group in home.groups:
        write(cast, cast.caller(home.account), home, group, stream, "{}")

    def about(kind: str, claim: str, who: Actor, action: str, arns: tuple[str, ...]) -> Subject:
        return Subject(kind, ("L23",), claim, who, action, f"support of {home}", arns)

    def become(who: Actor, person: str | None = PERSON) -> Any:
        return cast.assume(who, grant.role_arn, name="support", source_identity=person)

    def refuse(claim: str, who: Actor, call: Callable[[], object]) -> None:
        probe.denied(
            about("support-access", claim, who, "sts:AssumeRole", (grant.role_arn,)),
            call,
            twin=lambda: cast.assume_control(who),
        )

    refuse(
        "an expired grant lets nobody in, not even whom it names",
        engineer,
        lambda: become(engineer),
    )
    move(owner, grant, timedelta(minutes=-5), timedelta(minutes=5))
    refuse(
        "support must say which person it is",
        engineer,
        lambda: become(engineer, None),
    )
    for actor in (neighbor, stranger, operations):
        refuse(
            "a grant to support lets nobody in whom it does not name",
            actor,
            lambda actor=actor: become(actor),  # type: ignore[misc]
        )
    probe.allowed(
        about(
            "support-access",
            "whom a grant names is let in while it lasts",
            engineer,
            "sts:AssumeRole",
            (grant.role_arn,),
        ),
        lambda: become(engineer),
    )
    answer = become(engineer)
    session = cast.stage.target.assumed(answer["Credentials"])
    arn = answer["AssumedRoleUser"]["Arn"]
    support = Actor(f"support of {home}", "support", home.account, arn, session)
    logs = cast.client(support, "logs", home.region)
    records, *rest = home.groups

    def read() -> object:
        return logs.filter_log_events(logGroupName=records.name)

    probe.allowed(
        about(
            "support-access",
            "support reads records while a grant lasts",
            support,
            "logs:FilterLogEvents",
            names_of(records),
        ),
        read,
    )
    for group in rest:
        probe.denied(
            about(
                "support-access",
                "support never reads content",
                support,
                "logs:FilterLogEvents",
                names_of(group),
            ),
            lambda name=group.name: logs.filter_log_events(logGroupName=name),  # type: ignore[misc]
            twin=read,
        )
    move(owner, grant, timedelta(days=-2), timedelta(minutes=-1))
    probe.denied(
        about(
            "support-access",
            "a session of support ends with its grant",
            support,
            "logs:FilterLogEvents",
            names_of(records),
        ),
        read,
        # All that is left to it: who it is asks for no permission.
        twin=cast.client(support, "sts").get_caller_identity,
    )
    refuse(
        "a grant that has just expired lets nobody in",
        engineer,
        lambda: become(engineer),
    )


def helper(cast: Cast, account: str, arn: str, label: str) -> Actor:
    """A role of that ARN, which nobody needs to have made yet."""
    folder, _, name = arn.partition(":role")[2].rpartition("/")
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": cast.stage.target.helper_principal(account),
                "Action": "sts:AssumeRole",
            }
        ],
    }
    made = cast.create_role(account, name, trust, f"{folder}/")
    return cast.become_helper(made, f"{label} {account}", "outsider")


def move(iam: Any, grant: Grant, begins: timedelta, expires: timedelta) -> None:
    """Let a grant last from and until these distances from now."""
    now = datetime.now(UTC)
    last, first = ((now + d).strftime("%Y-%m-%dT%H:%M:%SZ") for d in (expires, begins))
    role = grant.role_arn.rpartition("/")[2]
    trust, _ = documents(iam, role)
    iam.update_assume_role_policy(
        RoleName=role, PolicyDocument=json.dumps(_moved(trust, first, last))
    )
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        iam.put_role_policy(
            RoleName=role, PolicyName=name, PolicyDocument=json.dumps(_moved(document, first, last))
        )


def _moved(document: Any, first: str, last: str) -> Any:
    moved = json.loads(document if isinstance(document, str) else json.dumps(document))
    for statement in moved["Statement"]:
        for operator, keys in statement.get("Condition", {}).items():
            if WHEN in keys:
                # A trust begins at a time and ends at one; a denial begins where the grant ends.
                begins = statement["Effect"] == "Allow" and operator in OVER
                keys[WHEN] = first if begins else last
    return moved
