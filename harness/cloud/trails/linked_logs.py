"""Log groups of linked accounts, as the monitoring account sees them.

A link is the source account's permission: the reader needs one of its own account, on the group's
ARN. Who is not linked is decided like anyone from another account.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatch-Logs-Cross-account.html
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from moto.logs.models import LogQuery, logs_backends

from harness.cloud.call import Answer, ApiError, Call, Need
from harness.cloud.catalogue.arns import log_group_of
from harness.cloud.trails.links import LOG_GROUP, Links
from harness.cloud.wire import Operation

_ONE_GROUP = frozenset({"FilterLogEvents", "GetLogEvents", "DescribeLogStreams"})
_READS = _ONE_GROUP | {"GetLogGroupFields", "GetLogRecord", "StartQuery"}
_LISTS = frozenset({"DescribeLogGroups", "ListLogGroups"})
_PAGE = 50


class LinkedLogs:
    """Decides and follows reads of linked groups; plays lists and queries across accounts."""

    def __init__(self, links: Links) -> None:
        self._links = links

    def own(self, call: Call, needs: tuple[Need, ...]) -> tuple[Need, ...]:
        """The needs of a read: on linked groups no policy of the source account is asked."""
        if call.service != "logs" or call.operation not in _READS:
            return needs
        return tuple(
            replace(need, resource_account="") if self._is_linked(call, need) else need
            for need in needs
        )

    def _is_linked(self, call: Call, need: Need) -> bool:
        if need.resource_account in ("", call.account):
            return False
        return self._sees(call, need.resource_account, _group_of(need.resource))

    def _sees(self, call: Call, source: str, group: str) -> bool:
        link = self._links.link((call.account, call.region), source, LOG_GROUP)
        return link is not None and link.groups(group)

    def follow(self, operation: Operation, call: Call) -> tuple[Operation, Call]:
        """A decided read by identifier becomes a read by name of the account that has the group.

        moto takes no identifiers; who follows reads a linked group as its owner does.
        """
        if call.service != "logs" or call.operation not in _ONE_GROUP:
            return operation, call
        given = str(call.params.get("logGroupIdentifier") or "")
        if not given:
            return operation, call
        source, group = _found(call, given)
        if source != call.account and not self._sees(call, source, group):
            return operation, call
        params = {k: v for k, v in call.params.items() if k != "logGroupIdentifier"}
        params["logGroupName"] = group
        request = replace(operation.request, body=json.dumps(params).encode())
        caller = replace(call.caller, account=source)
        return (
            replace(operation, params=params, request=request),
            replace(call, params=params, caller=caller),
        )

    # -- across accounts -------------------------------------------------------------

    def handles(self, service: str, operation: str) -> bool:
        """Lists and queries; `answer` leaves those that ask for the own account alone."""
        return service == "logs" and (operation in _LISTS or operation == "StartQuery")

    def answer(self, call: Call) -> Answer | None:
        """None where nothing of other accounts is asked for. Raises `ApiError`."""
        if call.operation == "StartQuery":
            return self._query(call)
        if not call.params.get("includeLinkedAccounts"):
            return None
        groups = [group.to_describe_dict() for group in self._groups(call)]
        if call.operation == "ListLogGroups":
            names = ("logGroupName", "logGroupArn", "logGroupClass")
            groups = [{name: each[name] for name in names if name in each} for each in groups]
        start = int(str(call.params.get("nextToken") or 0))
        size = int(call.params.get("limit") or _PAGE)
        page: dict[str, Any] = {"logGroups": groups[start : start + size]}
        if start + size < len(groups):
            page["nextToken"] = str(start + size)
        return Answer(page)

    def _groups(self, call: Call) -> Iterator[Any]:
        """The own groups and those of linked accounts, or of the accounts asked for."""
        asked = call.params.get("accountIdentifiers")
        prefix = str(call.params.get("logGroupNamePrefix") or "")
        pattern = str(call.params.get("logGroupNamePattern") or "").lower()
        if not asked or call.account in asked:
            yield from _named(call.account, call.region, prefix, pattern)
        for link in self._links.into((call.account, call.region), LOG_GROUP):
            if asked and link.account not in asked:
                continue
            for group in _named(link.account, link.region, prefix, pattern):
                if link.groups(group.name):
                    yield group

    def _query(self, call: Call) -> Answer | None:
        identifiers = [str(each) for each in call.params.get("logGroupIdentifiers") or ()]
        if not identifiers:
            return None
        groups = []
        for given in identifiers:
            account, name = _found(call, given)
            found: Any = logs_backends[account][call.region].groups.get(name)
            if found is None or (account != call.account and not self._sees(call, account, name)):
                raise ApiError("ResourceNotFoundException", "The specified log group is unknown.")
            groups.append(found)
        text, params = str(call.params["queryString"]), call.params
        query = LogQuery(
            str(uuid.uuid4()), int(params["startTime"]), int(params["endTime"]), text, groups
        )
        own: Any = logs_backends[call.account][call.region]
        own.queries[query.query_id] = query
        return Answer({"queryId": query.query_id})


def _named(account: str, region: str, prefix: str, pattern: str) -> Iterator[Any]:
    groups: Any = logs_backends[account][region].groups
    for name in sorted(groups):
        if name.startswith(prefix) and pattern in name.lower():
            yield groups[name]


def _found(call: Call, identifier: str) -> tuple[str, str]:
    """Account and name of the group that an identifier names, which was decided on."""
    return log_group_of(identifier, call.region) or (call.account, identifier)


def _group_of(need: str) -> str:
    """The group's name in what a read is decided on, `…:log-group:NAME:log-stream:STREAM`."""
    return need.split(":", 7)[6]
