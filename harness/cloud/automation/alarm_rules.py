"""What a metric alarm watches, and the state that its datapoints put it in. Pure but for the store.

AWS looks at each alarm once a minute, at the periods that end then; so does this, whenever it is
asked. What AWS does with periods before those it evaluates, where some of them have no data, is not
played.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from harness.cloud.automation.metric_math import Expression, MathError, Value, parse
from harness.cloud.automation.series import STATISTICS, MetricKey, Place, Series, metric_key
from harness.cloud.automation.series import statistic as statistic_of
from harness.cloud.call import ApiError, Call

OK, ALARM, INSUFFICIENT = "OK", "ALARM", "INSUFFICIENT_DATA"
_MOST_METRICS = 10
_DAY, _WEEK = 86_400, 604_800
_COMPARISONS: Final[Mapping[str, tuple[Callable[[float, float], bool], str]]] = {
    "GreaterThanOrEqualToThreshold": (operator.ge, "greater than or equal to"),
    "GreaterThanThreshold": (operator.gt, "greater than"),
    "LessThanThreshold": (operator.lt, "less than"),
    "LessThanOrEqualToThreshold": (operator.le, "less than or equal to"),
}


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric with its statistic, by the id that expressions know it by."""

    id: str
    key: MetricKey
    statistic: str
    unit: str


@dataclass(frozen=True, slots=True)
class AlarmRule:
    """What one alarm watches."""

    metrics: tuple[Metric, ...]
    expressions: tuple[tuple[str, Expression], ...]
    """In the order in which they can be evaluated."""
    returned: str
    """The id of the metric or expression that is compared."""
    period: int
    periods: int
    to_alarm: int
    comparison: str
    threshold: float
    missing: str

    def state(self, series: Series, now: float, current: str) -> tuple[str, str]:
        """The state and its reason at `now`; `current` where too little is known to change it."""
        values = self._values(series, now)
        breaches = [self._breaches(value) for value in values]
        known = [value for value in values if value is not None]
        _, words = _COMPARISONS[self.comparison]
        threshold = f"{words} the threshold ({self.threshold})"
        if sum(1 for b in breaches if b) >= self.to_alarm:
            shown = ", ".join(str(value) for value in known) or "no data"
            return ALARM, f"Threshold Crossed: datapoints [{shown}] were {threshold}."
        if known or self.missing == "notBreaching" or self.missing == "breaching":
            return OK, f"Threshold Crossed: fewer than {self.to_alarm} datapoints were {threshold}."
        if self.missing == "ignore":
            return current, ""
        return INSUFFICIENT, "Insufficient Data: no datapoints were received."

    def _values(self, series: Series, now: float) -> list[float | None]:
        found: dict[str, Value] = {
            metric.id: [
                statistic_of(
                    series.within(
                        metric.key,
                        now - (index + 1) * self.period,
                        now - index * self.period,
                        metric.unit,
                    ),
                    metric.statistic,
                )
                for index in range(self.periods)
            ]
            for metric in self.metrics
        }
        metrics = dict(found)
        for name, expression in self.expressions:
            found[name] = expression.evaluate(metrics if "*" in expression.ids else found)
        value = found[self.returned]
        return value if isinstance(value, list) else [value] * self.periods

    def _breaches(self, value: float | None) -> bool:
        if value is None:
            return self.missing == "breaching"
        compare, _ = _COMPARISONS[self.comparison]
        return compare(value, self.threshold)


def alarm_rule(place: Place, params: Mapping[str, Any]) -> AlarmRule:
    """What the parameters of PutMetricAlarm ask for.

    Raises `ApiError` (ValidationError) where AWS would, and for what is not evaluated here.
    """
    queries = params.get("Metrics") or ()
    if bool(queries) == bool(params.get("MetricName")):
        raise _invalid("Either MetricName or Metrics must be given.")
    for member in ("ExtendedStatistic", "ThresholdMetricId"):
        if params.get(member):
            raise _invalid(f"The embedded cloud does not evaluate {member}.")
    comparison = str(params["ComparisonOperator"])
    if comparison not in _COMPARISONS or params.get("Threshold") is None:
        raise _invalid(f"The embedded cloud does not evaluate {comparison} without a threshold.")
    metrics, expressions, returned, period = (
        _queried(place, queries) if queries else _single(place, params)
    )
    periods = int(params["EvaluationPeriods"])
    _check_range(period, periods)
    to_alarm = int(params.get("DatapointsToAlarm") or periods)
    if not 0 < to_alarm <= periods:
        raise _invalid("DatapointsToAlarm must be between 1 and EvaluationPeriods.")
    return AlarmRule(
        metrics,
        expressions,
        returned,
        period,
        periods,
        to_alarm,
        comparison,
        float(params["Threshold"]),
        str(params.get("TreatMissingData") or "missing"),
    )


