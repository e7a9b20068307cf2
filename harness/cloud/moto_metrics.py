"""Writes datapoints of services into the inner app's CloudWatch."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import datetime

from moto.cloudwatch.models import MetricDatum, cloudwatch_backends

Told = Callable[[tuple[str, str], str, str, float, Mapping[str, str], str, datetime], None]
"""Takes what `put_metric` does."""
_observers: list[Told] = []
WRITING = threading.Lock()
"""Held while datapoints are appended, so that who counts them knows which are whose."""


def tell(observer: Told) -> None:
    """Tell of every datapoint from now on. The last one to say so hears of the process."""
    _observers[:] = [observer]


def put_metric(
    place: tuple[str, str],
    namespace: str,
    name: str,
    value: float,
    dimensions: Mapping[str, str],
    unit: str,
    at: datetime,
) -> None:
    """Keeps one datapoint in an account and Region."""
    account, region = place
    pairs = [{"Name": key, "Value": given} for key, given in dimensions.items()]
    # Past PutMetricData, which looks through all that there is: services write all the time.
    datum = MetricDatum(namespace, name, value, pairs, at.replace(tzinfo=None), unit)
    with WRITING:
        cloudwatch_backends[account][region].metric_data.append(datum)
    for observer in tuple(_observers):
        observer(place, namespace, name, value, dimensions, unit, at)
