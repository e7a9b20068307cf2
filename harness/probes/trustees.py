"""Who may become a role, judged by what its trust policy says and not by who happens to try.

The judgment errs on the strict side: conditions excuse nobody, but for the fleet roles, whose
design is made of them. Denials are not weighed against what is allowed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from harness.iam.errors import PolicyError
from harness.iam.grace import ending_ids
from harness.iam.parse import parse_policy
from harness.targets.base import (
    AUDIT_ROLE,
    DEPLOY_ROLE,
    PLAN_ROLE,
    SERVICE_PRINCIPALS,
    STATE_ROLES,
)

SERVICE_LINKED = "/aws-service-role/"


@dataclass(frozen=True, slots=True)
class Design:
    """Whom the design lets become a role."""

    accounts: frozenset[str]
    """Accounts that may be named, as such or by one of their principals."""
    services: frozenset[str] | None = frozenset()
    """Services that may start sessions of the role; None are all. A service takes a role from its
    own account only: passing it is a right in there."""
    callers: frozenset[str] = frozenset()
    """Role ARNs to one of which every grant must be pinned, as well as to an external id."""
    never: frozenset[str] = frozenset()
    """ARNs of principals that may not be named although their account may."""
    vouching: str = ""
    """The account whose identity providers may vouch for one subject each; empty for none."""
    jobs: frozenset[str] | None = None
    """For which subjects they may, as `HOST SUBJECT`; None: for any one."""


def caller_design(caller: str, account: str) -> Design:
    """Whom the caller role of an account lets in, by what runs the application there."""
    if caller == "existing":
        return Design(frozenset({account}), None, vouching=account)
    if caller == "eks-irsa":
        return Design(frozenset(), vouching=account)
    return Design(frozenset(), frozenset({SERVICE_PRINCIPALS[caller]}))


def job_design(design: Design, arn: str, jobs: Mapping[str, Iterable[str]]) -> Design:
    """The design of a role that jobs of CI may become, where it is one: then the account's identity
    providers may vouch for those that `customers.yaml` names for it (`Environment.jobs`). Of any
    other role the design as it is."""
    _, _, _, _, account, resource = arn.split(":", 5)
    name = resource.removeprefix("role/")
    kind = {DEPLOY_ROLE: "deploy", PLAN_ROLE: "plan", AUDIT_ROLE: "audit"}.get(name)
    if kind is None and name.startswith(STATE_ROLES):
        kind = "plan" if name.endswith("-plan") else "deploy"
    if kind is None:
        return design
    return replace(design, vouching=account, jobs=frozenset(jobs.get(kind, ())))


def beyond(trust: Mapping[str, Any], design: Design) -> list[str]:
    """What a trust policy grants beyond the design, one phrase each; empty when nothing."""
    granted = [
        found
        for statement in _listed(trust)
        if statement["Effect"] == "Allow"
        for found in (*_principals(statement, design), *_pins(statement, design))
    ]
    stays = design.callers and len(lasting_ids(trust)) > 1
    return [*granted, "callers with an external id that was replaced"] if stays else granted


def lasting_ids(trust: Mapping[str, Any]) -> frozenset[str]:
    """The external ids that open a role until somebody changes its trust: all that are let in, but
    those that a denial by a near date ends. More than one is an id that was replaced and stays."""
    let_in = {
        each
        for statement in _listed(trust)
        if statement["Effect"] == "Allow"
        for key, value in statement.get("Condition", {}).get("StringEquals", {}).items()
        if key.lower() == "sts:externalid"
        for each in texts(value)
    }
    try:
        ending = ending_ids(parse_policy(trust))
    except PolicyError:  # nobody can say what a denial in it would end
        ending = frozenset()
    return frozenset(let_in - ending)


def _listed(trust: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    statements = trust["Statement"]
    return [statements] if isinstance(statements, Mapping) else list(statements)


def _principals(statement: Mapping[str, Any], design: Design) -> Iterator[str]:
    if "NotPrincipal" in statement:
        yield "everybody but a few"
        return
    for kind, name in named(statement["Principal"]):
        if name == "*":
            yield "everybody"
        elif kind == "Service":
            if design.services is not None and name not in design.services:
                yield f"the service {name}"
        elif kind == "Federated" and account_of(name) == design.vouching != "":
            if not _one_subject(statement):
                yield f"more than one of those whom {name.rpartition('/')[2]} vouches for"
            elif design.jobs is not None and _job(name, statement) not in design.jobs:
                yield f"a job of {name.rpartition('/')[2]} that is not named for it"
        elif kind != "AWS":
            yield f"whoever {name.rpartition('/')[2]} vouches for"
        elif account_of(name) not in design.accounts or name in design.never:
            yield name


def _one_subject(statement: Mapping[str, Any]) -> bool:
    """Whether audience and subject of a token are pinned to one text each."""
    exact = statement.get("Condition", {}).get("StringEquals", {})
    claims = {key.rpartition(":")[2].lower(): list(texts(v)) for key, v in exact.items()}
    return all(len(claims.get(name, ())) == 1 for name in ("aud", "sub"))


def _job(provider: str, statement: Mapping[str, Any]) -> str:
    """Whom of its subjects an identity provider vouches for here."""
    host = provider.partition(":oidc-provider/")[2]
    exact = statement["Condition"]["StringEquals"]
    return f"{host} {' '.join(texts(exact.get(f'{host}:sub', '')))}"


def _pins(statement: Mapping[str, Any], design: Design) -> Iterator[str]:
    if not design.callers:
        return
    exact = {
        key.lower(): set(texts(value))
        for key, value in statement.get("Condition", {}).get("StringEquals", {}).items()
    }
    pinned = exact.get("aws:principalarn", set())
    if not pinned or not pinned <= design.callers:
        yield "roles that are not the customer's caller roles"
    if "sts:externalid" not in exact:
        yield "callers without an external id"


def named(element: object) -> Iterator[tuple[str, str]]:
    """The principals of a Principal element, each with its kind."""
    if isinstance(element, Mapping):
        for kind, given in element.items():
            for name in texts(given):
                yield str(kind), name
    else:
        yield "AWS", str(element)


def account_of(name: str) -> str:
    """The account of a principal under `AWS`; empty for the id of one that is gone."""
    return name.split(":")[4] if name.startswith("arn:") else name if name.isdigit() else ""


def texts(value: object) -> Iterable[str]:
    """One text, number or Boolean or a list of them, as a list of texts."""
    return [str(each) for each in value] if isinstance(value, list | tuple) else [str(value)]
