"""Metric alarms: evaluated when a datapoint comes and when somebody looks; changes become events.

moto keeps the alarms. Alarm actions (topics and the like) are kept and not played: what reacts to
an alarm here is a rule of EventBridge.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from moto.cloudwatch.models import (
    Alarm,
    CloudWatchBackend,
    MetricAggregatedDatum,
    cloudwatch_backends,
)

from harness.cloud import moto_metrics
from harness.cloud.automation.alarm_rules import INSUFFICIENT, AlarmRule, asked_rule
from harness.cloud.automation.metric_math import MathError
from harness.cloud.automation.series import MetricKey, Place, Series, metric_key
from harness.cloud.automation.service_events import put_service_event
from harness.cloud.call import Answer, Call

_log = logging.getLogger(__name__)
_backend: Any = CloudWatchBackend
_alarm: Any = Alarm
_put_alarm, _put_data, _update = (
    _backend.put_metric_alarm,
    _backend.put_metric_data,
    _alarm.update_state,
)
_LOOKS: Final = frozenset({"DescribeAlarms", "DescribeAlarmsForMetric", "DescribeAlarmHistory"})


class Alarms:
    """Evaluates the metric alarms of a cloud."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._series = Series()
        self._lock = threading.RLock()
        self._asked: dict[tuple[Place, str], AlarmRule] = {}
        self._watched: dict[MetricKey, set[tuple[Place, str]]] = {}

    def adapt(self) -> None:
        """Let moto tell of datapoints and alarms. The last one to say so hears of the process."""
        alarms = self

        def put_metric_alarm(backend: Any, *args: Any, **kwargs: Any) -> Any:
            before = backend.alarms.get(kwargs.get("name"))
            alarm = _put_alarm(backend, *args, **kwargs)
            alarms._keep_state(alarm, before)
            return alarm

        def put_metric_data(backend: Any, namespace: str, metric_data: Any) -> None:
            with moto_metrics.WRITING:
                known = len(backend.metric_data)
                _put_data(backend, namespace, metric_data)
                new = backend.metric_data[known:]
            place = (str(backend.account_id), str(backend.region_name))
            for datum in new:
                alarms._add(place, datum)
            alarms.look(place)

        def update_state(alarm: Any, reason: str, reason_data: str, state_value: str) -> None:
            alarms._changed(alarm, reason, reason_data, state_value)

        _backend.put_metric_alarm = put_metric_alarm
        _backend.put_metric_data = put_metric_data
        _alarm.update_state = update_state
        moto_metrics.tell(self._told)

    def check(self, call: Call) -> None:
        """Raise `ApiError` (ValidationError) for an alarm that AWS would refuse, or that would
        never go off here."""
        if call.service == "cloudwatch" and call.operation == "PutMetricAlarm":
            asked_rule(call)

    def handles(self, service: str, operation: str) -> bool:
        """Operations before or after which alarms are evaluated; moto answers them."""
        return service == "cloudwatch" and (
            operation in _LOOKS or operation in ("PutMetricAlarm", "DeleteAlarms")
        )

    def answer(self, call: Call) -> Answer | None:
        """None: moto does the rest."""
        place = (call.account, call.region)
        if call.operation == "PutMetricAlarm":
            self._watch(place, str(call.params["AlarmName"]), asked_rule(call))
        elif call.operation == "DeleteAlarms":
            for name in call.params.get("AlarmNames") or ():
                self._forget((place, str(name)))
        else:
            self.look(place)
        return None

    def look(self, place: Place) -> None:
        """Evaluate all alarms of an account and Region, as AWS does every minute."""
        for watched in [key for key in tuple(self._asked) if key[0] == place]:
            self._evaluate(*watched)

    # -- what moto tells ----------------------------------------------------------------

    def _told(
        self,
        place: Place,
        namespace: str,
        name: str,
        value: float,
        dimensions: Mapping[str, str],
        unit: str,
        at: datetime,
    ) -> None:
        key = metric_key(place, namespace, name, dimensions)
        self._series.add(key, at.timestamp(), value, unit)
        for watched in tuple(self._watched.get(key, ())):
            self._evaluate(*watched)

    def _add(self, place: Place, datum: Any) -> None:
        dimensions = {str(d.name): str(d.value) for d in datum.dimensions}
        key = metric_key(place, str(datum.namespace), str(datum.name), dimensions)
        moment = datum.timestamp
        at = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        unit = str(datum.unit or "")
        if isinstance(datum, MetricAggregatedDatum):
            self._series.add(
                *(key, at, datum.sum, unit),
                count=datum.sample_count,
                least=datum.min,
                most=datum.max,
            )
        else:
            self._series.add(key, at, datum.value, unit)

    def _keep_state(self, alarm: Any, before: Any) -> None:
        """A changed alarm keeps its state; a new one has none yet. Then it is evaluated."""
        alarm.state_value = INSUFFICIENT
        if before is not None:
            for field in ("state_value", "state_reason", "state_reason_data", "history"):
                setattr(alarm, field, getattr(before, field))
        self._evaluate(_place(alarm), str(alarm.name))

    # -- what changes -------------------------------------------------------------------

    def _watch(self, place: Place, name: str, rule: AlarmRule) -> None:
        with self._lock:
            self._forget((place, name))
            self._asked[place, name] = rule
            for metric in rule.metrics:
                self._watched.setdefault(metric.key, set()).add((place, name))

    def _forget(self, watched: tuple[Place, str]) -> None:
        with self._lock:
            rule = self._asked.pop(watched, None)
            for metric in rule.metrics if rule is not None else ():
                self._watched[metric.key].discard(watched)

    def _evaluate(self, place: Place, name: str) -> None:
        rule = self._asked.get((place, name))
        account, region = place
        alarm: Any = cloudwatch_backends[account][region].alarms.get(name)
        if rule is None or alarm is None:
            return
        now = self._now()
        with self._lock:
            before = str(alarm.state_value)
            try:
                state, reason = rule.state(self._series, now.timestamp(), before)
            except MathError as error:
                state, reason = INSUFFICIENT, f"The expression cannot be evaluated: {error}."
            if state == before:
                return
            data = json.dumps({"version": "1.0", "queryDate": now.isoformat()})
            told = self._change(alarm, reason, data, state)
        self._tell(place, alarm, told)

    def _changed(self, alarm: Any, reason: str, reason_data: str, state: str) -> None:
        """SetAlarmState: holds until the alarm is evaluated next."""
        with self._lock:
            if str(alarm.state_value) == state:
                _update(alarm, reason, reason_data, state)
                return
            told = self._change(alarm, reason, reason_data, state)
        self._tell(_place(alarm), alarm, told)

    def _change(self, alarm: Any, reason: str, reason_data: str, state: str) -> dict[str, Any]:
        """Set the state; returns both states as events tell them."""
        previous = _state(alarm)
        _update(alarm, reason, reason_data, state)
        return {"previousState": previous, "state": _state(alarm)}

    def _tell(self, place: Place, alarm: Any, told: Mapping[str, Any]) -> None:
        _log.info("alarm %s: %s", alarm.name, told["state"]["value"])
        put_service_event(
            place,
            source="aws.cloudwatch",
            detail_type="CloudWatch Alarm State Change",
            resources=(str(alarm.alarm_arn),),
            detail={
                "alarmName": alarm.name,
                "configuration": {"description": alarm.description, "metrics": _metrics(alarm)},
                **told,
            },
            at=self._now(),
        )


