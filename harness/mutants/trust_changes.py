"""Ways to change a trust policy, for the mistakes in `trust`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from harness.errors import UserError
from harness.mutants.site import Site, Statement, Statements

PIN = "aws:PrincipalArn"
ID = "sts:ExternalId"
NAME = "sts:RoleSessionName"
ORGANIZATION = "aws:PrincipalOrgID"


def replace(principal: Any, **condition: Any) -> Callable[[Statements], Statements]:
    """One statement instead of all, which lets `principal` in on these conditions alone."""

    def edit(_: Statements) -> Statements:
        statement: Statement = {
            "Effect": "Allow",
            "Principal": principal,
            "Action": "sts:AssumeRole",
        }
        if condition:
            statement["Condition"] = condition
        return [statement]

    return edit


def move(
    key: str, operator: str | None, value: object = None
) -> Callable[[Statements], Statements]:
    """The condition on `key` under another operator, with another value; or without both, gone."""

    def edit(statements: Statements) -> Statements:
        for statement in statements:
            conditions = statement.get("Condition", {})
            for old in [name for name, keys in conditions.items() if key in keys]:
                kept = conditions[old].pop(key)
                if not conditions[old]:
                    del conditions[old]
                if operator is not None:
                    new = kept if value is None else value
                    conditions.setdefault(operator, {})[key] = new
        return statements

    return edit


def old_id_too(site: Site, **spared: object) -> Callable[[Statements], Statements]:
    """An id that was replaced beside the current one; with `spared`, ended for all but some."""
    old = "an-id-that-was-replaced-" + "0123456789abcdef"
    ends: Statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sts:AssumeRole",
        "Condition": {
            "StringEquals": {ID: old},
            "DateGreaterThanEqualsIfExists": {"aws:CurrentTime": "2026-01-31T12:00:00Z"},
            **spared,
        },
    }

    def edit(statements: Statements) -> Statements:
        both = move(ID, "StringEquals", [site.victim.external_id, old])(statements)
        return [*both, ends] if spared else both

    return edit


def _add(*more: Statement) -> Callable[[Statements], Statements]:
    return lambda statements: [*statements, *more]


def root(account: str) -> str:
    return f"arn:aws:iam::{account}:root"


def inverted(site: Site) -> None:
    callers = [h.caller_role_arn for h in site.stage.homes.values()]
    site.trust(replace("*", StringNotEquals={PIN: callers}))


def same_name(site: Site) -> None:
    home = site.victims_home
    pattern = home.caller_role_arn.replace(home.account, "*")
    site.trust(replace("*", ArnLike={PIN: pattern}))


def pattern(operator: str, tail: Callable[[str], str]) -> Callable[[Site], None]:
    """The pin as a pattern over the names of the victim's roles."""

    def weaken(site: Site) -> None:
        arns = [
            tail(h.caller_role_arn)
            for h in site.stage.homes.values()
            if h.customer == site.victim.customer
        ]
        site.trust(move(PIN, operator, arns))

    return weaken


def second_statement(site: Site) -> None:
    roots = [
        root(h.account) for h in site.stage.homes.values() if h.customer == site.victim.customer
    ]
    site.trust(_add({"Effect": "Allow", "Principal": {"AWS": roots}, "Action": "sts:AssumeRole"}))


def let_neighbor_in(keep: bool) -> Callable[[Site], None]:
    """Trust the neighbor's caller, beside the victim's or by mistake instead of it."""

    def weaken(site: Site) -> None:
        home = site.neighbors_home

        def edit(statements: Statements) -> Statements:
            (only,) = statements
            equals = only["Condition"]["StringEquals"]
            if keep:
                principal, pin = only["Principal"]["AWS"], equals[PIN]
                only["Principal"]["AWS"] = [*_list(principal), root(home.account)]
                equals[PIN] = [*_list(pin), home.caller_role_arn]
            else:
                only["Principal"]["AWS"] = root(home.account)
                equals[PIN] = home.caller_role_arn
            return statements

        site.trust(edit)

    return weaken


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [value]


def users(site: Site) -> None:
    account = site.victims_home.account
    site.trust(
        _add(
            {
                "Effect": "Allow",
                "Principal": {"AWS": root(account)},
                "Action": "sts:AssumeRole",
                "Condition": {"ArnLike": {PIN: f"arn:aws:iam::{account}:user/*"}},
            }
        )
    )


def left_role(site: Site) -> None:
    trust = replace({"AWS": root(site.neighbors_home.account)})([])
    site.client(site.operations, "iam").create_role(
        RoleName="vendor-access",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": trust}),
    )


def deny_outside(site: Site) -> None:
    site.trust(
        lambda _: [
            {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"},
            {
                "Effect": "Deny",
                "Principal": {"AWS": "*"},
                "Action": "sts:AssumeRole",
                "Condition": {"ForAnyValue:StringNotEquals": {ORGANIZATION: site.organization}},
            },
        ]
    )


def operators(site: Site) -> None:
    site.trust(
        _add(
            {
                "Effect": "Allow",
                "Principal": {"AWS": root(site.operations)},
                "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {ID: site.victim.external_id}},
            }
        )
    )


def session_action(action: str, **condition: Any) -> Callable[[Site], None]:
    """Allow the victim's callers one more action on the way in."""

    def weaken(site: Site) -> None:
        homes = [h for h in site.stage.homes.values() if h.customer == site.victim.customer]
        statement: Statement = {
            "Effect": "Allow",
            "Principal": {"AWS": [root(h.account) for h in homes]},
            "Action": action,
        }
        if condition:
            statement["Condition"] = condition
        site.trust(_add(statement))

    return weaken


def caller_itself(site: Site) -> None:
    """As principal, a role is kept by its id."""
    homes = [h for h in site.stage.homes.values() if h.customer == site.victim.customer]

    def edit(statements: Statements) -> Statements:
        statements[0]["Principal"] = {"AWS": [h.caller_role_arn for h in homes]}
        return statements

    site.trust(edit)


def all_of(**actions: object) -> Callable[[Site], None]:
    """Callers may do more than assume the role, in a statement beside the one that lets them in."""

    def weaken(site: Site) -> None:
        homes = [h for h in site.stage.homes.values() if h.customer == site.victim.customer]
        principal = {"AWS": [h.caller_role_arn for h in homes]}
        site.trust(_add({"Effect": "Allow", "Principal": principal, **actions}))

    return weaken


def misspelled(site: Site) -> None:
    def edit(statements: Statements) -> Statements:
        equals = statements[0]["Condition"]["StringEquals"]
        equals["sts:ExternalID2"] = equals.pop(ID)
        return statements

    site.trust(edit)


def further_anywhere(site: Site) -> None:
    """A further caller role's name, trusted in any account. Raises `UserError` without one."""
    found = [arn for home in site.stage.homes.values() for arn in home.further_callers]
    if not found:
        raise UserError("no customer has a further caller role")
    account = found[0].split(":")[4]
    site.trust(
        replace("*", ArnLike={PIN: found[0].replace(account, "*")}),
        site.stage.fleet_of(account),
    )


def shared_id(site: Site) -> None:
    both = [site.victim.external_id, site.neighbor.external_id]
    site.trust(move(ID, "StringEquals", both))


def also_if(operator: str, key: str, value: str) -> Callable[[Site], None]:
    """A condition more, beside the others."""

    def edit(statements: Statements) -> Statements:
        for statement in statements:
            statement["Condition"].setdefault(operator, {})[key] = value
        return statements

    return lambda site: site.trust(edit)
