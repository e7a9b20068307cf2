"""Mistakes in the trust policy of a fleet role (table T of the attack catalogue)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from harness.errors import UserError
from harness.mutants.model import Mutant, Notice
from harness.mutants.site import Site, Statement, Statements

PIN = "aws:PrincipalArn"
ID = "sts:ExternalId"
NAME = "sts:RoleSessionName"
ORGANIZATION = "aws:PrincipalOrgID"

OUTSIDER = Notice("assume-role", "no organization")
STRANGER = Notice("assume-role", "other organization")
OTHER_ROLE = "other role"
LOCKED_OUT = "caller"


def _replace(principal: Any, **condition: Any) -> Callable[[Statements], Statements]:
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


def _move(
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


def _old_id_too(site: Site, **spared: object) -> Callable[[Statements], Statements]:
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
        both = _move(ID, "StringEquals", [site.victim.external_id, old])(statements)
        return [*both, ends] if spared else both

    return edit


def _add(*more: Statement) -> Callable[[Statements], Statements]:
    return lambda statements: [*statements, *more]


def _root(account: str) -> str:
    return f"arn:aws:iam::{account}:root"


def _inverted(site: Site) -> None:
    callers = [h.caller_role_arn for h in site.stage.homes.values()]
    site.trust(_replace("*", StringNotEquals={PIN: callers}))


def _same_name(site: Site) -> None:
    home = site.victims_home
    pattern = home.caller_role_arn.replace(home.account, "*")
    site.trust(_replace("*", ArnLike={PIN: pattern}))


def _pattern(operator: str, tail: Callable[[str], str]) -> Callable[[Site], None]:
    """The pin as a pattern over the names of the victim's roles."""

    def weaken(site: Site) -> None:
        arns = [
            tail(h.caller_role_arn)
            for h in site.stage.homes.values()
            if h.customer == site.victim.customer
        ]
        site.trust(_move(PIN, operator, arns))

    return weaken


def _second_statement(site: Site) -> None:
    roots = [
        _root(h.account) for h in site.stage.homes.values() if h.customer == site.victim.customer
    ]
    site.trust(_add({"Effect": "Allow", "Principal": {"AWS": roots}, "Action": "sts:AssumeRole"}))


def _let_neighbor_in(keep: bool) -> Callable[[Site], None]:
    """Trust the neighbor's caller, beside the victim's or by mistake instead of it."""

    def weaken(site: Site) -> None:
        home = site.neighbors_home

        def edit(statements: Statements) -> Statements:
            (only,) = statements
            equals = only["Condition"]["StringEquals"]
            if keep:
                principal, pin = only["Principal"]["AWS"], equals[PIN]
                only["Principal"]["AWS"] = [*_list(principal), _root(home.account)]
                equals[PIN] = [*_list(pin), home.caller_role_arn]
            else:
                only["Principal"]["AWS"] = _root(home.account)
                equals[PIN] = home.caller_role_arn
            return statements

        site.trust(edit)

    return weaken


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [value]


def _users(site: Site) -> None:
    account = site.victims_home.account
    site.trust(
        _add(
            {
                "Effect": "Allow",
                "Principal": {"AWS": _root(account)},
                "Action": "sts:AssumeRole",
                "Condition": {"ArnLike": {PIN: f"arn:aws:iam::{account}:user/*"}},
            }
        )
    )


def _left_role(site: Site) -> None:
    trust = _replace({"AWS": _root(site.neighbors_home.account)})([])
    site.client(site.operations, "iam").create_role(
        RoleName="vendor-access",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": trust}),
    )


def _deny_outside(site: Site) -> None:
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


def _operators(site: Site) -> None:
    site.trust(
        _add(
            {
                "Effect": "Allow",
                "Principal": {"AWS": _root(site.operations)},
                "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {ID: site.victim.external_id}},
            }
        )
    )


def _session_action(action: str, **condition: Any) -> Callable[[Site], None]:
    """Allow the victim's callers one more action on the way in."""

    def weaken(site: Site) -> None:
        homes = [h for h in site.stage.homes.values() if h.customer == site.victim.customer]
        statement: Statement = {
            "Effect": "Allow",
            "Principal": {"AWS": [_root(h.account) for h in homes]},
            "Action": action,
        }
        if condition:
            statement["Condition"] = condition
        site.trust(_add(statement))

    return weaken


