"""What a statement of a guardrail is for: requests that it must deny, requests that it must not,
and the condition keys that it may have; and who and what these requests name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

SOMEBODY = "arn:aws:iam::{a}:role/somebody"
ADMIN = "arn:aws:iam::{a}:role/Admin"
ORGANIZATIONS_ADMIN = "arn:aws:iam::{a}:role/OrganizationAccountAccessRole"
STRANGER = "arn:aws:iam::{x}:role/somebody"
OPERATOR = "arn:aws:iam::{o}:role/somebody"
DEPLOYER = "arn:aws:iam::{o}:role/bulkhead/bulkhead-deploy"
PLANNER = "arn:aws:iam::{o}:role/bulkhead/bulkhead-plan"
AUDITOR = "arn:aws:iam::{o}:role/bulkhead/bulkhead-audit"
EXECUTOR = "arn:aws:iam::{o}:role/bulkhead/spend/bulkhead-stop"
ALARM = "arn:aws:cloudwatch:{r}:{o}:alarm:bulkhead-spend.bulkhead-{customer}.x"
PROVIDER = "arn:aws:iam::{a}:oidc-provider/token.example.com"
RECORDS = "{group}:log-stream:x"

Context = Mapping[str, str | tuple[str, ...]]
SPARED = ("StringNotEquals", "aws:PrincipalArn")
STOPPING = ("ArnNotLike", "iam:PolicyARN")
DESTINATION = "arn:aws:logs:{r}:{o}:destination:x"
NO_SERVICE = ("BoolIfExists", "aws:PrincipalIsAWSService")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request. Templates know the account `{a}`, its Region `{r}`, an account outside the
    organization `{x}`, the operations account `{o}`, a model's ARN `{model}` and a profile's
    `{aip}`, a log group's ARN `{group}` and a key's `{key}`, the policy's customer `{customer}`,
    another of its accounts `{b}` (its only one again where it has one), another customer's
    account `{n}`, its fleet role `{fleet}` and the role's boundary `{boundary}`."""

    action: str
    resource: str = "*"
    context: Context = field(default_factory=dict)
    by: tuple[str, ...] = (SOMEBODY, ADMIN)
    """Who asks, each by itself."""


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a statement of a policy is for."""

    policy: str
    """The policy's name; `{customer}` in it stands for each customer."""
    sid: str
    rows: tuple[str, ...]
    denies: tuple[Asked, ...]
    spares: tuple[Asked, ...]
    keys: frozenset[tuple[str, str]] = frozenset()
    """Operators and condition keys that it may have: any other is a way out."""


INVOKE = Asked("bedrock:InvokeModel", "{aip}", {"aws:RequestedRegion": "{r}"})


def of_operations(
    sid: str,
    rows: tuple[str, ...],
    denies: tuple[Asked, ...],
    spares: Asked = INVOKE,
    *keys: tuple[str, str],
) -> Purpose:
    return Purpose("operations-scp", sid, rows, denies, (spares,), frozenset({SPARED, *keys}))
