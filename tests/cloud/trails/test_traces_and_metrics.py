"""Traces and metrics: kept per account, shown across a link, spans in CloudWatch Logs."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support.cloud import LONER, OUTSIDER, REGION, A, B, Clients, allow, document, error_code, trust

METRICS, TRACES = "AWS::CloudWatch::Metric", "AWS::XRay::Trace"


@pytest.fixture
def linked(clients: Clients) -> Iterator[Callable[..., None]]:
    """Makes a link of A to a sink of B."""
    oam, made = clients(B, "oam"), []
    sink = oam.create_sink(Name="monitoring")["Arn"]
    statement = {"Effect": "Allow", "Principal": {"AWS": A}, "Action": "oam:CreateLink"}
    policy = document({**statement, "Resource": "*"})
    oam.put_sink_policy(SinkIdentifier=sink, Policy=policy)

    def link(*types: str, **rest: Any) -> None:
        answer = clients(A, "oam").create_link(
            LabelTemplate="source", ResourceTypes=list(types), SinkIdentifier=sink, **rest
        )
        made.append(answer["Arn"])

    yield link
    for arn in made:
        clients(A, "oam").delete_link(Identifier=arn)
    oam.delete_sink(Identifier=sink)


def send(clients: Clients, account: str, canary: str) -> str:
    """Send one segment with a canary in annotations, metadata and a subsegment; its trace id."""
    now = time.time()
    trace = f"1-{int(now):08x}-{canary.encode().hex()[-24:]:0>24}"
    segment = {
        "name": "app",
        "id": "70de5b6f19ff9a0a",
        "trace_id": trace,
        "start_time": now - 1,
        "end_time": now,
        "annotations": {"canary": canary},
        "metadata": {"gen_ai": {"prompt": canary}},
        "subsegments": [{"id": "53995c3f42cd8ad8", "name": "call", "start_time": now - 1}],
    }
    answer = clients(account, "xray").put_trace_segments(
        TraceSegmentDocuments=[json.dumps(segment), "no document"]
    )
    assert len(answer["UnprocessedTraceSegments"]) == 1
    return trace


def summaries(clients: Clients, account: str, **rest: Any) -> dict[str, Any]:
    answer = clients(account, "xray").get_trace_summaries(
        StartTime=time.time() - 60, EndTime=time.time() + 60, **rest
    )
    return {each["Id"]: each for each in answer["TraceSummaries"]}


def traces(clients: Clients, account: str, trace: str) -> str:
    return json.dumps(clients(account, "xray").batch_get_traces(TraceIds=[trace])["Traces"])


def test_a_trace_comes_back_whole_and_to_its_account_alone(
    clients: Clients, unique: Callable[[str], str]
) -> None:
    canary = unique("canary")
    trace = send(clients, A, canary)
    assert traces(clients, A, trace).count(canary) == 2
    found = summaries(clients, A)[trace]
    value = {"AnnotationValue": {"StringValue": canary}}
    assert found["Annotations"]["canary"][0].items() >= value.items()
    assert trace in summaries(clients, A, FilterExpression=f'annotation.canary = "{canary}"')
    assert trace not in summaries(clients, A, FilterExpression='annotation.canary = "other"')
    assert traces(clients, B, trace) == "[]"
    assert trace not in summaries(clients, B)
    with pytest.raises(ClientError, match="InvalidRequest"):
        summaries(clients, A, FilterExpression="responsetime > 5")


def test_a_link_shows_traces(
    clients: Clients, linked: Callable[..., None], unique: Callable[[str], str]
) -> None:
    canary = unique("canary")
    trace = send(clients, A, canary)
    assert traces(clients, B, trace) == "[]"
    linked(TRACES)
    assert canary in traces(clients, B, trace)
    assert summaries(clients, B)[trace]["EntryPoint"]["AccountId"] == A


def test_a_link_for_metrics_shows_no_traces(
    clients: Clients, linked: Callable[..., None], unique: Callable[[str], str]
) -> None:
    trace = send(clients, A, unique("canary"))
    linked(METRICS)
    assert traces(clients, B, trace) == "[]"


def test_sending_and_reading_traces_is_decided(
    clients: Clients, make_role: Callable[..., str], unique: Callable[[str], str]
) -> None:
    trace = send(clients, A, unique("canary"))
    role = make_role(A, trust({"AWS": f"arn:aws:iam::{A}:root"}), allow("xray:GetTraceSummaries"))
    xray = clients(clients.assume(A, role), "xray")
    assert "TraceSummaries" in xray.get_trace_summaries(StartTime=1, EndTime=2)
    with pytest.raises(ClientError, match="AccessDenied"):
        xray.batch_get_traces(TraceIds=[trace])
    with pytest.raises(ClientError, match="AccessDenied"):
        xray.put_trace_segments(TraceSegmentDocuments=["{}"])


def let_xray_write(logs: Any, account: str, action: str = "logs:PutLogEvents") -> None:
    """As https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Enable-TransactionSearch.html
    has it."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "xray.amazonaws.com"},
        "Action": action,
        "Resource": f"arn:aws:logs:{REGION}:{account}:log-group:aws/spans:*",
        "Condition": {
            "ArnLike": {"aws:SourceArn": f"arn:aws:xray:{REGION}:{account}:*"},
            "StringEquals": {"aws:SourceAccount": account},
        },
    }
    logs.put_resource_policy(policyName="xray", policyDocument=document(statement))


