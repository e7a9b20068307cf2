"""InvokeModel over HTTP: boto3's headers and streams, LangChain, metrics, the tier's key."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from langchain_aws import BedrockEmbeddings, ChatBedrock
from langchain_core.messages import HumanMessage
from support.cloud import A, B, Clients, allow, document, trust

CLAUDE = "anthropic.claude-3-haiku-20240307-v1:0"
BODY = json.dumps(
    {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 20,
        "messages": [{"role": "user", "content": "ping"}],
    }
)


def test_counts_come_in_headers(clients: Clients) -> None:
    answer = clients(A, "bedrock-runtime").invoke_model(modelId=CLAUDE, body=BODY)
    usage = json.loads(answer["body"].read())["usage"]
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    assert answer["contentType"] == "application/json"
    assert headers["x-amzn-bedrock-input-token-count"] == str(usage["input_tokens"])
    assert headers["x-amzn-bedrock-output-token-count"] == str(usage["output_tokens"])
    assert int(headers["x-amzn-bedrock-invocation-latency"]) > 0


def test_streams(clients: Clients) -> None:
    runtime = clients(A, "bedrock-runtime")
    answer = runtime.invoke_model_with_response_stream(
        modelId=CLAUDE, body=BODY, serviceTier="flex"
    )
    assert (answer["contentType"], answer["serviceTier"]) == ("application/json", "flex")
    events = [json.loads(event["chunk"]["bytes"]) for event in answer["body"]]
    assert [events[0]["type"], events[-1]["type"]] == ["message_start", "message_stop"]


def test_langchain_chats_by_invoke_model(clients: Clients) -> None:
    chat = ChatBedrock(
        client=clients(A, "bedrock-runtime"),
        model=CLAUDE,
        provider="anthropic",
        model_kwargs={"max_tokens": 30},
    )
    answer = chat.invoke([HumanMessage("about the harbor")])
    assert "about the harbor" in answer.content
    assert answer.usage_metadata is not None
    assert answer.usage_metadata["output_tokens"] <= 30
    parts = chat.stream([HumanMessage("about the harbor")])
    streamed = "".join(str(part.content) for part in parts)
    assert "about the harbor" in streamed


@pytest.mark.parametrize("model", ["amazon.titan-embed-text-v2:0", "cohere.embed-english-v3"])
def test_langchain_embeds(clients: Clients, model: str) -> None:
    embeddings = BedrockEmbeddings(client=clients(A, "bedrock-runtime"), model_id=model)
    one, two = embeddings.embed_documents(["a wall", "another wall"])
    assert len(one) == len(two) == 1024
    assert one != two
    assert embeddings.embed_query("a wall")[:5] == pytest.approx(one[:5])


def test_calls_are_counted_for_their_profile(
    clients: Clients, unique: Callable[[str], str]
) -> None:
    region = "eu-central-1"
    profile = clients(A, "bedrock").create_inference_profile(
        inferenceProfileName=unique("counted"),
        modelSource={"copyFrom": f"arn:aws:bedrock:{region}::foundation-model/{CLAUDE}"},
    )["inferenceProfileArn"]
    for _ in range(3):
        clients(A, "bedrock-runtime").invoke_model(modelId=profile, body=BODY)
    now = datetime.now(UTC)
    dimension = {"Name": "ModelId", "Value": profile.rsplit("/", 1)[1]}
    watch = clients(A, "cloudwatch")
    listed = watch.list_metrics(Namespace="AWS/Bedrock", Dimensions=[dimension])["Metrics"]
    assert {metric["MetricName"] for metric in listed} == {
        *("Invocations", "InvocationLatency", "InputTokenCount", "OutputTokenCount"),
        "EstimatedTPMQuotaUsage",
    }
    points = watch.get_metric_statistics(
        Namespace="AWS/Bedrock",
        MetricName="Invocations",
        Dimensions=[dimension],
        StartTime=now - timedelta(minutes=5),
        EndTime=now + timedelta(minutes=5),
        Period=3600,
        Statistics=["Sum"],
    )["Datapoints"]
    assert sum(point["Sum"] for point in points) == 3


@pytest.mark.parametrize(("tier", "allowed"), [("flex", True), ("priority", False), (None, True)])
def test_a_tier_can_be_denied(
    clients: Clients, make_role: Callable[..., str], tier: str | None, allowed: bool
) -> None:
    deny: dict[str, Any] = {
        "Effect": "Deny",
        "Action": "bedrock:InvokeModel",
        "Resource": "*",
        "Condition": {"StringEquals": {"bedrock:ServiceTier": ["priority", "reserved"]}},
    }
    role = make_role(A, trust({"AWS": f"arn:aws:iam::{A}:root"}), allow("bedrock:*"), deny)
    runtime = clients(clients.assume(A, role), "bedrock-runtime")
    asked = {} if tier is None else {"serviceTier": tier}
    if allowed:
        assert runtime.invoke_model(modelId=CLAUDE, body=BODY, **asked)
    else:
        with pytest.raises(ClientError, match="explicit deny"):
            runtime.invoke_model(modelId=CLAUDE, body=BODY, **asked)


@pytest.mark.parametrize("account", [A, B, None], ids=["own", "another account", "nobody"])
def test_bedrock_logs_to_buckets_that_let_it(
    clients: Clients, unique: Callable[[str], str], account: str | None
) -> None:
    """The bucket's policy decides; a bucket of another account is no destination at all."""
    bucket = unique("invocations")
    s3 = clients(B if account == B else A, "s3")
    s3.create_bucket(
        Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    if account is not None:
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "bedrock.amazonaws.com"},
            "Action": "s3:PutObject",
            "Resource": f"arn:aws:s3:::{bucket}/AWSLogs/{A}/BedrockModelInvocationLogs/*",
            "Condition": {"StringEquals": {"aws:SourceAccount": A}},
        }
        s3.put_bucket_policy(Bucket=bucket, Policy=document(statement))
    bedrock = clients(A, "bedrock")
    config = {"s3Config": {"bucketName": bucket}}
    if account != A:
        with pytest.raises(ClientError, match="Failed to validate permissions"):
            bedrock.put_model_invocation_logging_configuration(loggingConfig=config)
        return
    bedrock.put_model_invocation_logging_configuration(loggingConfig=config)
    try:
        clients(A, "bedrock-runtime").invoke_model(modelId=CLAUDE, body=BODY)
    finally:
        bedrock.delete_model_invocation_logging_configuration()
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    assert any(key.endswith(".json.gz") for key in keys)
