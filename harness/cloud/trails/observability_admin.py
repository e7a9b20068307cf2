"""The API of CloudWatch's observability administration: centralization and telemetry rules.

https://docs.aws.amazon.com/cloudwatch/latest/observabilityadmin/Welcome.html
Other operations than those on rules are not played.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from harness.cloud.call import Answer, ApiError, Call
from harness.cloud.trails.rules import (
    CENTRALIZATION,
    ORGANIZATION_TELEMETRY,
    TELEMETRY,
    Rule,
    Rules,
    administers,
    is_trusted,
    scope,
)
from harness.cloud.trails.selection import SelectionError, selection
from harness.estate import EstateSource, OrganizationRecord

_OPERATION = re.compile(
    r"(?P<verb>Create|Get|List|Update|Delete)(?P<what>Centralization|Telemetry)Rules?"
    r"(?P<organization>ForOrganization)?"
)
_TAGGING = ("ListTagsForResource", "TagResource", "UntagResource")


class ObservabilityAdmin:
    """Plays the operations on rules; who may is decided before, what AWS asks beyond that here."""

    def __init__(self, rules: Rules, estate: EstateSource, now: Callable[[], datetime]) -> None:
        self._rules = rules
        self._estate = estate
        self._now = now

    def handles(self, service: str, operation: str) -> bool:
        """The operations on rules and their tags."""
        return service == "observabilityadmin" and (
            operation in _TAGGING or _OPERATION.fullmatch(operation) is not None
        )

    def answer(self, call: Call) -> Answer:
        """Raises `ApiError` as the service does."""
        if call.operation in _TAGGING:
            return Answer(self._tags(call))
        match = _OPERATION.fullmatch(call.operation)
        assert match is not None
        kind = CENTRALIZATION if match["what"] == "Centralization" else ORGANIZATION_TELEMETRY
        organization = None
        if match["organization"]:
            organization = self._administered(call)
        else:
            kind = TELEMETRY
        if match["verb"] == "Create":
            return Answer(self._create(call, kind, organization))
        if match["verb"] == "List":
            return Answer(self._list(call, kind, organization))
        rule = self._find(call, kind, organization)
        if match["verb"] == "Get":
            return Answer(self._described(rule))
        if match["verb"] == "Delete":
            del self._rules.by_arn[rule.arn]
            return Answer()
        self._check(call, kind, organization)
        rule.content, rule.updated = call.params["Rule"], self._now()
        return Answer({"RuleArn": rule.arn})

    def _administered(self, call: Call) -> OrganizationRecord:
        organization = self._estate.organization(call.account)
        if organization is None or not administers(call.account, organization):
            raise ApiError(
                "AccessDeniedException",
                "Only the management account or a delegated administrator may do this.",
                400,
            )
        return organization

    def _create(
        self, call: Call, kind: str, organization: OrganizationRecord | None
    ) -> dict[str, Any]:
        self._check(call, kind, organization)
        now = self._now()
        rule = Rule(
            kind=kind,
            name=str(call.params["RuleName"]),
            account=call.account,
            region=call.region,
            organization="" if organization is None else organization.organization_id,
            content=call.params["Rule"],
            created=now,
            updated=now,
            tags={str(k): str(v) for k, v in (call.params.get("Tags") or {}).items()},
        )
        if rule.arn in self._rules.by_arn:
            raise ApiError("ConflictException", "There is a rule of this name.", 400)
        self._rules.by_arn[rule.arn] = rule
        return {"RuleArn": rule.arn}

    def _check(self, call: Call, kind: str, organization: OrganizationRecord | None) -> None:
        if organization is not None and not is_trusted(organization):
            raise _invalid("Trusted access is not enabled for CloudWatch in the organization.")
        if kind != CENTRALIZATION or organization is None:
            return
        rule = call.params["Rule"]
        destination = str(rule["Destination"].get("Account") or call.account)
        there = self._estate.organization(destination)
        if there is None or there.organization_id != organization.organization_id:
            raise _invalid("The destination account is not in the organization.")
        logs = rule["Source"].get("SourceLogsConfiguration") or {}
        if logs.get("DataSourceSelectionCriteria"):
            raise _invalid("The embedded cloud does not know data sources of log events.")
        try:
            scope(str(rule["Source"].get("Scope") or ""))
            selection(str(logs.get("LogGroupSelectionCriteria") or ""), "LogGroupName")
        except SelectionError as error:
            raise _invalid(str(error)) from None

    def _find(self, call: Call, kind: str, organization: OrganizationRecord | None) -> Rule:
        wanted = str(call.params["RuleIdentifier"])
        found = [r for r in self._of(call, kind, organization) if wanted in (r.arn, r.name)]
        for rule in sorted(found, key=lambda rule: rule.account != call.account):
            return rule
        raise ApiError("ResourceNotFoundException", "There is no such rule.", 404)

    def _of(self, call: Call, kind: str, organization: OrganizationRecord | None) -> list[Rule]:
        identity = "" if organization is None else organization.organization_id
        return self._rules.of(kind, call.account, call.region, identity)

    def _list(
        self, call: Call, kind: str, organization: OrganizationRecord | None
    ) -> dict[str, Any]:
        prefix = str(call.params.get("RuleNamePrefix") or "")
        found = [
            self._summary(rule)
            for rule in self._of(call, kind, organization)
            if rule.name.startswith(prefix)
        ]
        what = "Centralization" if kind == CENTRALIZATION else "Telemetry"
        return {f"{what}RuleSummaries": found}

    def _summary(self, rule: Rule) -> dict[str, Any]:
        made: dict[str, Any] = {
            "RuleName": rule.name,
            "RuleArn": rule.arn,
            "CreatedTimeStamp": int(rule.created.timestamp()),
            "LastUpdateTimeStamp": int(rule.updated.timestamp()),
        }
        if rule.kind != CENTRALIZATION:
            names = ("ResourceType", "TelemetryType", "TelemetrySourceTypes")
            return {**made, **{n: rule.content[n] for n in names if n in rule.content}}
        destination: Mapping[str, Any] = rule.content["Destination"]
        return {
            **made,
            **self._health(rule),
            "CreatorAccountId": rule.account,
            "CreatedRegion": rule.region,
            "DestinationAccountId": destination.get("Account") or rule.account,
            "DestinationRegion": destination["Region"],
        }

    def _health(self, rule: Rule) -> dict[str, str]:
        organization = self._estate.organization(rule.account)
        if organization is not None and is_trusted(organization):
            return {"RuleHealth": "Healthy"}
        return {"RuleHealth": "Unhealthy", "FailureReason": "TRUSTED_ACCESS_NOT_ENABLED"}

    def _described(self, rule: Rule) -> dict[str, Any]:
        made = self._summary(rule)
        if rule.kind != CENTRALIZATION:
            names = ("RuleName", "RuleArn", "CreatedTimeStamp", "LastUpdateTimeStamp")
            return {**{n: made[n] for n in names}, "TelemetryRule": rule.content}
        return {**made, "CentralizationRule": rule.content}

    def _tags(self, call: Call) -> dict[str, Any]:
        rule = self._rules.by_arn.get(str(call.params["ResourceARN"]))
        if rule is None or rule.account != call.account:
            raise ApiError("ResourceNotFoundException", "There is no such resource.", 404)
        if call.operation == "ListTagsForResource":
            return {"Tags": dict(rule.tags)}
        rule.tags.update(call.params.get("Tags") or {})
        for key in call.params.get("TagKeys") or ():
            rule.tags.pop(key, None)
        return {}


def _invalid(message: str) -> ApiError:
    return ApiError("ValidationException", message, 400)
