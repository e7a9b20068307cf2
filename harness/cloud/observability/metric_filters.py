"""Metric filters and the embedded metric format: datapoints made of log events.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutMetricFilter.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from moto.logs.models import logs_backends

from harness.cloud.call import ApiError, Call
from harness.cloud.ingestion import LogEvent, LogGroupRef, group_ref
from harness.cloud.moto_metrics import put_metric
from harness.cloud.observability.json_pattern import extracted, selector
from harness.cloud.observability.patterns import FilterPattern, PatternError, parse
from harness.cloud.observability.played import (
    identified,
    invalid,
    not_found,
    now_ms,
    page,
    refuse_members,
    stored_group,
)
from harness.cloud.observability.settings import MetricFilter, is_standard, settings_of

_MOST_FILTERS, _MOST_DIMENSIONS, _MOST_VALUES, _EMF_DIMENSIONS = 100, 3, 100, 30
_UNPLAYED = ("applyOnTransformedLogs", "fieldSelectionCriteria", "emitSystemFieldDimensions")


def pattern_of(call: Call) -> FilterPattern:
    """The call's filter pattern. Raises `ApiError` (InvalidParameterException)."""
    try:
        return parse(str(call.params.get("filterPattern") or ""))
    except PatternError:
        raise invalid("Invalid filter pattern") from None


def put(call: Call) -> None:
    """PutMetricFilter."""
    refuse_members(call, *_UNPLAYED)
    group = identified(call, str(call.params["logGroupName"]))
    kept = settings_of(stored_group(group)).metric_filters
    name, pattern = str(call.params["filterName"]), pattern_of(call)
    transformations = call.params["metricTransformations"]
    if len(transformations) != 1:
        raise invalid("A metric filter has one metric transformation.")
    for each in transformations:
        _check(each)
    if name not in kept and len(kept) >= _MOST_FILTERS:
        raise ApiError("LimitExceededException", "Resource limit exceeded.")
    kept[name] = MetricFilter(name, pattern, transformations, now_ms())


def _check(transformation: Mapping[str, Any]) -> None:
    value, dimensions = str(transformation["metricValue"]), transformation.get("dimensions") or {}
    if not value.startswith("$") and _number(value) is None:
        raise invalid(f"Invalid metric transformation: the metric value {value} is no number.")
    if len(dimensions) > _MOST_DIMENSIONS:
        raise invalid("Invalid metric transformation: there are more than 3 dimensions.")
    if dimensions and transformation.get("defaultValue") is not None:
        raise invalid(
            "Invalid metric transformation: dimensions and default value are mutually exclusive."
        )
    if any(not str(each).startswith("$") for each in dimensions.values()):
        raise invalid("Invalid metric transformation: a dimension's value must be a field.")


def delete(call: Call) -> None:
    """DeleteMetricFilter."""
    group = identified(call, str(call.params["logGroupName"]))
    kept = settings_of(stored_group(group)).metric_filters
    if kept.pop(str(call.params["filterName"]), None) is None:
        raise not_found("metric filter")


def describe(call: Call) -> Mapping[str, Any]:
    """DescribeMetricFilters, of one group or of all."""
    named = call.params.get("logGroupName")
    groups = [str(named)] if named else sorted(logs_backends[call.account][call.region].groups)
    prefix = str(call.params.get("filterNamePrefix") or "")
    metric = (call.params.get("metricNamespace"), call.params.get("metricName"))
    if (metric[0] is None) != (metric[1] is None):
        raise invalid("metricName and metricNamespace go together.")
    found = [
        {
            "filterName": each.name,
            "filterPattern": each.pattern.text,
            "logGroupName": group,
            "metricTransformations": [dict(one) for one in each.transformations],
            "creationTime": each.created,
            "applyOnTransformedLogs": False,
        }
        for group in groups
        for each in _filters(group_ref(call.account, call.region, group))
        if each.name.startswith(prefix)
        and (
            metric[0] is None
            or metric in [(t["metricNamespace"], t["metricName"]) for t in each.transformations]
        )
    ]
    return page(found, call.params, "metricFilters")


