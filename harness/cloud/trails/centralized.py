"""Centralization: copies of new log events in another account of the organization.

Events are copied as they come in, raw: neither a data protection policy nor the source's key stands
in the way, unless the rule skips encrypted groups. Groups of one name merge by default.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatchLogs_Centralization.html
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from moto.logs.models import logs_backends

from harness.cloud.call import ApiError
from harness.cloud.ingestion import Ingestion, LogEvent, LogGroupRef, group_ref
from harness.cloud.trails.rules import CENTRALIZATION, Rule, Rules, is_trusted, scope
from harness.cloud.trails.selection import selection
from harness.estate import EstateSource, OrganizationRecord

_DEFAULT_PATTERN = "${source.logGroup}"
_VARIABLE = re.compile(r"\$\{([A-Za-z.]+)\}")


class Centralized:
    """Observes what comes into log groups and copies what rules centralize."""

    def __init__(self, rules: Rules, estate: EstateSource, ingestion: Ingestion) -> None:
        self._rules = rules
        self._estate = estate
        self._ingestion = ingestion
        self._copies: set[tuple[LogGroupRef, str]] = set()
        ingestion.observers.append(self.copy)

    def copy(self, group: LogGroupRef, stream: str, events: Sequence[LogEvent]) -> None:
        """Copy events of a group to where the rules of its organization say. Copies stay."""
        if not self._rules.by_arn or (group, stream) in self._copies:
            return
        organization = self._estate.organization(group.account)
        if organization is None or not is_trusted(organization):
            return
        identity = organization.organization_id
        for rule in self._rules.of(CENTRALIZATION, "", "", identity):
            for destination in self._destinations(rule, group, organization):
                self._put(rule, destination, f"{stream}_{group.account}_{group.region}", events)

    def _destinations(
        self, rule: Rule, group: LogGroupRef, organization: OrganizationRecord
    ) -> Iterator[LogGroupRef]:
        source: Mapping[str, Any] = rule.content["Source"]
        logs = source.get("SourceLogsConfiguration")
        if logs is None or group.region not in source["Regions"]:
            return
        if not _in_scope(str(source.get("Scope") or ""), group.account, organization):
            return
        criteria = str(logs.get("LogGroupSelectionCriteria") or "")
        if not selection(criteria, "LogGroupName")(group.name):
            return
        stored: Any = logs_backends[group.account][group.region].groups[group.name]
        if stored.kms_key_id and logs.get("EncryptedLogGroupStrategy") != "ALLOW":
            return
        to: Mapping[str, Any] = rule.content["Destination"]
        configuration: Mapping[str, Any] = to.get("DestinationLogsConfiguration") or {}
        naming = configuration.get("LogGroupNameConfiguration") or {}
        name = _named(naming.get("LogGroupNamePattern") or _DEFAULT_PATTERN, group, organization)
        backup = (configuration.get("BackupConfiguration") or {}).get("Region")
        for region in filter(None, (to["Region"], backup)):
            found = group_ref(str(to.get("Account") or rule.account), str(region), name)
            if (found.account, found.region) != (group.account, group.region):
                yield found

    def _put(self, rule: Rule, group: LogGroupRef, stream: str, events: Sequence[LogEvent]) -> None:
        backend: Any = logs_backends[group.account][group.region]
        if group.name not in backend.groups:
            configuration = rule.content["Destination"].get("DestinationLogsConfiguration") or {}
            key = (configuration.get("LogsEncryptionConfiguration") or {}).get("KmsKeyArn")
            backend.create_log_group(group.name, {}, kmsKeyId=key)
        if stream not in backend.groups[group.name].streams:
            backend.create_log_stream(group.name, stream)
        self._copies.add((group, stream))
        raw = [{"timestamp": each.timestamp, "message": each.message} for each in events]
        # A copy that its key shuts out is lost; the source's events are in all the same.
        with contextlib.suppress(ApiError):
            self._ingestion.put(group, stream, raw)


def _in_scope(text: str, account: str, organization: OrganizationRecord) -> bool:
    field, selected = scope(text)
    if field == "AccountId":
        return selected(account)
    if field == "OrganizationId":
        return selected(organization.organization_id)
    return any(selected(unit) for unit in organization.path.split("/")[1:] if unit)


def _named(pattern: str, group: LogGroupRef, organization: OrganizationRecord) -> str:
    """The destination's name.

    https://docs.aws.amazon.com/cloudwatch/latest/observabilityadmin/API_LogGroupNameConfiguration.html
    """
    units = [each for each in organization.path.split("/")[1:] if each]
    values = {
        "source.logGroup": group.name,
        "source.accountId": group.account,
        "source.region": group.region,
        "source.org.id": organization.organization_id,
        "source.org.rootId": units[0] if units else organization.organization_id,
        "source.org.ouId": units[-1] if units else organization.organization_id,
        "source.org.path": organization.path.strip("/"),
    }
    return _VARIABLE.sub(lambda match: values.get(match[1], match[0]), pattern)
