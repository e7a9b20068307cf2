"""Model invocation logging really writes prompts, as the leak that the suite must find does."""

from __future__ import annotations

import base64
import gzip
import json
import re
from typing import Any

import pytest

from harness.cloud.call import ApiError, EventStream

GROUP = "/leak"
ROLE = "arn:aws:iam::111111111111:role/BedrockLogging"
HERE = ("111111111111", "eu-central-1")


@pytest.fixture
def switch_on(play):
    def put(**more):
        play.role.groups.add(GROUP)
        config = {"cloudWatchConfig": {"logGroupName": GROUP, "roleArn": ROLE}, **more}
        play("PutModelInvocationLoggingConfiguration", loggingConfig=config)

    return put


def test_off_by_default(play, ask):
    assert play("GetModelInvocationLoggingConfiguration") == {}
    play("Converse", **ask())
    assert play.role.calls == []


def test_put_proves_that_the_role_can_write(play, switch_on):
    switch_on()
    assert play.role.streams == {(GROUP, "aws/bedrock/modelinvocations")}
    assert play.role.written == [(GROUP, "Permissions are correctly set for Amazon Bedrock logs.")]
    first = play.role.calls[0]
    assert first["role_arn"] == ROLE
    assert first["service_principal"] == "bedrock.amazonaws.com"
    assert first["source_account"] == "111111111111"
    assert first["source_arn"] == "arn:aws:bedrock:eu-central-1:111111111111:*"
    assert (first["service"], first["region"]) == ("logs", "eu-central-1")
    config = play("GetModelInvocationLoggingConfiguration")["loggingConfig"]
    assert config["cloudWatchConfig"] == {"logGroupName": GROUP, "roleArn": ROLE}
    assert config["textDataDeliveryEnabled"] is True


@pytest.mark.parametrize("refused", ["CreateLogStream", "PutLogEvents"])
def test_put_fails_when_the_role_may_not_write(play, ask, switch_on, refused):
    play.role.refuse = frozenset({refused})
    with pytest.raises(ApiError) as caught:
        switch_on()
    error = caught.value
    assert error.code == "ValidationException"
    assert error.message == (
        f"Failed to validate permissions for log group: {GROUP}, with role: {ROLE}. "
        "Verify the IAM role permissions are correct."
    )
    assert play("GetModelInvocationLoggingConfiguration") == {}
    play.role.refuse = frozenset()
    switch_on()
    play("Converse", **ask())
    assert len(play.role.records) == 1


@pytest.mark.parametrize(
    ("config", "code"),
    [
        ({}, "ValidationException"),
        ({"s3Config": {"bucketName": "bucket"}}, "ValidationException"),
        ({"cloudWatchConfig": {"logGroupName": "/none", "roleArn": ROLE}}, "ValidationException"),
        ({"cloudWatchConfig": {"logGroupName": GROUP, "roleArn": "x"}}, "ValidationException"),
        (
            {
                "cloudWatchConfig": {
                    "logGroupName": GROUP,
                    "roleArn": ROLE.replace("1" * 12, "2" * 12),
                }
            },
            "AccessDeniedException",
        ),
    ],
)
def test_configurations_that_cannot_deliver_are_refused(play, switch_on, config, code):
    play.role.groups.add(GROUP)
    error = play.fails("PutModelInvocationLoggingConfiguration", loggingConfig=config)
    assert error.code == code
    assert play("GetModelInvocationLoggingConfiguration") == {}
    switch_on()


def test_a_call_is_written_with_its_prompt(play, ask, switch_on):
    switch_on()
    aip = play.aip()
    params = ask(
        "canary-4711", system=[{"text": "Be brief."}], requestMetadata={"team": "blue"}
    ) | {"modelId": aip}
    answer = play("Converse", **params)
    (record,) = play.role.records
    timestamp = record.pop("timestamp")
    assert timestamp.startswith("2026-11-24T10:00:") and timestamp.endswith("Z")
    assert record == {
        "schemaType": "ModelInvocationLog",
        "schemaVersion": "1.0",
        "accountId": "111111111111",
        "identity": {
            "arn": "arn:aws:sts::111111111111:assumed-role/bulkhead-acme/t-222222222222-app"
        },
        "region": "eu-central-1",
        "requestId": "request-1",
        "operation": "Converse",
        "modelId": aip,
        "input": {
            "inputContentType": "application/json",
            "inputBodyJson": {"messages": params["messages"], "system": params["system"]},
            "inputTokenCount": answer["usage"]["inputTokens"],
        },
        "output": {
            "outputContentType": "application/json",
            "outputBodyJson": answer,
            "outputTokenCount": answer["usage"]["outputTokens"],
        },
        "requestMetadata": {"team": "blue"},
    }


