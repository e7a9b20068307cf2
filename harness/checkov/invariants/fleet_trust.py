"""Rules for who may assume roles, fleet roles above all."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator

from harness.checkov.invariants.planned import Resource, Unknown
from harness.checkov.invariants.policies import (
    FLEET_PATH,
    account_of,
    all_match,
    allows,
    conditions_on,
    has_wildcard,
    is_fleet_role,
    pinned,
    policy_of,
    principal_accounts,
)
from harness.checkov.invariants.rule import Rules
from harness.iam.errors import PolicyError
from harness.iam.grace import ending_ids

RULES = Rules()
ROLE = ("aws_iam_role",)
_ROLE_ARN = re.compile(r"arn:[a-z-]+:iam::\d{12}:role/[A-Za-z0-9+=,.@_/-]+")
_CALLER_ARN = re.compile(r"arn:[a-z-]+:iam::\d{12}:(role|user)/[A-Za-z0-9+=,.@_/-]+")
"""Where Terraform runs, somebody may still come as a user; a customer's application never does."""
_LONGEST_CHAINED_SESSION = 3600
_FEWEST_CHARACTERS = 32
_FEWEST_DIFFERENT = 10
_TRUST_ACTIONS = {"sts:assumerole", "sts:tagsession", "sts:setsourceidentity"}

Owners = dict[str, set[str]]
"""The fleet roles that ask for a value."""


def _owners(resource: Resource, key: str) -> Owners:
    """Which fleet roles of the run pin the key to which value.

    A role whose policy nobody can read is in none of them; another rule fails it.
    """

    def find(resources: Iterable[Resource]) -> Owners:
        owners: Owners = {}
        for each in resources:
            with contextlib.suppress(Unknown, PolicyError):
                if each.kind in ROLE and is_fleet_role(each):
                    for statement in allows(each):
                        for value in pinned(statement, key):
                            owners.setdefault(value, set()).add(each.text("name"))
        return owners

    return resource.peers.once(key, find)


def _others(resource: Resource, key: str) -> Iterator[tuple[str, str]]:
    """Each value of the key that another fleet role asks for too, and that role."""
    owners = _owners(resource, key)
    for statement in allows(resource):
        for value in pinned(statement, key):
            known = owners[value]
            yield from ((value, other) for other in sorted(known - {resource.text("name")}))


@RULES.add(
    6,
    "A role that trusts an account is pinned to exact callers",
    resources=ROLE,
    rows="T07 T12 T13 T14",
    why="An account as principal is everybody whom that account lets. Only StringEquals on "
    "aws:PrincipalArn is literal: ArnEquals expands wildcards as ArnLike does.",
)
def exact_callers(resource: Resource) -> Iterator[str]:
    for statement in allows(resource):
        if statement.principals is None or not statement.principals.accounts:
            continue
        callers = pinned(statement, "aws:PrincipalArn")
        if not callers:
            yield f"statement {statement.label}: no StringEquals on aws:PrincipalArn"
        elif not all_match(callers, _ROLE_ARN if is_fleet_role(resource) else _CALLER_ARN):
            yield f"statement {statement.label}: aws:PrincipalArn must equal ARNs of callers"


@RULES.add(
    7,
    "The exact callers are of the accounts that are trusted",
    resources=ROLE,
    rows="T26 T27",
    why="A caller of another account than the principals' locks the customer out; a principal "
    "without a caller is an account that nobody meant to trust.",
)
def callers_of_trusted_accounts(resource: Resource) -> Iterator[str]:
    for statement in allows(resource):
        callers = pinned(statement, "aws:PrincipalArn")
        if not callers or statement.principals is None:
            continue
        of_callers = {account_of(arn) for arn in callers}
        trusted = principal_accounts(statement)
        for account in sorted(of_callers ^ trusted):
            what = "no caller" if account in trusted else "no principal"
            yield f"statement {statement.label}: account {account} has {what}"


