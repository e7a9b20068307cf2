"""Which accounts, organizations and quotas an embedded cloud starts with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

CREDENTIALS_HEAD = "# Written by an embedded cloud; the next one may overwrite it."
"""The first line of a credentials file that is nobody's own."""


@dataclass(frozen=True, slots=True)
class OrganizationPlan:
    """An organization: its management account and its member accounts (12-digit ids)."""

    management_account: str
    accounts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class QuotaPlan:
    """What an account may ask of a model in a minute and Region; `None`: no limit.

    `account` is empty for all accounts that have no quota of their own for the model.
    """

    model: str
    """The id of a foundation model."""
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    account: str = ""


@dataclass(frozen=True, slots=True)
class CloudPlan:
    """The accounts of a cloud; those in no `organizations` entry belong to none.

    Models that no quota names have none, so that runs do not depend on how fast they are.
    """

    accounts: tuple[str, ...]
    organizations: tuple[OrganizationPlan, ...] = ()
    issuers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """The key set (JWKS) of each OpenID Connect issuer whose tokens can be verified, by its URL."""
    quotas: tuple[QuotaPlan, ...] = ()
    administrator: str = "user/administrator"
    """Who has every right in each account: `user/PATH/NAME`, or `role/PATH/NAME`, of which the
    credentials are a session that does not end."""
    inference_profile_key: str | None = None
    """Which reading of AWS is played: a value of `InferenceProfileKey`; None: its default."""
    localstack: str | None = None
    """Host and port of the LocalStack that stores IAM, KMS and Logs (`localhost:4566`)."""