def test_only_that_account_and_region_is_logged(play, ask, switch_on):
    switch_on()
    play("Converse", account="222222222222", **ask())
    play("Converse", region="eu-west-1", **ask())
    assert play.role.records == []
    play("Converse", **ask())
    assert len(play.role.records) == 1


def test_a_stream_is_logged_when_it_ends(play, ask, switch_on):
    switch_on()
    answer = play.bedrock.answer(play.make("ConverseStream", ask("canary-4711"), *HERE))
    assert isinstance(answer, EventStream)
    for name, _ in answer.events:
        if name != "metadata":
            assert play.role.records == []
    (record,) = play.role.records
    assert record["operation"] == "ConverseStream"
    assert "canary-4711" in str(record["input"])
    assert record["output"]["outputBodyJson"] == play("Converse", **ask("canary-4711"))


@pytest.mark.parametrize("read", [0, 1, 3])
def test_a_stream_that_nobody_finishes_is_logged_too(play, ask, switch_on, read):
    switch_on()
    answer = play.bedrock.answer(play.make("ConverseStream", ask("canary-4711"), *HERE))
    for _ in range(read):
        next(answer.events)
    del answer
    (record,) = play.role.records
    assert "canary-4711" in str(record["input"])


def test_without_text_delivery_only_counts_are_written(play, ask, switch_on):
    switch_on(textDataDeliveryEnabled=False)
    play("Converse", **ask("canary-4711"))
    (record,) = play.role.records
    assert "canary-4711" not in str(record)
    assert record["input"].keys() == {"inputContentType", "inputTokenCount"}
    assert record["output"].keys() == {"outputContentType", "outputTokenCount"}


def test_refused_calls_are_written_with_their_error_code_only(play, ask, switch_on):
    switch_on()
    play.fails("Converse", **ask("canary-4711") | {"modelId": "no.model-v1:0"})
    (record,) = play.role.records
    assert record["errorCode"] == "ValidationException"
    assert (record["input"], record["output"]) == ({}, {})
    assert record["modelId"] == "no.model-v1:0"


def test_large_bodies_are_left_out(play, ask, switch_on):
    switch_on()
    play("Converse", **ask("canary " * 20_000))
    (record,) = play.role.records
    assert "inputBodyJson" not in record["input"]
    assert "outputBodyJson" in record["output"]


def test_the_bytes_of_images_are_left_out(play, ask, switch_on):
    switch_on()
    image = {"image": {"format": "png", "source": {"bytes": b"\x89PNG canary"}}}
    content = [{"text": "What is it?"}, image]
    play("Converse", **ask() | {"messages": [{"role": "user", "content": content}]})
    (record,) = play.role.records
    logged = record["input"]["inputBodyJson"]["messages"][0]["content"]
    assert logged == [{"text": "What is it?"}, {"image": {"format": "png", "source": {}}}]


def test_a_cross_region_call_names_where_it_ran(play, ask, switch_on):
    switch_on()
    call = play.make("Converse", ask() | {"modelId": "eu.amazon.nova-lite-v1:0"}, *HERE)
    seen = set()
    for number in range(40):
        play.bedrock.answer(
            type(call)(
                call.service,
                call.operation,
                call.region,
                call.params,
                call.caller,
                request_id=str(number),
            )
        )
        seen.add(play.role.records[-1].get("inferenceRegion"))
    assert seen == {None, "eu-north-1", "eu-west-1", "eu-west-3"}


def test_a_failed_delivery_does_not_fail_the_call(play, ask, switch_on, caplog):
    switch_on()
    play.role.refuse = frozenset({"PutLogEvents"})
    assert play("Converse", **ask("canary-4711"))["stopReason"] == "end_turn"
    assert len(play("ConverseStream", **ask("canary-4711"))) > 4
    assert play.role.records == []
    assert "was not delivered: AccessDeniedException" in caplog.text
    assert "canary-4711" not in caplog.text


def test_a_deleted_stream_is_made_again_and_a_deleted_group_is_not(play, ask, switch_on):
    switch_on()
    play.role.streams.clear()
    play("Converse", **ask())
    assert len(play.role.records) == 1
    play.role.streams.clear()
    play.role.groups.clear()
    play("Converse", **ask())
    assert len(play.role.records) == 1


def test_switching_off(play, ask, switch_on):
    switch_on()
    play("DeleteModelInvocationLoggingConfiguration")
    play("DeleteModelInvocationLoggingConfiguration")
    assert play("GetModelInvocationLoggingConfiguration") == {}
    play("Converse", **ask())
    assert play.role.records == []


