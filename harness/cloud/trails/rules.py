"""The rules of CloudWatch's observability administration, and who may make them.

Rules of an organization are made by its management account or by a delegated administrator, while
trusted access is on. Centralization rules copy log events (`centralized`); telemetry rules are kept
and listed.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/telemetry-config-cloudwatch.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from moto.organizations.models import (
    FakeDelegatedAdministrator,
    FakeServiceAccess,
    organizations_backends,
)

from harness.cloud.trails.selection import Selection, SelectionError, selection
from harness.estate import OrganizationRecord

SERVICE = "observabilityadmin.amazonaws.com"
CENTRALIZATION = "organization-centralization-rule"
ORGANIZATION_TELEMETRY = "organization-telemetry-rule"
TELEMETRY = "telemetry-rule"


@dataclass(slots=True)
class Rule:
    """A rule of any kind; `content` is `Rule` as it was given."""

    kind: str
    name: str
    account: str
    region: str
    organization: str
    content: Mapping[str, Any]
    created: datetime
    updated: datetime
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        """The rule's ARN."""
        return f"arn:aws:observabilityadmin:{self.region}:{self.account}:{self.kind}/{self.name}"


class Rules:
    """The rules of one cloud, by ARN."""

    def __init__(self) -> None:
        _let_in_observability()
        self.by_arn: dict[str, Rule] = {}

    def of(self, kind: str, account: str, region: str, organization: str) -> list[Rule]:
        """The rules of a kind: of an organization wherever made, or of one account and Region."""
        return [
            rule
            for rule in list(self.by_arn.values())
            if rule.kind == kind
            and (
                (rule.account, rule.region) == (account, region)
                if kind == TELEMETRY
                else rule.organization == organization
            )
        ]


def administers(account: str, organization: OrganizationRecord) -> bool:
    """Whether an account may make rules for its organization."""
    if account == organization.management_account:
        return True
    admins = organizations_backends[organization.management_account]["aws"].admins
    return any(admin.account.id == account and SERVICE in admin.services for admin in admins)


def is_trusted(organization: OrganizationRecord) -> bool:
    """Whether trusted access is on for the service."""
    services = organizations_backends[organization.management_account]["aws"].services
    return any(service["ServicePrincipal"] == SERVICE for service in services)


def scope(text: str) -> tuple[str, Selection]:
    """Which accounts a rule means, as a field and a selection of it. Raises `SelectionError`.

    The field is AccountId, OrganizationId or OrganizationUnitId; `*` and nothing mean all.
    """
    for name in ("AccountId", "OrganizationId", "OrganizationUnitId"):
        if name.lower() in text.lower():
            return name, selection(text, name)
    if text.strip() in ("", "*"):
        return "AccountId", lambda _: True
    raise SelectionError("The scope names no field that is known.")


def _let_in_observability() -> None:
    """moto knows neither trusted access nor a delegated administrator for this service."""
    for known in (
        FakeServiceAccess.TRUSTED_SERVICES,
        FakeDelegatedAdministrator.SUPPORTED_SERVICES,
    ):
        if SERVICE not in known:
            known.append(SERVICE)