@RULES.add(
    8,
    "A fleet role asks for its external id",
    resources=ROLE,
    rows="T15 T16 T17 T18 T19 T24",
    why="Without it, whoever gets hold of the caller role's ARN through a broker can have it used "
    "for him; and there is nothing to rotate.",
    applies=is_fleet_role,
)
def external_id(resource: Resource) -> Iterator[str]:
    for statement in allows(resource):
        ids = pinned(statement, "sts:ExternalId")
        if not ids or any(has_wildcard(each) for each in ids):
            yield f"statement {statement.label}: no StringEquals on sts:ExternalId"


@RULES.add(
    9,
    "An external id is one, long and random",
    resources=ROLE,
    rows="T21 T23",
    why="What can be derived from an account id or a name is known to everybody, and an old value "
    "left in the list stays valid for ever, but where a denial ends it within 31 days.",
    applies=is_fleet_role,
)
def strong_external_id(resource: Resource) -> Iterator[str]:
    ended = ending_ids(policy_of(resource))
    for statement in allows(resource):
        ids = pinned(statement, "sts:ExternalId")
        if (lasting := len(set(ids) - ended)) != 1:
            yield f"statement {statement.label}: {lasting} external ids without an end, not one"
        for each in ids:
            if len(each) < _FEWEST_CHARACTERS or len(set(each)) < _FEWEST_DIFFERENT:
                yield f"statement {statement.label}: the external id is short or repeats itself"
            if any(account in each for account in principal_accounts(statement)):
                yield f"statement {statement.label}: the external id contains an account id"


@RULES.add(
    10,
    "No two fleet roles share an external id",
    resources=ROLE,
    rows="T20 I09",
    why="Who knows one customer's external id would know the other's.",
    applies=is_fleet_role,
)
def own_external_id(resource: Resource) -> Iterator[str]:
    for _, other in _others(resource, "sts:ExternalId"):
        yield f"the external id is that of {other} too"


@RULES.add(
    11,
    "A caller belongs to one customer",
    resources=ROLE,
    rows="T26",
    why="A caller that two fleet roles trust is one customer acting as two.",
    applies=is_fleet_role,
)
def own_callers(resource: Resource) -> Iterator[str]:
    for caller, other in _others(resource, "aws:PrincipalArn"):
        yield f"{caller} may assume {other} too"


@RULES.add(
    12,
    "A fleet role prescribes the name of its sessions",
    resources=ROLE,
    rows="T42",
    why="The name stands in CloudTrail and on the bill of the operations account, so a free one "
    "carries a customer's text there; and one account of several is revoked by it.",
    applies=is_fleet_role,
)
def session_name(resource: Resource) -> Iterator[str]:
    for statement in allows(resource):
        found = [
            condition
            for condition in conditions_on(statement, "sts:RoleSessionName")
            if condition.name in ("StringEquals", "StringLike")
        ]
        values = [value for condition in found for value in condition.values]
        if not values or not all("${aws:PrincipalAccount}" in value for value in values):
            yield (
                f"statement {statement.label}: sts:RoleSessionName does not ask for "
                "${aws:PrincipalAccount}"
            )
        elif any(value.startswith(("*", "?")) for value in values):
            yield f"statement {statement.label}: sts:RoleSessionName starts with a wildcard"


@RULES.add(
    13,
    "A fleet role lets callers choose no tags and no source identity",
    resources=ROLE,
    rows="T06 T37 T38 T40 T41 T43",
    why="A session tag overrides the role's own, so a free one puts a customer's spend on "
    "another's bill; a free source identity names somebody else in the trail.",
    applies=is_fleet_role,
)
def no_free_tags(resource: Resource) -> Iterator[str]:
    for statement in allows(resource):
        actions = {action.lower() for action in statement.actions}
        if statement.not_action or not actions <= _TRUST_ACTIONS:
            yield f"statement {statement.label} allows more than assuming the role"
            continue
        if "sts:tagsession" in actions:
            tags = [
                c
                for c in statement.conditions
                if c.name == "StringEquals" and c.key.lower().startswith("aws:requesttag/")
            ]
            # ForAnyValue lets further tags through beside the one that it finds.
            keys = {c.name for c in conditions_on(statement, "aws:TagKeys")}
            if not tags or "ForAllValues:StringEquals" not in keys:
                yield f"statement {statement.label}: session tags without fixed keys and values"
        if "sts:setsourceidentity" in actions:
            names = [
                value
                for condition in conditions_on(statement, "sts:SourceIdentity")
                if condition.name in ("StringEquals", "StringLike")
                for value in condition.values
            ]
            if not names or any(name.startswith(("*", "?")) for name in names):
                yield f"statement {statement.label}: a source identity of the caller's choice"


