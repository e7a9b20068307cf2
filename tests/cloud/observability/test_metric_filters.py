"""Metric filters and the embedded metric format: log events become datapoints."""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support.cloud import A, Clients, error_code


def put(group: Any, pattern: str, value: str = "1", **more: Any) -> None:
    group.logs.put_metric_filter(
        logGroupName=group.name,
        filterName="made",
        filterPattern=pattern,
        metricTransformations=[
            {
                "metricName": "Made",
                "metricNamespace": _space(group),
                "metricValue": value,
                **more,
            }
        ],
    )


def _space(group: Any) -> str:
    return "Made" + str(group.name).replace("/", ".")


def metrics(
    clients: Clients, namespace: str
) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """The sum of each metric of a namespace, by name and dimensions."""
    cloudwatch, now = clients(A, "cloudwatch"), datetime.now(UTC)
    found: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
    for metric in cloudwatch.list_metrics(Namespace=namespace)["Metrics"]:
        points = cloudwatch.get_metric_statistics(
            Namespace=namespace,
            MetricName=metric["MetricName"],
            Dimensions=metric["Dimensions"],
            StartTime=now - timedelta(minutes=10),
            EndTime=now + timedelta(minutes=10),
            Period=3600,
            Statistics=["Sum"],
        )["Datapoints"]
        dimensions = tuple((d["Name"], d["Value"]) for d in metric["Dimensions"])
        found[(metric["MetricName"], dimensions)] = sum(point["Sum"] for point in points)
    return found


def test_matching_events_count(group: Any, clients: Clients) -> None:
    source = group(A)
    put(source, "ERROR")
    source.put("ERROR one", "fine", "ERROR two")
    assert metrics(clients, _space(source)) == {("Made", ()): 2}
    (told,) = source.logs.describe_metric_filters(logGroupName=source.name)["metricFilters"]
    assert (told["filterName"], told["filterPattern"]) == ("made", "ERROR")
    source.logs.delete_metric_filter(logGroupName=source.name, filterName="made")
    source.put("ERROR three")
    assert metrics(clients, _space(source)) == {("Made", ()): 2}


def test_fields_become_values_and_dimensions(group: Any, clients: Clients) -> None:
    source = group(A)
    put(source, "{ $.tokens > 0 }", "$.tokens", dimensions={"said": "$.prompt"})
    source.put(
        json.dumps({"tokens": 5, "prompt": "canary"}),
        json.dumps({"tokens": 7}),
        json.dumps({"tokens": 0, "prompt": "none"}),
    )
    assert metrics(clients, _space(source)) == {("Made", (("said", "canary"),)): 5}


def test_fields_between_spaces_become_values(group: Any, clients: Clients) -> None:
    source = group(A)
    put(source, "[who, size > 10]", "$size")
    source.put("ann 11", "bob 9", "eve 20")
    assert metrics(clients, _space(source)) == {("Made", ()): 31}


def test_a_default_stands_for_a_field_without_number(group: Any, clients: Clients) -> None:
    source = group(A)
    put(source, "{ $.size = * }", "$.size", defaultValue=3)
    source.put('{"size": "many"}', '{"other": 1}')
    assert metrics(clients, _space(source)) == {("Made", ()): 3}


def test_the_embedded_metric_format_makes_metrics(group: Any, clients: Clients) -> None:
    source = group(A)
    record = {
        "_aws": {
            "Timestamp": int(time.time() * 1000),
            "CloudWatchMetrics": [
                {
                    "Namespace": _space(source),
                    "Dimensions": [["model"]],
                    "Metrics": [{"Name": "tokens", "Unit": "Count"}, {"Name": "times"}],
                }
            ],
        },
        "model": "nova",
        "tokens": 12,
        "times": [1, 2.5],
        "prompt": "not a metric",
    }
    source.put(json.dumps(record))
    assert metrics(clients, _space(source)) == {
        ("tokens", (("model", "nova"),)): 12,
        ("times", (("model", "nova"),)): 3.5,
    }


@pytest.mark.parametrize(
    "message",
    [
        '"_aws"',
        '{"_aws": 1}',
        '{"_aws": {"Timestamp": "now", "CloudWatchMetrics": []}}',
        '{"_aws": {"Timestamp": 1, "CloudWatchMetrics": [{"Namespace": "N"}]}}',
        '{"_aws": {"Timestamp": 1, "CloudWatchMetrics": [1]}}',
    ],
)
def test_a_faulty_embedded_metric_is_a_message_like_any_other(message: str, group: Any) -> None:
    source = group(A)
    source.put(message)
    assert source.read() == [message]


