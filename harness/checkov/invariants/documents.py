"""Rules for every policy: readable, and about somebody in particular."""

from __future__ import annotations

from collections.abc import Iterator

from harness.checkov.invariants.planned import Resource
from harness.checkov.invariants.policies import (
    ALL_POLICIES,
    GUARDRAILS,
    RESOURCE_POLICIES,
    account_of,
    allows,
    conditions_on,
    document_of,
    inline_policies,
    kind_of,
    pinned,
    policy_of,
)
from harness.checkov.invariants.rule import Rules
from harness.iam.policy import PolicyKind
from harness.iam.validate import validate

RULES = Rules()
_CHOSEN = ("aws:principaltag/", "aws:resourcetag/", "aws:userid", "aws:username")
"""What somebody chooses who makes a role, tags it, or names a session."""


@RULES.add(
    1,
    "Every policy is known and readable before it is applied",
    resources=ALL_POLICIES,
    rows="I14 I23",
    why="A policy that the plan does not know, or that AWS would refuse, has been judged by "
    "nobody. The rules below look at the final document, not at the parts it is made of.",
    applies=lambda resource: kind_of(resource) is not None,
)
def known_policy(resource: Resource) -> Iterator[str]:
    kind = kind_of(resource)
    document = document_of(resource)
    if document is None:
        yield "there is no policy"
    elif kind is not None:
        yield from validate(document, kind)
    for inline in inline_policies(resource):
        # An empty block says that there are to be none.
        if (document := document_of(inline)) is not None:
            yield from validate(document, PolicyKind.IDENTITY)


@RULES.add(
    2,
    "No policy trusts everybody",
    resources=(*RESOURCE_POLICIES, "aws_lambda_permission"),
    rows="T01 T02 T10 T28 T29 T30 L11",
    why="A wildcard principal lets in whatever its conditions forget: other customers, and "
    "accounts of no organization, whose requests lack the keys that such conditions ask for.",
)
def no_wildcard_principal(resource: Resource) -> Iterator[str]:
    if resource.kind == "aws_lambda_permission":
        if resource.text("principal") == "*":
            yield 'principal is "*"'
        return
    for statement in allows(resource):
        if resource.kind == "aws_sns_topic" and pinned(statement, "aws:SourceOwner"):
            owners = {v for c in conditions_on(statement, "aws:SourceOwner") for v in c.values}
            if owners == {account_of(resource.text("arn"))}:
                continue  # what AWS gives every topic, for the topic's own account
        if statement.principals is not None and statement.principals.everyone:
            yield f'statement {statement.label} allows the principal "*"'


@RULES.add(
    3,
    "An Allow says what it allows, not what it leaves out",
    resources=[kind for kind in ALL_POLICIES if kind not in GUARDRAILS],
    rows="T04 T05 P07",
    why="NotPrincipal, NotAction and NotResource allow all that exists and all that AWS will ever "
    "add.",
)
def nothing_left_out(resource: Resource) -> Iterator[str]:
    policies = (resource, *inline_policies(resource))
    for statement in (s for each in policies for s in allows(each)):
        for negated, element in (
            (statement.not_principal, "NotPrincipal"),
            (statement.not_action, "NotAction"),
            (statement.not_resource, "NotResource"),
        ):
            if negated:
                yield f"statement {statement.label} allows by {element}"


@RULES.add(
    4,
    "A condition of an Allow is not met by a key that is missing",
    resources=RESOURCE_POLICIES,
    rows="T03 T16 T17 T19 T28 T29 T32 T33 T39",
    why="IfExists, ForAllValues and negated operators hold for a request without the key, and the "
    "attacker decides which keys his request carries.",
)
def conditions_need_keys(resource: Resource) -> Iterator[str]:
    for statement in allows(resource):
        for condition in statement.conditions:
            # Null asks about the missing key itself, which is no oversight; ForAllValues over the
            # keys of tags says which may be set, and no tag is none too many.
            limit = condition.name == "ForAllValues:StringEquals" and condition.key.lower() == (
                "aws:tagkeys"
            )
            if condition.operator != "Null" and not limit and condition.holds_when_absent:
                yield (
                    f"statement {statement.label}: {condition.name} on {condition.key} holds "
                    "without the key"
                )


@RULES.add(
    5,
    "A guardrail spares exact roles of named accounts only",
    resources=GUARDRAILS,
    rows="G06 G12 G21",
    why="Whoever can make a role of a name that an exemption's pattern covers is exempt.",
    applies=lambda resource: kind_of(resource) is not None,
)
def exact_exemptions(resource: Resource) -> Iterator[str]:
    for statement in policy_of(resource).statements:
        if statement.effect != "Deny":
            continue
        for condition in conditions_on(statement, "aws:PrincipalArn"):
            if not condition.negated and not condition.if_exists:
                continue
            for value in condition.values:
                open_account = not account_of(value).isdigit()
                # Only AWS makes roles under this path.
                open_name = "*" in value and ":role/aws-reserved/sso.amazonaws.com/" not in value
                if condition.if_exists or open_account or open_name or "?" in value:
                    yield f"statement {statement.label} spares {value} by {condition.name}"
        for condition in statement.conditions:
            absent = condition.operator == "Null" and "true" in condition.values
            if (condition.negated or absent) and condition.key.lower().startswith(_CHOSEN):
                yield f"statement {statement.label} spares whoever differs in {condition.key}"