def _caller_itself(site: Site) -> None:
    """As principal, a role is kept by its id."""
    homes = [h for h in site.stage.homes.values() if h.customer == site.victim.customer]

    def edit(statements: Statements) -> Statements:
        statements[0]["Principal"] = {"AWS": [h.caller_role_arn for h in homes]}
        return statements

    site.trust(edit)


def _all_of(**actions: object) -> Callable[[Site], None]:
    """Callers may do more than assume the role, in a statement beside the one that lets them in."""

    def weaken(site: Site) -> None:
        homes = [h for h in site.stage.homes.values() if h.customer == site.victim.customer]
        principal = {"AWS": [h.caller_role_arn for h in homes]}
        site.trust(_add({"Effect": "Allow", "Principal": principal, **actions}))

    return weaken


def _misspelled(site: Site) -> None:
    def edit(statements: Statements) -> Statements:
        equals = statements[0]["Condition"]["StringEquals"]
        equals["sts:ExternalID2"] = equals.pop(ID)
        return statements

    site.trust(edit)


def _further_anywhere(site: Site) -> None:
    """A further caller role's name, trusted in any account. Raises `UserError` without one."""
    found = [arn for home in site.stage.homes.values() for arn in home.further_callers]
    if not found:
        raise UserError("no customer has a further caller role")
    account = found[0].split(":")[4]
    site.trust(
        _replace("*", ArnLike={PIN: found[0].replace(account, "*")}),
        site.stage.fleet_of(account),
    )


def _shared_id(site: Site) -> None:
    both = [site.victim.external_id, site.neighbor.external_id]
    site.trust(_move(ID, "StringEquals", both))


def _also_if(operator: str, key: str, value: str) -> Callable[[Site], None]:
    """A condition more, beside the others."""

    def edit(statements: Statements) -> Statements:
        for statement in statements:
            statement["Condition"].setdefault(operator, {})[key] = value
        return statements

    return lambda site: site.trust(edit)


MISSING = (Notice("external-id-missing"),)
WRONG = (Notice("external-id-wrong"),)
ANOTHER_ROLE = (Notice("assume-role", OTHER_ROLE),)
TAGS = (Notice("session-tags"),)

