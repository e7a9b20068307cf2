"""What hangs on log groups and on accounts, kept beside moto's own objects.

A group's settings live and die with moto's group.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from moto.logs.models import logs_backends

from harness.cloud.ingestion import LogGroupRef
from harness.cloud.log_classes import class_of
from harness.cloud.observability.patterns import FilterPattern
from harness.cloud.observability.played import stored_group

_KEPT = "bulkhead_settings"


@dataclass(frozen=True, slots=True)
class Subscription:
    """Where matching events go. `role_arn` is empty for Lambda and for logical destinations."""

    name: str
    pattern: FilterPattern
    destination_arn: str
    role_arn: str
    distribution: str
    created: int


@dataclass(frozen=True, slots=True)
class MetricFilter:
    """Which events make datapoints, and of which metrics."""

    name: str
    pattern: FilterPattern
    transformations: Sequence[Mapping[str, Any]]
    created: int


@dataclass(frozen=True, slots=True)
class Document:
    """A policy's text and when it was put."""

    text: str
    updated: int


@dataclass(frozen=True, slots=True)
class AccountPolicy:
    """A policy of a whole account and Region."""

    name: str
    type: str
    document: Document
    selection: str
    created: int
    before: AccountPolicy | None = None
    """The version before this one that acts until this one does."""


@dataclass(slots=True)
class GroupSettings:
    """What is set on one group."""

    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    metric_filters: dict[str, MetricFilter] = field(default_factory=dict)
    data_protection: Document | None = None
    protection_was_deleted: bool = False
    bearer_tokens: bool = False
    resource_policy: Document | None = None
    policy_revision: str = ""


@dataclass(slots=True)
class AccountSettings:
    """What is set on an account in one Region."""

    policies: dict[tuple[str, str], AccountPolicy] = field(default_factory=dict)
    resource_policies: dict[str, Document] = field(default_factory=dict)
    """By name: who may write to the account's log groups."""

    def of_type(self, kind: str) -> list[AccountPolicy]:
        """The policies of one type."""
        return [policy for (each, _), policy in self.policies.items() if each == kind]


def settings_of(stored: Any) -> GroupSettings:
    """The settings of a group as moto keeps it."""
    kept: GroupSettings | None = getattr(stored, _KEPT, None)
    if kept is None:
        kept = GroupSettings()
        setattr(stored, _KEPT, kept)
    return kept


def account_settings(account: str, region: str) -> AccountSettings:
    """The settings of an account in a Region."""
    backend: Any = logs_backends[account][region]
    kept: AccountSettings | None = getattr(backend, _KEPT, None)
    if kept is None:
        kept = AccountSettings()
        setattr(backend, _KEPT, kept)
    return kept


def is_standard(group: LogGroupRef) -> bool:
    """Whether the group is of the class that has subscriptions and metrics."""
    return class_of(stored_group(group)) == "STANDARD"
