"""Policies as immutable, compiled values, and the layers they take part in.

`parse` makes them from documents; `decide` asks them. Everything the document said stays
readable on them (for the prover and for messages); what is compiled is private.

AWS page: reference_policies_grammar.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from harness.iam.condition import Condition, Test
from harness.iam.context import View
from harness.iam.errors import PolicyError
from harness.iam.pattern import PatternSet
from harness.iam.principal import Grant, PrincipalSet

Effect = Literal["Allow", "Deny"]


class PolicyKind(StrEnum):
    """The layer a policy acts in. TRUST and KEY are resource-based, with rules of their own."""

    IDENTITY = "identity"
    RESOURCE = "resource"
    TRUST = "trust"
    KEY = "key"
    BOUNDARY = "boundary"
    SESSION = "session"
    SCP = "scp"
    RCP = "rcp"

    @property
    def phrase(self) -> str:
        """The words of AWS's access denied messages (troubleshoot_access-denied)."""
        return _PHRASES.get(self, "resource-based policy")

    @property
    def is_resource_based(self) -> bool:
        """Whether its statements name principals and belong to one resource."""
        return self in (PolicyKind.RESOURCE, PolicyKind.TRUST, PolicyKind.KEY)


_PHRASES = {
    PolicyKind.IDENTITY: "identity-based policy",
    PolicyKind.BOUNDARY: "permissions boundary",
    PolicyKind.SESSION: "session policy",
    PolicyKind.SCP: "service control policy",
    PolicyKind.RCP: "resource control policy",
}


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement. `resources` is None for want of the element: in a trust policy it means the
    role, in a key policy nothing (`resource_patterns` match nothing then), elsewhere an error.

    `not_principal`, `not_action` and `not_resource` say that the element is the negated one.
    """

    index: int
    sid: str | None
    effect: Effect
    principals: PrincipalSet | None
    not_principal: bool
    actions: tuple[str, ...]
    not_action: bool
    resources: tuple[str, ...] | None
    not_resource: bool
    conditions: tuple[Condition, ...]
    source: Mapping[str, Any] = field(compare=False, repr=False)
    """The statement's JSON."""
    action_patterns: PatternSet = field(compare=False, repr=False)
    resource_patterns: PatternSet | None = field(compare=False, repr=False)
    tests: tuple[Test, ...] = field(compare=False, repr=False)

    @property
    def label(self) -> str:
        """The Sid, or the index for want of one."""
        return self.sid or str(self.index)

    def covers_action(self, action: str) -> bool:
        """`action` in lower case; actions take no variables."""
        return self.action_patterns.matches(action, _no_variables) is not self.not_action

    def grants(self, view: View) -> Grant:
        """How an Allow statement names the principal; DIRECT where it has no Principal at all."""
        return Grant.DIRECT if self.principals is None else self.principals.grant(view.principal)

    def denies(self, view: View) -> bool:
        """Whether this Deny statement fires, for an action that it covers."""
        principals = self.principals
        if principals is not None:
            if self.not_principal:
                if principals.exempts(view.principal, boundary=view.boundary):
                    return False
            elif principals.grant(view.principal) is Grant.NONE:
                return False
        return self.holds(view)

    def holds(self, view: View) -> bool:
        """Whether the resource and every condition match."""
        patterns = self.resource_patterns
        if (
            patterns is not None
            and patterns.matches(view.resource, view.single) is self.not_resource
        ):
            return False
        for test in self.tests:  # noqa: SIM110 - twice as fast as all(), and this is the inner loop
            if not test(view):
                return False
        return True


def _no_variables(_key: str) -> None:
    return None


_INDEX_LIMIT = 4096


@dataclass(frozen=True, slots=True)
class Policy:
    """A parsed policy; equal to another when both say the same in the same order."""

    version: str
    statements: tuple[Statement, ...]
    id: str | None = None
    _index: dict[str, tuple[tuple[Statement, ...], tuple[Statement, ...]]] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )
    has_denies: bool = field(init=False, compare=False, repr=False)
    """Whether any statement is a Deny."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "has_denies", any(s.effect == "Deny" for s in self.statements))

    def about(self, action: str) -> tuple[tuple[Statement, ...], tuple[Statement, ...]]:
        """The (Deny, Allow) statements whose Action element covers `action`, in lower case.

        Remembered per action, so that a decision never looks at the others again.
        """
        found = self._index.get(action)
        if found is None:
            covering = [s for s in self.statements if s.covers_action(action)]
            found = (
                tuple(s for s in covering if s.effect == "Deny"),
                tuple(s for s in covering if s.effect == "Allow"),
            )
            if len(self._index) >= _INDEX_LIMIT:
                self._index.clear()
            self._index[action] = found
        return found

    def asks_for(self, key: str, action: str) -> bool:
        """Whether a statement about `action` has `key` (both in lower case) in a condition or a
        variable; a key that ends in `/` stands for all that begin so."""
        denies, allows = self.about(action)
        return any(key in json.dumps(dict(s.source)).lower() for s in (*denies, *allows))

    def to_document(self) -> dict[str, Any]:
        """The policy as JSON data; parsing it again gives an equal policy."""
        document: dict[str, Any] = {"Version": self.version}
        if self.id is not None:
            document["Id"] = self.id
        document["Statement"] = [dict(statement.source) for statement in self.statements]
        return document


@dataclass(frozen=True, slots=True)
class NamedPolicy:
    """A policy in its place; `name` is what decisions report (an ARN, an inline name, an SCP id).

    Raises PolicyError when the policy lacks Principal or Resource where its kind needs one, or has
    a Principal where its kind has none.
    """

    kind: PolicyKind
    name: str
    policy: Policy

    def __post_init__(self) -> None:
        wanted = self.kind.is_resource_based or self.kind is PolicyKind.RCP
        for statement in self.policy.statements:
            if (statement.principals is not None) is not wanted:
                verb = "must have" if wanted else "must not have"
                raise PolicyError(
                    f"{self.name}: statement {statement.label} {verb} a Principal, "
                    f"being part of a {self.kind.phrase}"
                )
            if statement.resource_patterns is None and self.kind is not PolicyKind.TRUST:
                # It would hold for every resource, of a bucket as of the whole account.
                raise PolicyError(
                    f"{self.name}: statement {statement.label} must have a Resource, "
                    f"being part of a {self.kind.phrase}"
                )


@dataclass(frozen=True, slots=True)
class PolicySet:
    """Every policy that bears on one request.

    `session` is None when the session was made without session policies; an empty tuple allows
    nothing. `scps` and `rcps` hold one tuple per level, organization root first; empty means that
    the account is in no organization or exempt.
    """

    identity: tuple[NamedPolicy, ...] = ()
    resource: NamedPolicy | None = None
    boundary: NamedPolicy | None = None
    session: tuple[NamedPolicy, ...] | None = None
    scps: tuple[tuple[NamedPolicy, ...], ...] = ()
    rcps: tuple[tuple[NamedPolicy, ...], ...] = ()

    def all(self) -> Iterator[NamedPolicy]:
        """Every policy, the organization's first."""
        for level in (*self.rcps, *self.scps):
            yield from level
        if self.resource is not None:
            yield self.resource
        yield from self.identity
        if self.boundary is not None:
            yield self.boundary
        yield from self.session or ()
