"""Exactly one record per call that boto3 makes, streams and bodies left early included.

Over HTTP against the embedded cloud's Bedrock, with a proxy between.
"""

from __future__ import annotations

import asyncio
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, EventStreamError
from support import client_lab
from support.client_calls import (
    BUSY,
    PROMPT,
    THROTTLED,
    broken,
    converse_request,
    eventually,
    invoke_request,
    short,
    taken,
    the_record,
    whole,
)
from support.client_lab import CLAUDE, COHERE, LLAMA, NOVA, TITAN, Lab
from support.fault_proxy import Fault

from bulkhead import Bulkhead, emf

pytestmark = pytest.mark.usefixtures("looked")


def test_a_direct_converse(lab: Lab, app: Bulkhead) -> None:
    answer = app.runtime.converse(**converse_request(app))
    record = the_record(lab, app)
    whole(record, lab, CLAUDE)
    assert record["bulkhead.source"] == "boto3"
    assert record["aws.request_id"] == answer["ResponseMetadata"]["RequestId"]
    assert record["gen_ai.usage.output_tokens"] == answer["usage"]["outputTokens"]
    assert record["bulkhead.service.latency_ms"] == answer["metrics"]["latencyMs"]
    asked = ("max_tokens", "temperature", "top_p")
    assert [record[f"gen_ai.request.{name}"] for name in asked] == [64, 0.5, 0.9]
    assert record["gen_ai.operation.name"] == "chat"


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        (CLAUDE, "chat"),
        (NOVA, "chat"),
        (LLAMA, "text_completion"),
        (TITAN, "embeddings"),
        (COHERE, "embeddings"),
    ],
)
def test_a_direct_invoke_model(lab: Lab, app: Bulkhead, model: str, kind: str) -> None:
    answer = app.runtime.invoke_model(**invoke_request(app, model))
    assert not lab.records(app)  # until the body is read
    assert json.loads(answer["body"].read())
    (record,) = taken(lab, app)
    whole(record, lab, model)
    assert record["gen_ai.operation.name"] == kind
    assert record["rpc.method"] == "InvokeModel"
    if kind != "embeddings":
        assert record["gen_ai.request.temperature"] == 0.5


def test_a_body_may_be_a_file(lab: Lab, app: Bulkhead) -> None:
    request = invoke_request(app)
    request["body"] = io.BytesIO(request["body"].encode())
    app.runtime.invoke_model(**request)["body"].read()
    whole(the_record(lab, app), lab, CLAUDE)


@pytest.mark.parametrize("how", ["pieces", "lines", "with", "readinto", "close", "drop"])
def test_however_a_body_is_read_the_call_is_recorded(lab: Lab, app: Bulkhead, how: str) -> None:
    body = app.runtime.invoke_model(**invoke_request(app))["body"]
    if how == "pieces":
        assert json.loads(b"".join(body.iter_chunks(7)))
    elif how == "lines":
        assert json.loads(b"".join(body.iter_lines()))
    elif how == "with":
        with body as inner:
            assert json.loads(inner.read())
    elif how == "readinto":
        buffer = bytearray(10_000)
        assert json.loads(bytes(buffer[: body.readinto(buffer)]))
    elif how == "close":
        body.close()
    del body
    record = eventually(lab, app) if how == "drop" else the_record(lab, app)
    # Bedrock has done its work when the head of the answer is there: its headers tell of it.
    assert record["bulkhead.status"] == "success"
    assert record["gen_ai.usage.output_tokens"] > 0
    assert ("gen_ai.response.finish_reasons" in record) is (how not in ("close", "drop"))


@pytest.mark.parametrize("model", [CLAUDE, NOVA, LLAMA])
def test_a_direct_invoke_stream(lab: Lab, app: Bulkhead, model: str) -> None:
    request = invoke_request(app, model)
    answer = app.runtime.invoke_model_with_response_stream(**request)
    assert len(list(answer["body"])) > 2
    (record,) = taken(lab, app)
    whole(record, lab, model)
    assert record["bulkhead.source"] == "boto3"