def asked_rule(call: Call) -> AlarmRule:
    """`alarm_rule` of a call."""
    return alarm_rule((call.account, call.region), call.params)


_Found = tuple[tuple[Metric, ...], tuple[tuple[str, Expression], ...], str, int]


def _single(place: Place, params: Mapping[str, Any]) -> _Found:
    if not params.get("Namespace") or not params.get("Period"):
        raise _invalid("Namespace and Period are required with MetricName.")
    metric = _metric(
        place, "m", params, str(params.get("Statistic") or ""), str(params.get("Unit") or "")
    )
    return (metric,), (), "m", int(params["Period"])


def _queried(place: Place, queries: Any) -> _Found:
    metrics: list[Metric] = []
    expressions: dict[str, Expression] = {}
    periods: set[int] = set()
    returned = [str(q["Id"]) for q in queries if q.get("ReturnData", True) is not False]
    if len(returned) != 1:
        raise _invalid("Exactly one element of the metrics list must return data.")
    for query in queries:
        name, stat = str(query["Id"]), query.get("MetricStat")
        if query.get("AccountId") not in (None, place[0]):
            raise _invalid("The embedded cloud does not evaluate metrics of other accounts.")
        if stat:
            asked, unit = str(stat["Stat"]), str(stat.get("Unit") or "")
            metrics.append(_metric(place, name, stat["Metric"], asked, unit))
            periods.add(int(stat["Period"]))
        else:
            try:
                expressions[name] = parse(str(query.get("Expression") or ""))
            except MathError as error:
                raise _invalid(f"Error in expression '{name}': {error}.") from None
            if query.get("Period"):
                periods.add(int(query["Period"]))
    if len(metrics) > _MOST_METRICS:
        raise _invalid(f"An alarm can have at most {_MOST_METRICS} metrics.")
    if len(periods) != 1:
        raise _invalid("The metrics of an alarm have one period.")
    ordered = _ordered(expressions, {metric.id for metric in metrics})
    return tuple(metrics), ordered, returned[0], periods.pop()


def _ordered(
    expressions: Mapping[str, Expression], known: set[str]
) -> tuple[tuple[str, Expression], ...]:
    """Expressions so that each follows those that it reads."""
    found: list[tuple[str, Expression]] = []
    left, ready = dict(expressions), set(known)
    while left:
        able = [name for name, e in left.items() if e.ids - {"*"} <= ready]
        if not able:
            unknown = sorted(set().union(*(e.ids for e in left.values())) - ready - {"*"})
            raise _invalid(f"An expression reads unknown metrics: {', '.join(unknown)}.")
        for name in able:
            found.append((name, left.pop(name)))
            ready.add(name)
    return tuple(found)


def _metric(
    place: Place, name: str, described: Mapping[str, Any], statistic: str, unit: str
) -> Metric:
    if statistic not in STATISTICS:
        raise _invalid(f"The embedded cloud does not evaluate the statistic {statistic or 'none'}.")
    dimensions = {str(d["Name"]): str(d["Value"]) for d in described.get("Dimensions") or ()}
    key = metric_key(place, str(described["Namespace"]), str(described["MetricName"]), dimensions)
    return Metric(name, key, statistic, "" if unit == "None" else unit)


def _check_range(period: int, periods: int) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html"""
    if period not in (10, 20, 30) and (period < 60 or period % 60):
        raise _invalid("Period must be 10, 20, 30 or a multiple of 60.")
    if periods < 1 or period * periods > (_WEEK if period >= 3600 else _DAY):
        raise _invalid("The periods of an alarm must end within a day, or a week if of an hour.")


def _invalid(message: str) -> ApiError:
    return ApiError("ValidationError", message, 400)