TRUST = (
    Mutant(
        "T01",
        "everybody is trusted, on no condition",
        "trust",
        lambda site: site.trust(_replace("*")),
        (OUTSIDER, STRANGER, *ANOTHER_ROLE, *MISSING),
        "test_outsider or test_other_role or test_external_id_is_required",
    ),
    Mutant(
        "T02",
        "the whole organization is trusted",
        "trust",
        lambda site: site.trust(
            _replace({"AWS": "*"}, StringEquals={ORGANIZATION: site.organization})
        ),
        ANOTHER_ROLE,
        "test_other_role or test_outsider",
    ),
    Mutant(
        "T03",
        "everybody but the callers is trusted",
        "trust",
        _inverted,
        (OUTSIDER, STRANGER, Notice("assume-role", LOCKED_OUT)),
        "test_outsider or test_caller_assumes",
    ),
    Mutant(
        "T07",
        "every role of the customer's account is trusted",
        "trust",
        lambda site: site.trust(_move(PIN, None)),
        ANOTHER_ROLE,
        "test_other_role",
    ),
    Mutant(
        "T10",
        "a caller role's name is trusted in any account",
        "trust",
        _same_name,
        (Notice("assume-role-freed"),),
        "test_freed_caller",
    ),
    Mutant(
        "T11",
        "any account is trusted by a pattern",
        "trust",
        lambda site: site.trust(_replace("*", StringLike={"aws:PrincipalAccount": "*"})),
        (OUTSIDER, STRANGER),
        "test_outsider",
    ),
    Mutant(
        "T12",
        "the pin ends in a wildcard",
        "trust",
        _pattern("StringLike", lambda arn: f"{arn}*"),
        ANOTHER_ROLE,
        "test_other_role",
    ),
    Mutant(
        "T13",
        "the pin is ArnEquals with a wildcard, which it expands",
        "trust",
        _pattern("ArnEquals", lambda arn: f"{arn.partition('/')[0]}/*"),
        ANOTHER_ROLE,
        "test_other_role",
    ),
    Mutant(
        "T13-user",
        "users of the customer's account are trusted too",
        "trust",
        _users,
        (Notice("assume-role", "user"),),
        "test_user_cannot",
    ),
    Mutant(
        "T01-caller",
        "everybody may become a caller role",
        "trust",
        lambda site: site.caller_trust({"AWS": "*"}),
        (Notice("caller-role", "no organization"), Notice("caller-role", OTHER_ROLE)),
        "test_nobody_becomes",
    ),
    Mutant(
        "T27-caller",
        "another customer's account may become a caller role",
        "trust",
        lambda site: site.caller_trust({"AWS": _root(site.neighbors_home.account)}),
        (Notice("caller-role", OTHER_ROLE),),
        "test_nobody_becomes",
    ),
    Mutant(
        "T02-operations",
        "somebody left a role in the operations account that a customer can assume",
        "trust",
        _left_role,
        (Notice("operations-role", OTHER_ROLE),),
        "test_nobody_assumes_another_role",
    ),
    Mutant(
        "T15",
        "the external id is not asked for",
        "trust",
        lambda site: site.trust(_move(ID, None)),
        (*MISSING, *WRONG),
        "test_external_id",
    ),
    Mutant(
        "T16",
        "the external id is compared only if there is one",
        "trust",
        lambda site: site.trust(_move(ID, "StringEqualsIfExists")),
        MISSING,
        "test_external_id_is_required",
    ),
    Mutant(
        "T17",
        "the external id is compared for all values, and there may be none",
        "trust",
        lambda site: site.trust(_move(ID, "ForAllValues:StringEquals")),
        MISSING,
        "test_external_id_is_required",
    ),
    Mutant(
        "T18",
        "any external id will do",
        "trust",
        lambda site: site.trust(_move(ID, "StringLike", "*")),
        WRONG,
        "test_external_id",
    ),
    Mutant(
        "T19",
        "any external id will do, and none",
        "trust",
        lambda site: site.trust(_move(ID, "StringNotEquals", "none")),
        (*MISSING, *WRONG),
        "test_external_id",
    ),
    Mutant(
        "T25",
        "a second statement has no conditions",
        "trust",
        _second_statement,
        (*ANOTHER_ROLE, *MISSING),
        "test_other_role or test_external_id_is_required",
    ),
    Mutant(
        "T23",
        "the external id before the current one is let in for ever",
        "trust",
        lambda site: site.trust(_old_id_too(site)),
        (Notice("trust-shape"),),
        "test_trust_says_nothing_else",
    ),
    Mutant(
        "T23-some",
        "what ends the external id before the current one spares a role",
        "trust",
        lambda site: site.trust(
            _old_id_too(site, ArnNotLike={PIN: f"arn:aws:iam::{site.victims_home.account}:role/*"})
        ),
        (Notice("trust-shape"),),
        "test_trust_says_nothing_else",
    ),
    Mutant(
        "T26",
        "another customer is trusted in the customer's place",
        "trust",
        _let_neighbor_in(keep=False),
        (Notice("assume-role", LOCKED_OUT), Notice("assume-role-freed")),
        "test_caller_assumes or test_freed_caller",
    ),
    Mutant(
        "T27",
        "another customer is trusted too",
        "trust",
        _let_neighbor_in(keep=True),
        (Notice("assume-role-freed"),),
        "test_freed_caller",
    ),
    Mutant(
        "T28",
        "the organization is compared for all values, and an account may have none",
        "trust",
        lambda site: site.trust(
            _replace("*", **{"ForAllValues:StringEquals": {ORGANIZATION: site.organization}})
        ),
        (OUTSIDER,),
        "test_outsider",
    ),
    Mutant(
        "T29",
        "the organization is compared only if there is one",
        "trust",
        lambda site: site.trust(
            _replace("*", StringEqualsIfExists={ORGANIZATION: site.organization})
        ),
        (OUTSIDER,),
        "test_outsider",
    ),
    Mutant(
        "T30",
        "other organizations are denied, which no organization is not",
        "trust",
        _deny_outside,
        (OUTSIDER,),
        "test_outsider",
    ),
    Mutant(
        "T36",
        "the operations account is trusted",
        "trust",
        _operators,
        (
            Notice("assume-role", "operations administrator"),
            Notice("assume-role", "operations role"),
        ),
        "test_operations",
    ),
    Mutant(
        "T37",
        "callers may tag their sessions",
        "trust",
        _session_action("sts:TagSession"),
        TAGS,
        "test_session_tags",
    ),
    Mutant(
        "T38",
        "callers may tag their sessions with any value of one key",
        "trust",
        _session_action(
            "sts:TagSession",
            **{"ForAllValues:StringEquals": {"aws:TagKeys": ["bulkhead:customer"]}},
        ),
        TAGS,
        "test_session_tags",
        more_rows=("T41",),
    ),
    Mutant(
        "T42",
        "sessions may have any name",
        "trust",
        lambda site: site.trust(_move(NAME, None)),
        (Notice("session-name"),),
        "test_session_name",
    ),
    Mutant(
        "T43",
        "callers may choose a source identity",
        "trust",
        _session_action("sts:SetSourceIdentity"),
        (Notice("source-identity"),),
        "test_source_identity",
    ),
    Mutant(
        "T05",
        "callers may do all on their way in but be signed in elsewhere, by NotAction",
        "trust",
        _all_of(NotAction=["sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity"]),
        (Notice("trust-shape"), *TAGS, Notice("source-identity")),
        "test_trust_says_nothing_else or test_session_tags or test_source_identity",
    ),
    Mutant(
        "T06",
        "callers may do all of STS on their way in",
        "trust",
        _all_of(Action="sts:*"),
        (*TAGS, Notice("source-identity")),
        "test_session_tags or test_source_identity",
    ),
    Mutant(
        "T08",
        "the caller role itself is the principal, which is kept by its id",
        "trust",
        _caller_itself,
        (Notice("recreated-caller"),),
        "test_a_recreated_caller",
    ),
    Mutant(
        "T10-further",
        "the name of a role that a customer made itself is trusted in any account",
        "trust",
        _further_anywhere,
        (Notice("assume-role-further"),),
        "test_further_callers_are",
        more_rows=("T46",),
    ),
    Mutant(
        "T14",
        "the pin forgets the path that roles lie at",
        "trust",
        _pattern("StringLike", lambda arn: f"{arn.partition('/')[0]}/*{arn.rpartition('/')[2]}*"),
        ANOTHER_ROLE,
        "test_other_role",
    ),
    Mutant(
        "T20",
        "two customers share an external id",
        "trust",
        _shared_id,
        (Notice("external-id-wrong", row="T20"),),
        "test_external_id",
    ),
    Mutant(
        "T24",
        "the key of the external id is misspelled",
        "trust",
        _misspelled,
        (Notice("assume-role", LOCKED_OUT),),
        "test_caller_assumes",
    ),
    Mutant(
        "T31",
        "a path of the organization is trusted, and whatever begins like it",
        "trust",
        lambda site: site.trust(
            _replace(
                "*",
                **{
                    "ForAnyValue:StringLike": {
                        "aws:PrincipalOrgPaths": [f"{site.organization}/r-*/*"]
                    }
                },
            )
        ),
        (Notice("trust-shape"),),
        "test_trust_says_nothing_else",
    ),
    Mutant(
        "T32",
        "the trust asks for a key that only services' calls have",
        "trust",
        _also_if("StringEqualsIfExists", "aws:SourceAccount", "000000000000"),
        (Notice("trust-shape"),),
        "test_trust_says_nothing_else",
    ),
    Mutant(
        "T33",
        "the trust compares the network only if it is known",
        "trust",
        _also_if("StringEqualsIfExists", "aws:SourceVpc", "vpc-00000000"),
        (Notice("trust-shape"),),
        "test_trust_says_nothing_else",
    ),
    Mutant(
        "T39",
        "the customer's tag is compared only if the session bears it",
        "trust",
        lambda site: _session_action(
            "sts:TagSession",
            StringEqualsIfExists={"aws:RequestTag/bulkhead:customer": site.victim.customer},
        )(site),
        TAGS,
        "test_session_tags",
    ),
    Mutant(
        "T40",
        "callers may make what they tag stay with them when they go on",
        "trust",
        _session_action(
            "sts:TagSession", **{"ForAnyValue:StringLike": {"sts:TransitiveTagKeys": ["*"]}}
        ),
        TAGS,
        "test_session_tags",
    ),
)
