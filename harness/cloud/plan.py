"""Which accounts and organizations an embedded cloud starts with."""

from __future__ import annotations

from dataclasses import dataclass

CREDENTIALS_HEAD = "# Written by an embedded cloud; the next one may overwrite it."
"""The first line of a credentials file that is nobody's own."""


@dataclass(frozen=True, slots=True)
class OrganizationPlan:
    """An organization: its management account and its member accounts (12-digit ids)."""

    management_account: str
    accounts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CloudPlan:
    """The accounts of a cloud; those in no `organizations` entry belong to none."""

    accounts: tuple[str, ...]
    organizations: tuple[OrganizationPlan, ...] = ()
