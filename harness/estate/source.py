"""The protocol through which one decision reads the part of the estate that it needs.

Pure: sources (the inner app in process, live APIs, a snapshot) live with what they read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from harness.iam import NamedPolicy


@dataclass(frozen=True, slots=True)
class PrincipalRecord:
    """What a user or role may do by itself."""

    arn: str
    """With its path: what `aws:PrincipalArn` says of it."""
    identity: tuple[NamedPolicy, ...] = ()
    boundary: NamedPolicy | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RoleRecord:
    """A role as the one who wants to assume it sees it."""

    arn: str
    name: str
    role_id: str
    trust: NamedPolicy
    max_session_duration: int
    """Seconds."""


@dataclass(frozen=True, slots=True)
class OrganizationRecord:
    """An account's place in an organization, with the policies on the way from the root to it.

    `scps` and `rcps` are empty where they do not apply: in the management account, and while the
    policy type is not enabled on the root.
    """

    organization_id: str
    management_account: str
    path: str
    """As in `aws:PrincipalOrgPaths`: `o-…/r-…/ou-…/`."""
    scps: tuple[tuple[NamedPolicy, ...], ...] = ()
    rcps: tuple[tuple[NamedPolicy, ...], ...] = ()


class EstateSource(Protocol):
    """Reads the live estate. A missing thing is None; an unreadable policy raises `PolicyError`."""

    def user(self, account: str, name: str, entity_id: str) -> PrincipalRecord | None:
        """The user of that name, if it still is the same one."""

    def role_principal(self, account: str, role_id: str) -> PrincipalRecord | None:
        """The role behind a session, found by its unique id: a recreated role is another one."""

    def role(self, account: str, name: str) -> RoleRecord | None: ...

    def managed_policy(self, account: str, arn: str) -> NamedPolicy | None: ...

    def resource_policy(self, arn: str) -> NamedPolicy | None:
        """The policy on a resource: trust, key or resource policy. None where it has none."""

    def resource_tags(self, arn: str) -> Mapping[str, str] | None:
        """Empty where there is nothing that bears tags; None where the tags are not known."""

    def key_aliases(self, arn: str) -> tuple[str, ...]:
        """The aliases of a KMS key, each `alias/NAME`; empty where it has none."""

    def organization(self, account: str) -> OrganizationRecord | None:
        """None for an account in no organization."""