def _place(alarm: Any) -> Place:
    _, _, _, region, account, _ = str(alarm.alarm_arn).split(":", 5)
    return account, region


def _state(alarm: Any) -> dict[str, Any]:
    moment = alarm.state_updated_timestamp.replace(tzinfo=UTC)
    return {
        "value": alarm.state_value,
        "reason": alarm.state_reason,
        "reasonData": alarm.state_reason_data,
        "timestamp": moment.strftime("%Y-%m-%dT%H:%M:%S.000+0000"),
    }


def _metrics(alarm: Any) -> list[dict[str, Any]]:
    if alarm.metric_name:
        stat = _stat(
            *(alarm.namespace, alarm.metric_name, alarm.dimensions, alarm.period, alarm.statistic)
        )
        return [{"id": "m", "metricStat": stat, "returnData": True}]
    return [_query(query) for query in alarm.metric_data_queries]


def _query(query: Any) -> dict[str, Any]:
    told: dict[str, Any] = {"id": query.id, "returnData": query.return_data is not False}
    if query.metric_stat is None:
        return {**told, "expression": query.expression}
    metric = query.metric_stat.metric
    return {
        **told,
        "metricStat": _stat(
            metric.namespace,
            metric.metric_name,
            metric.dimensions,
            query.metric_stat.period,
            query.metric_stat.stat,
        ),
    }


def _stat(namespace: str, name: str, dimensions: Any, period: Any, stat: str) -> dict[str, Any]:
    return {
        "metric": {
            "namespace": namespace,
            "name": name,
            "dimensions": {d.name: d.value for d in dimensions},
        },
        "period": int(period),
        "stat": stat,
    }
