"""Which accounts and organizations an embedded cloud starts with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


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
    issuers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """The key set (JWKS) of each OpenID Connect issuer whose tokens can be verified, by its URL."""