# --- Amazon S3 ---

BUCKET = "leaks"
UNDER = "AWSLogs/111111111111/BedrockModelInvocationLogs/eu-central-1"


def written(role):
    """The unpacked objects by the end of their key, without the trial of Put."""
    return {
        key.removeprefix(f"{BUCKET}/{UNDER}/"): json.loads(gzip.decompress(body))
        for key, body in role.objects.items()
        if body
    }


def to_bucket(play, **more):
    play.role.buckets.add(BUCKET)
    config = {"s3Config": {"bucketName": BUCKET}, **more}
    play("PutModelInvocationLoggingConfiguration", loggingConfig=config)


def test_records_go_to_a_bucket(play, ask):
    to_bucket(play)
    assert list(play.role.objects) == [f"{BUCKET}/{UNDER}/amazon-bedrock-logs-permission-check"]
    play("Converse", **ask("about the canary"))
    ((key, record),) = written(play.role).items()
    assert re.fullmatch(r"2026/11/24/10/20261124T10\d{4}Z_request-1\.json\.gz", key)
    assert "about the canary" in json.dumps(record["input"]["inputBodyJson"])
    assert "about the canary" in json.dumps(record["output"]["outputBodyJson"])
    assert play.role.written == []


def test_a_prefix_goes_before(play, ask):
    to_bucket(play, s3Config={"bucketName": BUCKET, "keyPrefix": "logs"})
    play("Converse", **ask())
    assert all(key.startswith(f"{BUCKET}/logs/{UNDER}/") for key in play.role.objects)


def test_a_bucket_that_takes_nothing_is_refused(play, ask):
    config = {"s3Config": {"bucketName": "closed"}}
    error = play.fails("PutModelInvocationLoggingConfiguration", loggingConfig=config)
    assert error.code == "ValidationException"
    assert "log bucket: closed" in error.message
    assert play("GetModelInvocationLoggingConfiguration") == {}
    play("Converse", **ask())
    assert play.role.objects == {}


def test_large_bodies_lie_beside_the_record(play, ask):
    to_bucket(play)
    play("Converse", **ask("canary " * 20_000))
    objects = written(play.role)
    (data,) = (key for key in objects if "/data/" in key)
    (record,) = (value for key, value in objects.items() if "/data/" not in key)
    assert record["input"]["inputBodyS3Path"] == f"s3://{BUCKET}/{UNDER}/{data}"
    assert "inputBodyJson" not in record["input"]
    assert "canary canary" in json.dumps(objects[data])


def test_a_log_group_can_have_a_bucket_for_large_bodies(play, ask, switch_on):
    play.role.buckets.add(BUCKET)
    large = {"largeDataDeliveryS3Config": {"bucketName": BUCKET}}
    switch_on(cloudWatchConfig={"logGroupName": GROUP, "roleArn": ROLE, **large})
    play("Converse", **ask("short"))
    play("Converse", **ask("canary " * 20_000))
    short, long = play.role.records
    assert "inputBodyJson" in short["input"]
    assert long["input"]["inputBodyS3Path"].startswith(f"s3://{BUCKET}/")


IMAGE = {"image": {"format": "png", "source": {"bytes": b"canary image"}}}


@pytest.mark.parametrize("wanted", [True, False])
def test_images_are_delivered_when_asked_for(play, wanted):
    to_bucket(play, imageDataDeliveryEnabled=wanted)
    content = [{"text": "what is it?"}, IMAGE]
    messages = [{"role": "user", "content": content}]
    play("Converse", modelId="amazon.nova-lite-v1:0", messages=messages)
    told = json.dumps(written(play.role))
    assert "what is it?" in told
    assert (base64.b64encode(b"canary image").decode() in told) is wanted


@pytest.mark.parametrize(
    ("flags", "asked", "answered"),
    [
        ({}, True, True),
        ({"embeddingDataDeliveryEnabled": False}, True, False),
        ({"textDataDeliveryEnabled": False}, False, True),
    ],
)
def test_embeddings_and_texts_are_flags_of_their_own(play, flags, asked, answered):
    to_bucket(play, **flags)
    body = json.dumps({"inputText": "canary", "dimensions": 256}).encode()
    play("InvokeModel", modelId="amazon.titan-embed-text-v2:0", body=body)
    (record,) = written(play.role).values()
    assert ("inputBodyJson" in record["input"]) is asked
    assert ("outputBodyJson" in record["output"]) is answered
    assert record["input"]["inputTokenCount"] > 0