def _filters(group: LogGroupRef) -> list[MetricFilter]:
    kept = settings_of(stored_group(group)).metric_filters
    return [kept[name] for name in sorted(kept)]


def test(call: Call) -> Mapping[str, Any]:
    """TestMetricFilter: which of the given messages match."""
    pattern = pattern_of(call)
    return {
        "matches": [
            {"eventNumber": number, "eventMessage": message, "extractedValues": dict(found)}
            for number, message in enumerate(call.params["logEventMessages"], 1)
            if (found := pattern.match(str(message))) is not None
        ]
    }


def observe(group: LogGroupRef, _stream: str, events: Sequence[LogEvent]) -> None:
    """Make the datapoints of events that have come in; of what data protection leaves of them."""
    if not is_standard(group):
        return
    filters = _filters(group)
    for event in events:
        for each in filters:
            fields = each.pattern.match(event.visible)
            if fields is not None:
                for transformation in each.transformations:
                    _transform(group, event, fields, transformation)
        for datapoint in embedded(event):
            put_metric((group.account, group.region), *datapoint)


def _transform(
    group: LogGroupRef,
    event: LogEvent,
    fields: Mapping[str, str],
    transformation: Mapping[str, Any],
) -> None:
    number = _number(_field(str(transformation["metricValue"]), event.visible, fields))
    if number is None:
        default = transformation.get("defaultValue")
        if default is None:
            return
        number = float(default)
    dimensions: dict[str, str] = {}
    for name, wanted in (transformation.get("dimensions") or {}).items():
        value = _field(str(wanted), event.visible, fields)
        if not value:
            return  # without all of its dimensions there is no datapoint
        dimensions[str(name)] = value[:1024]
    put_metric(
        (group.account, group.region),
        str(transformation["metricNamespace"]),
        str(transformation["metricName"]),
        number,
        dimensions,
        str(transformation.get("unit") or "None"),
        _moment(event.timestamp),
    )


def _field(wanted: str, message: str, fields: Mapping[str, str]) -> str | None:
    """A constant, a field of the pattern (`$name`) or of the record (`$.name`)."""
    if not wanted.startswith("$"):
        return wanted
    if wanted in fields:
        return fields[wanted]
    if not wanted.startswith(("$.", "$[")):
        return fields.get(wanted[1:])
    try:
        return extracted(json.loads(message), selector(wanted))
    except (ValueError, PatternError):
        return None


_Datapoint = tuple[str, str, float, Mapping[str, str], str, datetime]


def embedded(event: LogEvent) -> Iterator[_Datapoint]:
    """The datapoints that an event in the embedded metric format tells; none of a faulty one."""
    if '"_aws"' not in event.visible:
        return
    try:
        record = json.loads(event.visible)
        head = record["_aws"]
        at = _moment(int(head["Timestamp"]))
        directives = list(head["CloudWatchMetrics"])
    except (ValueError, TypeError, KeyError, OverflowError):
        return
    for directive in directives:
        try:
            yield from list(_directed(record, directive, at))
        except (TypeError, KeyError, ValueError):
            continue


def _directed(
    record: Mapping[str, Any], directive: Mapping[str, Any], at: datetime
) -> Iterator[_Datapoint]:
    namespace = str(directive["Namespace"])
    for keys in directive["Dimensions"]:
        if len(keys) > _EMF_DIMENSIONS or any(not isinstance(record.get(k), str) for k in keys):
            continue
        dimensions = {str(key): str(record[key]) for key in keys}
        for metric in directive["Metrics"]:
            value = record.get(metric["Name"])
            for number in value[:_MOST_VALUES] if isinstance(value, list) else [value]:
                if isinstance(number, int | float) and not isinstance(number, bool):
                    unit = str(metric.get("Unit") or "None")
                    yield namespace, str(metric["Name"]), float(number), dimensions, unit, at


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