@pytest.mark.parametrize("streams", [False, True])
def test_lifetimes_in_bodies_of_invoke_model(lab: Lab, app: Bulkhead, streams: bool) -> None:
    hour = {"type": "ephemeral", "ttl": "1h"}
    text = f"{streams} " + "wall " * 1100
    block = {"type": "text", "text": text, "cache_control": hour}
    fresh = {"type": "text", "text": text, "cache_control": {"type": "ephemeral"}}
    request = invoke_request(app)
    body = json.loads(request["body"])
    body["system"], body["messages"] = [block], [{"role": "user", "content": [fresh]}]
    request["body"] = json.dumps(body)
    if streams:
        list(app.runtime.invoke_model_with_response_stream(**request)["body"])
    else:
        app.runtime.invoke_model(**request)["body"].read()
    record = the_record(lab, app)
    hour_long = record["bulkhead.usage.cache_creation_1h.input_tokens"]
    short = record["bulkhead.usage.cache_creation_5m.input_tokens"]
    assert hour_long > 1024 < short
    assert hour_long + short == record["gen_ai.usage.cache_creation.input_tokens"]
    assert record["gen_ai.usage.input_tokens"] >= hour_long + short
    rest = record["gen_ai.usage.input_tokens"] - hour_long - short
    cost = 3 * rest + 3.75 * short + 6 * hour_long + 15 * record["gen_ai.usage.output_tokens"]
    assert record["bulkhead.cost.usd"] == pytest.approx(cost / 1e6)


def test_a_direct_converse_stream(lab: Lab, app: Bulkhead) -> None:
    answer = app.runtime.converse_stream(**converse_request(app))
    events = [next(iter(event)) for event in answer["stream"]]
    assert events[0] == "messageStart"
    assert events[-1] == "metadata"
    (record,) = taken(lab, app)
    whole(record, lab, CLAUDE)


@pytest.mark.parametrize("how", ["close", "drop", "never read", "break and go on"])
def test_however_a_stream_is_left_the_call_is_recorded(lab: Lab, app: Bulkhead, how: str) -> None:
    answer = app.runtime.converse_stream(**converse_request(app))
    stream = answer["stream"]
    if how != "never read":
        for _ in stream:
            break
    assert not lab.records(app)
    if how == "break and go on":
        assert len(list(stream)) > 1
        whole(the_record(lab, app), lab, CLAUDE)
        return
    if how == "close":
        stream.close()
        record = the_record(lab, app)
    else:
        del answer, stream
        record = eventually(lab, app)
    assert (record["bulkhead.status"], record["error.type"]) == ("cancelled", "unfinished")
    assert ("gen_ai.response.time_to_first_chunk" in record) is (how != "never read")


def test_direct_streams_that_break_or_are_short(lab: Lab, app: Bulkhead) -> None:
    lab.proxy.faults["/converse-stream"] = [Fault(body=broken), Fault(body=short)]
    with pytest.raises(EventStreamError):
        list(app.runtime.converse_stream(**converse_request(app))["stream"])
    list(app.runtime.converse_stream(**converse_request(app))["stream"])
    first, second = taken(lab, app)
    assert (first["error.type"], first["bulkhead.throttles"]) == ("ThrottlingException", 1)
    assert (second["bulkhead.status"], second["error.type"]) == ("error", "IncompleteStream")


def test_direct_calls_that_fail(lab: Lab, app: Bulkhead) -> None:
    with pytest.raises(ClientError):
        app.runtime.converse(**converse_request(app, modelId=CLAUDE))  # not through the AIP
    refused = the_record(lab, app)
    assert refused["error.type"] == "AccessDeniedException"
    assert refused["gen_ai.request.model"] == CLAUDE
    assert "bulkhead.inference_profile.arn" not in refused
    lab.proxy.faults["/invoke"] = [Fault(answer=BUSY)] * 4
    with pytest.raises(ClientError):
        app.runtime.invoke_model(**invoke_request(app))
    failed = the_record(lab, app)
    assert (failed["error.type"], failed["bulkhead.retries"]) == ("ServiceUnavailableException", 3)
    # What botocore refuses to send is no call.
    with pytest.raises(Exception, match="Parameter validation failed"):
        app.runtime.converse(modelId="x", messages="canary")
    assert not lab.records(app)


