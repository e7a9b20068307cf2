"""Metrics of linked accounts, as the monitoring account sees them.

And the own account's queries, where they ask for what is not played.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html (AccountId)
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_ListMetrics.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from moto.cloudwatch.models import cloudwatch_backends

from harness.cloud.call import Answer, ApiError, Call
from harness.cloud.trails.links import METRIC, Link, Links

_OPERATIONS = ("GetMetricData", "ListMetrics")


class LinkedMetrics:
    """Plays lists and queries of metrics that ask for other accounts."""

    def __init__(self, links: Links) -> None:
        self._links = links

    def handles(self, service: str, operation: str) -> bool:
        """`answer` leaves what asks for the own account alone."""
        return service == "cloudwatch" and operation in _OPERATIONS

    def answer(self, call: Call) -> Answer | None:
        """None where nothing of other accounts is asked for. Raises `ApiError`."""
        if call.operation == "ListMetrics":
            wanted = call.params.get("IncludeLinkedAccounts")
            return self._list(call) if wanted else None
        queries = call.params.get("MetricDataQueries") or ()
        if all(query.get("AccountId", call.account) == call.account for query in queries):
            _refuse_math(queries)
            return None
        if any("MetricStat" not in query for query in queries):
            raise ApiError(
                "ValidationError", "Expressions across accounts are not played here.", 400
            )
        return Answer({"MetricDataResults": [self._result(call, each) for each in queries]})

    def _list(self, call: Call) -> Answer:
        owner = call.params.get("OwningAccount")
        metrics: list[dict[str, Any]] = []
        owners: list[str] = []
        for account, link in self._accounts(call):
            if owner and owner != account:
                continue
            backend: Any = cloudwatch_backends[account][call.region]
            for metric in backend.get_filtered_metrics(
                call.params.get("MetricName"),
                call.params.get("Namespace"),
                call.params.get("Dimensions") or [],
            ):
                if link is None or link.namespaces(metric.namespace):
                    metrics.append(_described(metric))
                    owners.append(account)
        return Answer({"Metrics": metrics, "OwningAccounts": owners})

    def _accounts(self, call: Call) -> Iterator[tuple[str, Link | None]]:
        yield call.account, None
        for link in self._links.into((call.account, call.region), METRIC):
            yield link.account, link

    def _result(self, call: Call, query: Mapping[str, Any]) -> dict[str, Any]:
        account = str(query.get("AccountId") or call.account)
        namespace = str(query["MetricStat"]["Metric"].get("Namespace", ""))
        if account != call.account:
            link = self._links.link((call.account, call.region), account, METRIC)
            if link is None or not link.namespaces(namespace):
                return {"Id": query["Id"], "StatusCode": "Forbidden", "Values": []}
        backend: Any = cloudwatch_backends[account][call.region]
        (found,) = backend.get_metric_data(
            queries=[{**query, "ReturnData": True}],
            start_time=call.params["StartTime"],
            end_time=call.params["EndTime"],
            scan_by=call.params.get("ScanBy") or "TimestampDescending",
        )
        return {
            "Id": found["id"],
            "Label": found["label"],
            "Values": [float(value) for value in found["values"]],
            "Timestamps": found["timestamps"],
            "StatusCode": "Complete",
        }


def _refuse_math(queries: Sequence[Mapping[str, Any]]) -> None:
    """Raises `ApiError` for an expression that moto would answer with nothing."""
    ids = {query.get("Id") for query in queries}
    if any("Expression" in query and query["Expression"] not in ids for query in queries):
        raise ApiError(
            "ValidationError", "Searches and metric math are not played in GetMetricData.", 400
        )


def _described(metric: Any) -> dict[str, Any]:
    return {
        "Namespace": metric.namespace,
        "MetricName": metric.name,
        "Dimensions": [{"Name": each.name, "Value": each.value} for each in metric.dimensions],
    }
