"""Subscription filters of groups: which events go where as they come in.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutSubscriptionFilter.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.cloud.call import ApiError, Call
from harness.cloud.ingestion import LogEvent, LogGroupRef
from harness.cloud.observability.account_policies import account_subscriptions
from harness.cloud.observability.delivery import Delivery
from harness.cloud.observability.metric_filters import pattern_of
from harness.cloud.observability.played import (
    identified,
    invalid,
    not_found,
    now_ms,
    page,
    refuse_members,
    stored_group,
)
from harness.cloud.observability.settings import Subscription, is_standard, settings_of

_MOST = 2
_UNPLAYED = ("applyOnTransformedLogs", "fieldSelectionCriteria", "emitSystemFields")


class Subscriptions:
    """Plays the three operations and sends events on."""

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery

    def put(self, call: Call) -> None:
        """PutSubscriptionFilter."""
        refuse_members(call, *_UNPLAYED)
        group = identified(call, str(call.params["logGroupName"]))
        kept = settings_of(stored_group(group)).subscriptions
        if not is_standard(group):
            raise invalid("The log group's class has no subscription filters.")
        name, pattern = str(call.params["filterName"]), pattern_of(call)
        target = str(call.params["destinationArn"])
        role = str(call.params.get("roleArn") or "")
        if name not in kept and len(kept) >= _MOST:
            raise ApiError("LimitExceededException", "Resource limit exceeded.")
        self._delivery.test((call.account, call.region), group.arn, target, role)
        distribution = str(call.params.get("distribution") or "ByLogStream")
        kept[name] = Subscription(name, pattern, target, role, distribution, now_ms())

    def delete(self, call: Call) -> None:
        """DeleteSubscriptionFilter."""
        group = identified(call, str(call.params["logGroupName"]))
        kept = settings_of(stored_group(group)).subscriptions
        if kept.pop(str(call.params["filterName"]), None) is None:
            raise not_found("subscription filter")

    def describe(self, call: Call) -> Mapping[str, Any]:
        """DescribeSubscriptionFilters: those of the group alone, not those of its account."""
        name = str(call.params["logGroupName"])
        kept = settings_of(stored_group(identified(call, name))).subscriptions
        prefix = str(call.params.get("filterNamePrefix") or "")
        found = [
            {
                "filterName": each.name,
                "logGroupName": name,
                "filterPattern": each.pattern.text,
                "destinationArn": each.destination_arn,
                **({"roleArn": each.role_arn} if each.role_arn else {}),
                "distribution": each.distribution,
                "applyOnTransformedLogs": False,
                "creationTime": each.created,
            }
            for each in sorted(kept.values(), key=lambda one: one.name)
            if each.name.startswith(prefix)
        ]
        return page(found, call.params, "subscriptionFilters")

    def observe(self, group: LogGroupRef, stream: str, events: Sequence[LogEvent]) -> None:
        """Send on what the filters of the group and of its account let through."""
        if not is_standard(group):
            return
        kept = list(settings_of(stored_group(group)).subscriptions.values())
        for each in (*kept, *account_subscriptions(group)):
            matching = [event for event in events if each.pattern.matches(event.visible)]
            if matching:
                self._delivery.events(
                    group, stream, each.destination_arn, each.role_arn, each.name, matching
                )