def test_spans_need_a_policy_that_lets_xray_write(
    clients: Clients, unique: Callable[[str], str]
) -> None:
    xray, logs = clients(OUTSIDER, "xray"), clients(OUTSIDER, "logs")
    with pytest.raises(ClientError, match=r"AccessDeniedException.*aws/spans"):
        xray.update_trace_segment_destination(Destination="CloudWatchLogs")
    let_xray_write(logs, OUTSIDER, "logs:CreateLogStream")
    with pytest.raises(ClientError, match=r"AccessDeniedException.*aws/spans"):
        xray.update_trace_segment_destination(Destination="CloudWatchLogs")
    let_xray_write(logs, OUTSIDER)
    xray.update_trace_segment_destination(Destination="CloudWatchLogs")
    within, after = unique("canary"), unique("canary")
    send(clients, OUTSIDER, within)
    logs.delete_resource_policy(policyName="xray")
    send(clients, OUTSIDER, after)
    seen = json.dumps(logs.filter_log_events(logGroupName="aws/spans")["events"])
    assert (within in seen, after in seen) == (True, False)


def test_policies_of_xray_are_refused_in_words(clients: Clients) -> None:
    xray = clients(A, "xray")
    with pytest.raises(ClientError, match="does not enforce what xray:PutResourcePolicy"):
        xray.put_resource_policy(PolicyName="p", PolicyDocument="{}")
    assert xray.list_resource_policies()["ResourcePolicies"] == []


def test_spans_are_log_events_once_the_destination_is_cloudwatch_logs(
    clients: Clients, unique: Callable[[str], str]
) -> None:
    xray, logs = clients(LONER, "xray"), clients(LONER, "logs")
    before, after = unique("canary"), unique("canary")
    send(clients, LONER, before)
    assert xray.get_trace_segment_destination()["Destination"] == "XRay"
    let_xray_write(logs, LONER)
    xray.update_trace_segment_destination(Destination="CloudWatchLogs")
    trace = send(clients, LONER, after)
    seen = json.dumps(logs.filter_log_events(logGroupName="aws/spans")["events"])
    assert after in seen
    assert before not in seen
    assert after in traces(clients, LONER, trace)
    xray.update_trace_segment_destination(Destination="XRay")
    late = unique("canary")
    send(clients, LONER, late)
    assert late not in json.dumps(logs.filter_log_events(logGroupName="aws/spans")["events"])


