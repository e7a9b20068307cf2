"""Writes datapoints of services into the inner app's CloudWatch."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from moto.cloudwatch.models import MetricDatum, cloudwatch_backends


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
    cloudwatch_backends[account][region].metric_data.append(
        MetricDatum(namespace, name, value, pairs, at.replace(tzinfo=None), unit)
    )
