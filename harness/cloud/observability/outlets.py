"""Puts the ways out of log groups together and hooks them onto the ingestion of events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moto.logs.models import LogGroup, logs_backends

from harness.cloud.authorizer import Authorizer
from harness.cloud.call import ApiError, Call, ServiceRole
from harness.cloud.ingestion import Ingestion
from harness.cloud.observability import (
    data_protection,
    metric_filters,
    queries,
    resource_policies,
    retention_policies,
)
from harness.cloud.observability.account_policies import AccountPolicies
from harness.cloud.observability.delivery import Delivery
from harness.cloud.observability.played import (
    Played,
    invalid,
    named_group,
    now_ms,
    stored_group,
)
from harness.cloud.observability.settings import account_settings, settings_of
from harness.cloud.observability.subscriptions import Subscriptions

_LONGEST_DESTINATION_POLICY = 5120


class LogsOutlets(Played):
    """Subscriptions, metric filters, data protection, account policies, bearer tokens."""

    def __init__(
        self, authorizer: Authorizer, service_role: ServiceRole, ingestion: Ingestion
    ) -> None:
        self._delivery = Delivery(authorizer, service_role)
        subscriptions = Subscriptions(self._delivery)
        account = AccountPolicies(self._delivery)
        super().__init__(
            {
                "DeleteAccountPolicy": account.delete,
                "DeleteDataProtectionPolicy": data_protection.delete,
                "DeleteMetricFilter": metric_filters.delete,
                "DeleteResourcePolicy": resource_policies.delete,
                "DeleteSubscriptionFilter": subscriptions.delete,
                "DescribeAccountPolicies": account.describe,
                "DescribeMetricFilters": metric_filters.describe,
                "DescribeResourcePolicies": resource_policies.describe,
                "DescribeSubscriptionFilters": subscriptions.describe,
                "GetDataProtectionPolicy": data_protection.get,
                "GetLogGroupFields": queries.group_fields,
                "GetLogRecord": queries.record,
                "GetQueryResults": queries.results,
                "PutAccountPolicy": account.put,
                "PutBearerTokenAuthentication": _put_bearer_tokens,
                "PutDataProtectionPolicy": data_protection.put,
                "PutMetricFilter": metric_filters.put,
                "PutResourcePolicy": resource_policies.put,
                "PutSubscriptionFilter": subscriptions.put,
                "TestMetricFilter": metric_filters.test,
            }
        )
        ingestion.mask = data_protection.mask
        ingestion.observers += [subscriptions.observe, metric_filters.observe]

    def check(self, call: Call) -> None:
        """Raise `ApiError` for a destination that cannot be reached, or too long a policy of one.

        And for queries that are not played. moto does the rest of these operations.
        """
        if call.service != "logs":
            return
        if call.operation == "StartQuery":
            queries.check_query(call)
        elif call.operation == "PutDestination":
            source = f"arn:aws:logs:{call.region}:{call.account}:*"
            target, role = str(call.params["targetArn"]), str(call.params["roleArn"])
            if ":logs:" in target:
                raise invalid("A destination's target is a stream of Kinesis or Firehose.")
            self._delivery.test((call.account, call.region), source, target, role)
        elif (
            call.operation == "PutDestinationPolicy"
            and len(str(call.params["accessPolicy"])) > _LONGEST_DESTINATION_POLICY
        ):
            raise ApiError("InvalidParameterException", "The access policy is too long.")


def _put_bearer_tokens(call: Call) -> None:
    """PutBearerTokenAuthentication: kept and told; the embedded cloud takes signatures alone."""
    settings = settings_of(stored_group(named_group(call)))
    settings.bearer_tokens = bool(call.params["bearerTokenAuthenticationEnabled"])


def logs_policy(account: str, region: str, arn: str) -> str | None:
    """The policy that decides on a destination, a group or a stream; None where there is none."""
    resource = arn.split(":", 5)[5]
    if resource.startswith("log-group:"):
        return resource_policies.policy_of(account, region, resource)
    found = logs_backends[account][region].destinations.get(arn)
    return None if found is None else found.access_policy


def adapt_descriptions() -> None:
    """Make moto's descriptions of groups tell what is set on them here. To be called once."""
    describe: Any = LogGroup.to_describe_dict

    def to_describe_dict(self: Any) -> dict[str, Any]:
        described: dict[str, Any] = describe(self)
        told = {**described, **_set(self), **_kept(self, described["creationTime"])}
        return {name: value for name, value in told.items() if value is not None}

    LogGroup.to_describe_dict = to_describe_dict  # type: ignore[method-assign]


def _set(stored: Any) -> Mapping[str, Any]:
    settings = settings_of(stored)
    told: dict[str, Any] = {"metricFilterCount": len(settings.metric_filters)}
    if settings.data_protection is not None:
        told["dataProtectionStatus"] = "ACTIVATED"
    elif settings.protection_was_deleted:
        told["dataProtectionStatus"] = "DELETED"
    if account_settings(stored.account_id, stored.region).of_type(data_protection.ACCOUNT_TYPE):
        told["inheritedProperties"] = ["ACCOUNT_DATA_PROTECTION"]
    if settings.bearer_tokens:
        told["bearerTokenAuthenticationEnabled"] = True
    return told


def _kept(stored: Any, created_ms: int) -> Mapping[str, Any]:
    account = account_settings(stored.account_id, stored.region)
    policies = account.of_type(retention_policies.TYPE)
    return retention_policies.told(policies, stored.name, created_ms, now_ms()) or {}