def test_a_bucket_that_is_gone_does_not_keep_the_log_group_clean(play, ask, switch_on):
    play.role.buckets.add(BUCKET)
    switch_on(s3Config={"bucketName": BUCKET})
    play.role.buckets.clear()
    play("Converse", **ask("canary-4711"))
    (record,) = play.role.records
    assert "canary-4711" in json.dumps(record)


def test_a_bucket_for_large_bodies_that_is_gone_does_not_keep_the_log_group_clean(
    play, ask, switch_on
):
    play.role.buckets.add(BUCKET)
    large = {"largeDataDeliveryS3Config": {"bucketName": BUCKET}}
    switch_on(cloudWatchConfig={"logGroupName": GROUP, "roleArn": ROLE, **large})
    play.role.buckets.clear()
    play("Converse", **ask("canary-4711 " * 20_000))
    (record,) = play.role.records
    assert "canary-4711" in json.dumps(record["output"])
    assert not {"inputBodyJson", "inputBodyS3Path"} & set(record["input"])


DOCUMENT = {"document": {"format": "txt", "name": "x", "source": {"bytes": b"canary document"}}}


@pytest.mark.parametrize("wanted", [True, False])
def test_documents_go_to_a_bucket_as_images_do(play, wanted):
    to_bucket(play, imageDataDeliveryEnabled=wanted)
    messages = [{"role": "user", "content": [{"text": "what is it?"}, DOCUMENT]}]
    play("Converse", modelId="amazon.nova-lite-v1:0", messages=messages)
    objects = written(play.role)
    (record,) = (value for key, value in objects.items() if "/data/" not in key)
    encoded = base64.b64encode(b"canary document").decode()
    assert (encoded in json.dumps(objects)) is wanted
    assert encoded not in json.dumps(record)
    assert ("inputBodyS3Path" in record["input"]) is wanted


def test_images_are_delivered_without_texts(play):
    to_bucket(play, textDataDeliveryEnabled=False)
    messages = [{"role": "user", "content": [{"text": "canary text"}, IMAGE]}]
    play("Converse", modelId="amazon.nova-lite-v1:0", messages=messages)
    told = json.dumps(written(play.role))
    assert "canary text" not in told
    assert base64.b64encode(b"canary image").decode() in told


def invoked(play: Any, block: dict[str, Any]) -> str:
    """Everything that is written of an InvokeModel with an image, which its provider encodes."""
    content: list[dict[str, Any]]
    if "type" in block:
        model, content = CLAUDE, [{"type": "text", "text": "canary text"}, block]
        body: dict[str, Any] = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9}
    else:
        model, content, body = "amazon.nova-lite-v1:0", [{"text": "canary text"}, block], {}
    body["messages"] = [{"role": "user", "content": content}]
    play("InvokeModel", modelId=model, body=json.dumps(body).encode())
    return json.dumps(written(play.role))


CLAUDE = "anthropic.claude-3-haiku-20240307-v1:0"
ENCODED = base64.b64encode(b"canary image").decode()
BLOCKS = [
    {"image": {"format": "png", "source": {"bytes": ENCODED}}},
    {
        "type": "image",
        "source": {"type": "base64", "media_type": "image/png", "data": ENCODED},
    },
    {
        "type": "document",
        "source": {"type": "base64", "media_type": "application/pdf", "data": ENCODED},
    },
]


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("wanted", [True, False])
def test_the_flags_hold_for_the_bodies_of_invoke_model(play, block, wanted):
    to_bucket(play, imageDataDeliveryEnabled=wanted)
    told = invoked(play, block)
    assert "canary text" in told
    assert (ENCODED in told) is wanted


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("wanted", [True, False])
def test_media_of_invoke_model_are_delivered_without_texts(play, block, wanted):
    to_bucket(play, textDataDeliveryEnabled=False, imageDataDeliveryEnabled=wanted)
    told = invoked(play, block)
    assert "canary text" not in told
    assert (ENCODED in told) is wanted


@pytest.mark.parametrize("wanted", [True, False])
def test_images_to_embed_have_the_flag_of_images(play, wanted):
    to_bucket(play, imageDataDeliveryEnabled=wanted)
    body = {"images": [f"data:image/png;base64,{ENCODED}"], "input_type": "image"}
    play("InvokeModel", modelId="cohere.embed-english-v3", body=json.dumps(body).encode())
    assert (ENCODED in json.dumps(written(play.role))) is wanted


def test_a_text_document_of_invoke_model_is_text(play):
    to_bucket(play, imageDataDeliveryEnabled=False)
    source = {"type": "text", "media_type": "text/plain", "data": "canary of a document"}
    assert "canary of a document" in invoked(play, {"type": "document", "source": source})