def test_embeddings_of_langchain(lab: Lab, app: Bulkhead) -> None:
    assert len(app.embeddings(TITAN).embed_documents(["one", "two"])) == 2
    assert len(app.embeddings(COHERE).embed_query("one")) > 10
    asyncio.run(app.embeddings(TITAN).aembed_query("three"))
    records = taken(lab, app)
    assert len(records) == 4
    for record in records:
        assert record["gen_ai.operation.name"] == "embeddings"
        assert record["bulkhead.cost.usd"] > 0


def test_calls_that_are_under_way_at_the_end_are_recorded(lab: Lab, app: Bulkhead) -> None:
    with lab.client() as other:
        langchain = other.chat(CLAUDE).stream(PROMPT)
        next(langchain)
        direct = other.runtime.converse_stream(**converse_request(other))
        next(iter(direct["stream"]))
    assert other.stats.delivered == other.stats.offered == 2
    records = taken(lab, app, calls=2)
    assert [each["bulkhead.status"] for each in records] == ["cancelled", "cancelled"]
    assert {each["bulkhead.source"] for each in records} == {"langchain", "boto3"}
    langchain.close()
    direct["stream"].close()
    del langchain, direct


def test_a_model_made_by_hand_is_recorded_once_with_or_without_the_handler(
    lab: Lab, app: Bulkhead
) -> None:
    from langchain_aws import ChatBedrockConverse

    options: dict[str, Any] = {
        "client": app.session.runtime,
        "bedrock_client": app.session.control,
        "model": app.inference_profile(CLAUDE),
        "base_model": CLAUDE,
        "provider": "anthropic",
        "region_name": client_lab.REGION,
    }
    ChatBedrockConverse(**options).invoke(PROMPT)
    ChatBedrockConverse(**options, callbacks=[app.handler]).invoke(PROMPT)
    one, two = taken(lab, app)
    assert [one["bulkhead.source"], two["bulkhead.source"]] == ["boto3", "langchain"]
    for record in (one, two):
        whole(record, lab, CLAUDE)


def test_records_are_metrics_in_the_customers_account(lab: Lab, app: Bulkhead) -> None:
    """Without a call of CloudWatch, in the dimensions that dashboard and alarms watch."""
    document = {**lab.document, "app": "metered"}
    with Bulkhead.from_config(document, lab.caller(), endpoint_url=lab.proxy.url) as metered:
        answer = metered.runtime.converse(**converse_request(metered))
        lab.proxy.faults["/converse"] = [Fault(answer=THROTTLED)] * 4
        with pytest.raises(ClientError):
            metered.chat(CLAUDE).invoke(PROMPT)
    taken(lab, app, calls=2)
    cloudwatch = lab.admin(client_lab.ACME, "cloudwatch")
    dimensions = [
        {"Name": "bulkhead.app", "Value": "metered"},
        {"Name": "gen_ai.request.model", "Value": CLAUDE},
    ]
    now = datetime.now(UTC)

    def total(name: str) -> float:
        found = cloudwatch.get_metric_statistics(
            Namespace=emf.NAMESPACE,
            MetricName=name,
            Dimensions=dimensions,
            StartTime=now - timedelta(minutes=5),
            EndTime=now + timedelta(minutes=5),
            Period=600,
            Statistics=["Sum"],
        )
        return sum(each["Sum"] for each in found["Datapoints"])

    assert total("bulkhead.calls") == 2
    assert total("bulkhead.errors") == total("bulkhead.throttles") == 1
    assert total("gen_ai.usage.input_tokens") == answer["usage"]["inputTokens"]
    assert total("gen_ai.usage.output_tokens") == answer["usage"]["outputTokens"]
    assert total("gen_ai.client.operation.duration") > 0
    shown = {
        tuple(each["Name"] for each in metric["Dimensions"])
        for page in cloudwatch.get_paginator("list_metrics").paginate(Namespace=emf.NAMESPACE)
        for metric in page["Metrics"]
        if metric["MetricName"] == "bulkhead.calls"
    }
    assert shown == set(emf.DIMENSIONS)
