"""What the passing of time does to alarms: on a cloud whose clock is set forward."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from support.cloud import A

from harness.cloud.cloud import Cloud
from harness.cloud.plan import CloudPlan
from harness.cloud.server import CloudServer


class Clock:
    """A clock that can be set forward; requests signed up to 15 minutes earlier are accepted."""

    ahead = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cloudwatch(clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    cloud = Cloud(CloudPlan((A,)), now=clock)
    cloud.write_credentials(tmp_path / "credentials")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    server = CloudServer(cloud).start()
    session = boto3.Session(profile_name=A, region_name="eu-central-1")
    yield session.client("cloudwatch", endpoint_url=server.endpoint)
    server.stop()


def test_what_was_over_the_limit_is_forgotten_when_the_period_is_over(
    cloudwatch: Any, clock: Clock
) -> None:
    cloudwatch.put_metric_alarm(
        AlarmName="limit",
        Namespace="Test",
        MetricName="Tokens",
        Statistic="Sum",
        Period=120,
        EvaluationPeriods=1,
        Threshold=100,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )

    def put(value: float) -> None:
        data = [{"MetricName": "Tokens", "Value": value, "Timestamp": clock()}]
        cloudwatch.put_metric_data(Namespace="Test", MetricData=data)

    def state() -> str:
        (alarm,) = cloudwatch.describe_alarms(AlarmNames=["limit"])["MetricAlarms"]
        return str(alarm["StateValue"])

    put(60)
    clock.ahead = timedelta(seconds=90)
    put(60)
    assert state() == "ALARM"  # both are within two minutes, wherever those begin
    clock.ahead = timedelta(seconds=150)
    assert state() == "OK"  # the first is not any more
    put(41)
    assert state() == "ALARM"
    clock.ahead = timedelta(seconds=300)
    assert state() == "OK"