def put_metric(clients: Clients, namespace: str) -> None:
    datum = {"MetricName": "m", "Value": 7.0, "Dimensions": [{"Name": "who", "Value": namespace}]}
    clients(A, "cloudwatch").put_metric_data(Namespace=namespace, MetricData=[datum])


def listed(clients: Clients, namespace: str, **rest: Any) -> dict[str, Any]:
    answer = clients(B, "cloudwatch").list_metrics(
        Namespace=namespace, IncludeLinkedAccounts=True, **rest
    )
    return {key: answer.get(key, []) for key in ("Metrics", "OwningAccounts")}


def values(clients: Clients, namespace: str) -> dict[str, Any]:
    metric = {
        "Namespace": namespace,
        "MetricName": "m",
        "Dimensions": [{"Name": "who", "Value": namespace}],
    }
    query = {
        "Id": "q",
        "AccountId": A,
        "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"},
    }
    (result,) = clients(B, "cloudwatch").get_metric_data(
        MetricDataQueries=[query], StartTime=time.time() - 600, EndTime=time.time() + 60
    )["MetricDataResults"]
    return dict(result)


def test_a_link_shows_metrics(
    clients: Clients, linked: Callable[..., None], unique: Callable[[str], str]
) -> None:
    namespace = unique("Namespace")
    put_metric(clients, namespace)
    assert listed(clients, namespace) == {"Metrics": [], "OwningAccounts": []}
    assert values(clients, namespace)["StatusCode"] == "Forbidden"
    linked(METRICS)
    found = listed(clients, namespace)
    assert found["OwningAccounts"] == [A]
    assert found["Metrics"][0]["Dimensions"] == [{"Name": "who", "Value": namespace}]
    assert listed(clients, namespace, OwningAccount=B)["Metrics"] == []
    assert values(clients, namespace)["Values"] == [7.0]
    own = clients(B, "cloudwatch").list_metrics(Namespace=namespace)["Metrics"]
    assert own == []


def test_the_filter_of_a_link_hides_namespaces(
    clients: Clients, linked: Callable[..., None], unique: Callable[[str], str]
) -> None:
    shown, hidden = unique("Shown"), unique("Hidden")
    put_metric(clients, shown)
    put_metric(clients, hidden)
    chosen = {"MetricConfiguration": {"Filter": "Namespace LIKE 'Shown%'"}}
    linked(METRICS, LinkConfiguration=chosen)
    assert listed(clients, shown)["OwningAccounts"] == [A]
    assert listed(clients, hidden)["OwningAccounts"] == []
    assert values(clients, shown)["Values"] == [7.0]
    assert values(clients, hidden)["StatusCode"] == "Forbidden"


def test_a_search_of_metrics_is_refused_and_not_empty(
    clients: Clients, unique: Callable[[str], str]
) -> None:
    namespace = unique("Namespace")
    put_metric(clients, namespace)
    cloudwatch = clients(A, "cloudwatch")
    metric = {
        "Namespace": namespace,
        "MetricName": "m",
        "Dimensions": [{"Name": "who", "Value": namespace}],
    }
    own = {"Id": "q", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}}

    def values(*queries: dict[str, Any]) -> list[list[float]]:
        found = cloudwatch.get_metric_data(
            MetricDataQueries=queries, StartTime=time.time() - 600, EndTime=time.time() + 60
        )
        return [each["Values"] for each in found["MetricDataResults"]]

    assert values(own) == [[7.0]]
    assert values(own, {"Id": "same", "Expression": "q"}) == [[7.0], [7.0]]
    for expression in (f"SEARCH('{{{namespace},who}}', 'Sum', 60)", "q * 2"):
        asked = {"Id": "e", "Expression": expression}
        assert error_code(values, own, asked) == "ValidationError"