@pytest.mark.parametrize(
    ("pattern", "more"),
    [
        ("[", {}),
        ("", {"value": "many"}),
        ("{ $.a = * }", {"dimensions": {"a": "$.a"}, "defaultValue": 0}),
        ("{ $.a = * }", {"dimensions": {"a": "constant"}}),
        ("{ $.a = * }", {"dimensions": dict.fromkeys("abcd", "$.a")}),
    ],
)
def test_a_faulty_filter_is_refused(pattern: str, more: dict[str, Any], group: Any) -> None:
    source = group(A)
    assert error_code(put, source, pattern, **more) == "InvalidParameterException"
    assert source.logs.describe_metric_filters(logGroupName=source.name)["metricFilters"] == []


def test_a_filter_can_be_tried(group: Any) -> None:
    answer = group(A).logs.test_metric_filter(
        filterPattern="{ $.a = 1 }", logEventMessages=['{"a": 1}', '{"a": 2}']
    )
    assert answer["matches"] == [
        {"eventNumber": 1, "eventMessage": '{"a": 1}', "extractedValues": {"$.a": "1"}}
    ]


def test_filters_go_with_their_group(group: Any) -> None:
    source = group(A)
    put(source, "ERROR")
    source.logs.delete_log_group(logGroupName=source.name)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        source.logs.describe_metric_filters(logGroupName=source.name)
    found = source.logs.describe_metric_filters()["metricFilters"]
    assert source.name not in {each["logGroupName"] for each in found}


def test_bearer_tokens_are_told(group: Any) -> None:
    source = group(A)
    source.logs.put_bearer_token_authentication(
        logGroupIdentifier=source.arn, bearerTokenAuthenticationEnabled=True
    )
    (found,) = source.logs.describe_log_groups(logGroupNamePrefix=source.name)["logGroups"]
    assert found["bearerTokenAuthenticationEnabled"] is True


MODULE = Path(__file__).parents[3] / "modules" / "customer-logging"


def test_a_record_carries_the_metrics_that_alarms_watch(group: Any, clients: Clients) -> None:
    """Those of `metrics.json`, in all their dimensions, although records are masked."""
    defined = json.loads((MODULE / "metrics.json").read_text(encoding="utf-8"))
    variables = (MODULE / "variables.tf").read_text(encoding="utf-8")
    block = variables.partition('variable "record_data_identifiers"')[2].partition("\n}\n")[0]
    named = re.findall(r'"([A-Za-z-]+)"', block.partition("default")[2].partition("\n")[0])
    identifiers = [f"arn:aws:dataprotection::aws:data-identifier/{name}" for name in named]
    masking = {
        "Version": "2021-06-01",
        "Statement": [
            {"DataIdentifier": identifiers, "Operation": {"Audit": {"FindingsDestination": {}}}},
            {"DataIdentifier": identifiers, "Operation": {"Deidentify": {"MaskConfig": {}}}},
        ],
    }
    source = group(A)
    source.logs.put_data_protection_policy(
        logGroupIdentifier=source.name, policyDocument=json.dumps(masking)
    )
    values = {m["name"]: index + 1 for index, m in enumerate(defined["metrics"].values())}
    bearer = {"bulkhead.app": "chat", "gen_ai.request.model": "amazon.nova-lite-v1:0"}
    head = {
        "Timestamp": int(time.time() * 1000),
        "CloudWatchMetrics": [
            {
                "Namespace": _space(source),
                "Dimensions": defined["dimensions"],
                "Metrics": [
                    {"Name": m["name"], "Unit": m["unit"]} for m in defined["metrics"].values()
                ],
            }
        ],
    }
    source.put(json.dumps({"_aws": head, **bearer, **values}))
    found = metrics(clients, _space(source))
    assert found.keys() == {
        (name, tuple((key, bearer[key]) for key in keys))
        for name in values
        for keys in defined["dimensions"]
    }
    # With fewer dimensions the inner app sums up those that have more, as AWS would not.
    everything = tuple(bearer.items())
    assert {name: value for (name, keys), value in found.items() if keys == everything} == values


def test_the_modules_page_names_every_metric() -> None:
    defined = json.loads((MODULE / "metrics.json").read_text(encoding="utf-8"))["metrics"]
    page = (MODULE / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z_.]+)` \| (Count|Seconds) \|", page, re.MULTILINE)
    assert rows == [(metric["name"], metric["unit"]) for metric in defined.values()]