@RULES.add(
    14,
    "No fleet role trusts the account it is in",
    resources=ROLE,
    rows="T36 C01 C03",
    why="Operators who can assume it act, and are billed, as the customer; and one fleet role "
    "could become another.",
    applies=is_fleet_role,
)
def not_own_account(resource: Resource) -> Iterator[str]:
    own = account_of(resource.text("permissions_boundary"))
    if not own.isdigit():
        yield "there is no permissions boundary, which tells the account"
        return
    for statement in allows(resource):
        if own in principal_accounts(statement):
            yield f"statement {statement.label} trusts account {own}, which is the role's own"


@RULES.add(
    15,
    "A fleet role has a permissions boundary of its own",
    resources=ROLE,
    rows="P39",
    why="Whatever somebody attaches to the role later, it can do no more than the boundary says.",
    applies=is_fleet_role,
)
def boundary(resource: Resource) -> Iterator[str]:
    arn = resource.text("permissions_boundary")
    if f":policy{FLEET_PATH}" not in arn:
        yield f"the permissions boundary is {arn or 'missing'}, not a policy under {FLEET_PATH}"
    elif arn.rpartition("/")[2] != f"{resource.text('name')}-boundary":
        yield f"the permissions boundary {arn} is not named after the role"


@RULES.add(
    16,
    "A session of a fleet role ends within an hour",
    resources=ROLE,
    rows="T44 C04 C05",
    why="Sessions outlive the trust that made them. Callers are roles, so AWS chains no "
    "longer ones.",
    applies=is_fleet_role,
)
def short_sessions(resource: Resource) -> Iterator[str]:
    seconds = resource.value("max_session_duration")
    if seconds is None or int(seconds) > _LONGEST_CHAINED_SESSION:
        yield f"max_session_duration is {seconds}, not {_LONGEST_CHAINED_SESSION} at most"


@RULES.add(
    17,
    "A role that trusts an identity provider names its subject and audience",
    resources=ROLE,
    rows="T34",
    why="A provider such as GitHub's signs tokens for everybody; only `sub` and `aud` tell whose.",
)
def federated_subject(resource: Resource) -> Iterator[str]:
    for statement in allows(resource):
        providers = statement.principals.providers if statement.principals else frozenset()
        keys = {
            c.key.lower().rpartition(":")[2]
            for c in statement.conditions
            if c.name == "StringEquals" and not any(has_wildcard(v) for v in c.values)
        }
        saml = any(":saml-provider/" in provider for provider in providers)
        for wanted in ("aud",) if saml else ("sub", "aud"):
            if providers and wanted not in keys:
                yield f"statement {statement.label}: no StringEquals on the provider's {wanted}"


@RULES.add(
    18,
    "A service that acts for several accounts is trusted for one",
    resources=("aws_iam_role", "aws_cloudwatch_log_resource_policy"),
    rows="T35 L08",
    why="Bedrock and CloudWatch Logs act for every AWS customer; without the source account they "
    "can be had to act here for another.",
)
def source_account(resource: Resource) -> Iterator[str]:
    for statement in allows(resource):
        services = statement.principals.services if statement.principals else frozenset()
        shared = {s for s in services if s.split(".")[0] in ("bedrock", "delivery", "logs")}
        every = resource.kind != "aws_iam_role" and services
        if (shared or every) and not (
            pinned(statement, "aws:SourceAccount")
            or any(
                not c.holds_when_absent and all(account_of(v).isdigit() for v in c.values)
                for c in conditions_on(statement, "aws:SourceArn")
            )
        ):
            yield f"statement {statement.label}: no aws:SourceAccount or aws:SourceArn"
