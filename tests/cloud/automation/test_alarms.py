"""When alarms go off, and which ones are refused because they never would."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support.cloud import REGION, A, B, Clients, error_code

MakeChain = Callable[..., Any]
NAMESPACE = "Test/Spend"


def query(name: str, metric: str, **rest: Any) -> dict[str, Any]:
    """A metric of an alarm, for an expression to read."""
    stat = {"Metric": {"Namespace": NAMESPACE, "MetricName": metric}, "Period": 60, "Stat": "Sum"}
    return {"Id": name, "MetricStat": stat, "ReturnData": False, **rest}


def alarm(name: str, **rest: Any) -> dict[str, Any]:
    return {
        "AlarmName": name,
        "EvaluationPeriods": 1,
        "Threshold": 100,
        "ComparisonOperator": "GreaterThanThreshold",
        **rest,
    }


def state(cloudwatch: Any, name: str) -> str:
    (found,) = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return str(found["StateValue"])


def put(cloudwatch: Any, metric: str, value: float, **rest: Any) -> None:
    data = [{"MetricName": metric, "Value": value, **rest}]
    cloudwatch.put_metric_data(Namespace=NAMESPACE, MetricData=data)


def test_a_sum_over_metrics_counts_those_that_are_silent_as_nothing(
    clients: Clients, unique: Callable[[str], str]
) -> None:
    cloudwatch, name = clients(A, "cloudwatch"), unique("alarm")
    first, second = unique("First"), unique("Second")
    total = {"Id": "total", "Expression": "SUM(FILL(METRICS(), 0))"}
    cloudwatch.put_metric_alarm(
        **alarm(
            name,
            Metrics=[total, query("m0", first), query("m1", second)],
            TreatMissingData="notBreaching",
        )
    )
    assert state(cloudwatch, name) == "OK"
    put(cloudwatch, first, 100)
    assert state(cloudwatch, name) == "OK"
    put(cloudwatch, second, 1)
    assert state(cloudwatch, name) == "ALARM"


def test_dimensions_units_accounts_and_regions_keep_metrics_apart(
    clients: Clients, unique: Callable[[str], str]
) -> None:
    cloudwatch, name, metric = clients(A, "cloudwatch"), unique("alarm"), unique("Metric")
    dimensions = [{"Name": "ModelId", "Value": "mine"}]
    watched = {"Namespace": NAMESPACE, "MetricName": metric, "Statistic": "Sum", "Period": 60}
    cloudwatch.put_metric_alarm(**alarm(name, **watched, Dimensions=dimensions, Unit="Count"))
    mine = {"Dimensions": dimensions, "Unit": "Count"}
    put(cloudwatch, metric, 101, Unit="Count")
    put(cloudwatch, metric, 101, **{**mine, "Unit": "Bytes"})
    put(cloudwatch, metric, 101, **{**mine, "Dimensions": [{"Name": "ModelId", "Value": "x"}]})
    put(clients(B, "cloudwatch"), metric, 101, **mine)
    put(clients(A, "cloudwatch", "eu-west-1"), metric, 101, **mine)
    assert state(cloudwatch, name) == "INSUFFICIENT_DATA"
    put(cloudwatch, metric, 101, **mine)
    assert state(cloudwatch, name) == "ALARM"


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        ("notBreaching", "OK"),
        ("breaching", "ALARM"),
        ("ignore", "INSUFFICIENT_DATA"),
        ("missing", "INSUFFICIENT_DATA"),
    ],
)
def test_silence_is_what_the_alarm_takes_it_for(
    clients: Clients, unique: Callable[[str], str], missing: str, expected: str
) -> None:
    cloudwatch, name = clients(A, "cloudwatch"), unique("alarm")
    watched = {"Namespace": NAMESPACE, "MetricName": unique("Quiet"), "Statistic": "Sum"}
    cloudwatch.put_metric_alarm(**alarm(name, **watched, Period=60, TreatMissingData=missing))
    assert state(cloudwatch, name) == expected


@pytest.mark.parametrize(
    ("statistic", "values", "expected"),
    [
        ("Sum", [60, 41], "ALARM"),
        ("Average", [60, 141], "ALARM"),
        ("Average", [60, 140], "OK"),
        ("Maximum", [101, 1], "ALARM"),
        ("Minimum", [101, 100], "OK"),
        ("SampleCount", [1000], "OK"),
    ],
)
def test_statistics(
    clients: Clients,
    unique: Callable[[str], str],
    statistic: str,
    values: list[float],
    expected: str,
) -> None:
    cloudwatch, name, metric = clients(A, "cloudwatch"), unique("alarm"), unique("Metric")
    for value in values:  # before there is an alarm: it looks back
        put(cloudwatch, metric, value)
    watched = {"Namespace": NAMESPACE, "MetricName": metric, "Statistic": statistic, "Period": 300}
    cloudwatch.put_metric_alarm(**alarm(name, **watched))
    assert state(cloudwatch, name) == expected


def test_some_of_several_periods_must_be_over_the_limit(
    clients: Clients, unique: Callable[[str], str]
) -> None:
    cloudwatch, name, metric = clients(A, "cloudwatch"), unique("alarm"), unique("Metric")
    watched = {"Namespace": NAMESPACE, "MetricName": metric, "Statistic": "Sum", "Period": 300}
    several = {"EvaluationPeriods": 3, "DatapointsToAlarm": 2}
    cloudwatch.put_metric_alarm(**alarm(name, **watched, **several))
    now = datetime.now(UTC)
    put(cloudwatch, metric, 101)
    assert state(cloudwatch, name) == "OK"
    put(cloudwatch, metric, 101, Timestamp=now - timedelta(seconds=1050))  # before the periods
    assert state(cloudwatch, name) == "OK"
    put(cloudwatch, metric, 101, Timestamp=now - timedelta(seconds=750))
    assert state(cloudwatch, name) == "ALARM"


def test_a_changed_alarm_keeps_its_state_until_it_is_evaluated(make_chain: MakeChain) -> None:
    chain = make_chain()
    chain.put(101)
    assert len(chain.executions()) == 1
    (told,) = chain.cloudwatch.describe_alarms(AlarmNames=[chain.alarm])["MetricAlarms"]
    same = ("Namespace", "MetricName", "Statistic", "Period", "TreatMissingData")
    kept = {name: told[name] for name in same}
    # Saved anew over the limit it was ALARM before: no change, no second stop.
    chain.cloudwatch.put_metric_alarm(**alarm(chain.alarm, **kept))
    assert (chain.state(), len(chain.executions())) == ("ALARM", 1)
    chain.cloudwatch.put_metric_alarm(**{**alarm(chain.alarm, **kept), "Threshold": 1000})
    assert (chain.state(), len(chain.executions())) == ("OK", 1)
    chain.put(900)
    assert (chain.state(), len(chain.executions())) == ("ALARM", 2)


def test_a_deleted_alarm_is_silent(make_chain: MakeChain) -> None:
    chain = make_chain()
    chain.cloudwatch.delete_alarms(AlarmNames=[chain.alarm])
    chain.put(101)
    assert chain.executions() == []


_SINGLE = {"Namespace": NAMESPACE, "MetricName": "M", "Statistic": "Sum", "Period": 60}
_EXPRESSION = {"Id": "e", "Expression": "m0 + m1"}


@pytest.mark.parametrize(
    "members",
    [
        pytest.param({}, id="nothing-watched"),
        pytest.param({**_SINGLE, "Metrics": [query("m0", "M", ReturnData=True)]}, id="both"),
        pytest.param({**_SINGLE, "Period": 61}, id="period"),
        pytest.param({**_SINGLE, "EvaluationPeriods": 1441}, id="longer-than-a-day"),
        pytest.param({**_SINGLE, "DatapointsToAlarm": 2}, id="more-than-there-are"),
        pytest.param({**_SINGLE, "Statistic": None, "ExtendedStatistic": "p99"}, id="percentile"),
        pytest.param(
            {**_SINGLE, "ComparisonOperator": "LessThanLowerThreshold"}, id="anomaly-detection"
        ),
        pytest.param({"Metrics": [_EXPRESSION, query("m0", "M")]}, id="unknown-id"),
        pytest.param(
            {"Metrics": [{**_EXPRESSION, "Expression": "RATE(m0)"}, query("m0", "M")]},
            id="unknown-function",
        ),
        pytest.param(
            {"Metrics": [_EXPRESSION, query("m0", "M", ReturnData=True), query("m1", "M")]},
            id="two-returned",
        ),
        pytest.param(
            {
                "Metrics": [{**_EXPRESSION, "Expression": "SUM(METRICS())"}]
                + [query(f"m{n}", "M") for n in range(11)]
            },
            id="eleven-metrics",
        ),
    ],
)
def test_an_alarm_that_would_never_go_off_is_refused(
    clients: Clients, unique: Callable[[str], str], members: dict[str, Any]
) -> None:
    cloudwatch, name = clients(A, "cloudwatch"), unique("alarm")
    asked = {k: v for k, v in {**alarm(name), **members}.items() if v is not None}
    assert error_code(cloudwatch.put_metric_alarm, **asked) == "ValidationError"
    assert cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"] == []


def test_the_metrics_of_bedrock_calls_set_alarms_off(
    clients: Clients, unique: Callable[[str], str]
) -> None:
    cloudwatch, name = clients(A, "cloudwatch"), unique("alarm")
    profile = clients(A, "bedrock").create_inference_profile(
        inferenceProfileName=name,
        modelSource={
            "copyFrom": f"arn:aws:bedrock:{REGION}::foundation-model/amazon.nova-lite-v1:0"
        },
    )["inferenceProfileArn"]
    dimension = {"Name": "ModelId", "Value": profile.rsplit("/", 1)[1]}
    watched = {"Namespace": "AWS/Bedrock", "MetricName": "InputTokenCount", "Statistic": "Sum"}
    cloudwatch.put_metric_alarm(**alarm(name, **watched, Period=300, Dimensions=[dimension]))
    runtime = clients(A, "bedrock-runtime")

    def say(model: str, words: int) -> None:
        content = [{"text": "word " * words}]
        runtime.converse(modelId=model, messages=[{"role": "user", "content": content}])

    say(profile, 50)
    say("amazon.nova-lite-v1:0", 100)  # the model itself is another metric
    assert state(cloudwatch, name) == "OK"
    say(profile, 50)
    assert state(cloudwatch, name) == "ALARM"
