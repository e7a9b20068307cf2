"""The members that Bedrock answers with survive AWS's wire format and botocore's own parser."""

from __future__ import annotations

import botocore.session
import pytest
from botocore.awsrequest import AWSResponse
from botocore.eventstream import EventStream as BotocoreEventStream
from botocore.parsers import create_parser
from moto.core.eventstream import EventStream as MotoEventStream
from moto.core.eventstream import EventStreamEncoder
from moto.core.serialize import EventStreamJSONSerializer, RestJSONSerializer
from moto.core.utils import get_service_model

MODEL = "arn:aws:bedrock:eu-central-1::foundation-model/amazon.nova-lite-v1:0"
TOOL = {"toolSpec": {"name": "weather", "inputSchema": {"json": {"properties": {"city": {}}}}}}


def round_trip(service, operation, members):
    """Members → HTTP as the gateway writes it → what a boto3 client returns."""
    written = RestJSONSerializer(get_service_model(service).operation_model(operation)).serialize(
        dict(members)
    )
    shape = (
        botocore.session.get_session()
        .get_service_model(service)
        .operation_model(operation)
        .output_shape
    )
    body = written["body"]
    parsed = create_parser("rest-json").parse(
        {
            "status_code": written["status_code"],
            "headers": written["headers"],
            "body": body.encode() if isinstance(body, str) else body,
        },
        shape,
    )
    parsed.pop("ResponseMetadata")
    return parsed


def calls(play):
    aip = play.aip(tags=[{"key": "customer", "value": "acme"}])
    ask = {"modelId": aip, "messages": [{"role": "user", "content": [{"text": "hello"}]}]}
    forced = {"tools": [TOOL], "toolChoice": {"any": {}}}
    role = "arn:aws:iam::111111111111:role/r"
    play.role.groups.add("/x")
    put = {"cloudWatchConfig": {"logGroupName": "/x", "roleArn": role}}
    return [
        ("bedrock-runtime", "Converse", ask),
        ("bedrock-runtime", "Converse", {**ask, "toolConfig": forced}),
        ("bedrock-runtime", "Converse", {**ask, "serviceTier": {"type": "flex"}}),
        ("bedrock", "GetInferenceProfile", {"inferenceProfileIdentifier": aip}),
        (
            "bedrock",
            "CreateInferenceProfile",
            {"inferenceProfileName": "b", "modelSource": {"copyFrom": MODEL}},
        ),
        ("bedrock", "ListInferenceProfiles", {"maxResults": 1}),
        ("bedrock", "ListInferenceProfiles", {"typeEquals": "APPLICATION"}),
        ("bedrock", "ListTagsForResource", {"resourceARN": aip}),
        ("bedrock", "ListFoundationModels", {}),
        ("bedrock", "GetFoundationModel", {"modelIdentifier": MODEL}),
        ("bedrock", "PutModelInvocationLoggingConfiguration", {"loggingConfig": put}),
        ("bedrock", "GetModelInvocationLoggingConfiguration", {}),
        ("bedrock", "DeleteInferenceProfile", {"inferenceProfileIdentifier": aip}),
    ]


def test_answers_survive_the_wire(play):
    for service, operation, params in calls(play):
        members = play(operation, **params)
        assert round_trip(service, operation, members) == members, operation


def test_answers_hold_no_member_that_aws_does_not_have(play):
    for service, operation, params in calls(play):
        shape = get_service_model(service).operation_model(operation).output_shape
        assert unknown(play(operation, **params), shape) == [], operation


def unknown(value, shape, path=""):
    """Members of `value` that `shape` lacks; documents are free."""
    if shape.type_name == "structure" and not getattr(shape, "is_document_type", False):
        found = []
        for name, part in value.items():
            if name not in shape.members:
                found.append(f"{path}.{name}")
            else:
                found += unknown(part, shape.members[name], f"{path}.{name}")
        return found
    if shape.type_name == "list":
        return [one for part in value for one in unknown(part, shape.member, path + "[]")]
    return []


@pytest.mark.parametrize("more", [{}, {"toolConfig": {"tools": [TOOL], "toolChoice": {"any": {}}}}])
def test_streams_survive_the_wire(play, more):
    events = play(
        "ConverseStream",
        modelId="amazon.nova-lite-v1:0",
        messages=[{"role": "user", "content": [{"text": "hello"}]}],
        **more,
    )
    operation = get_service_model("bedrock-runtime").operation_model("ConverseStream")
    stream = MotoEventStream(
        {"stream": ({name: body} for name, body in events)},
        operation.output_shape,
        EventStreamJSONSerializer(operation),
    )
    encoder = EventStreamEncoder()
    raw = b"".join(encoder.encode_event(message) for message in stream)
    botocore_operation = (
        botocore.session.get_session()
        .get_service_model("bedrock-runtime")
        .operation_model("ConverseStream")
    )
    read = BotocoreEventStream(
        AWSResponse("http://x", 200, {}, _Raw(raw)).raw,
        botocore_operation.output_shape.members["stream"],
        create_parser("rest-json")._event_stream_parser,
        "ConverseStream",
    )
    assert [next(iter(event.items())) for event in read] == events


class _Raw:
    def __init__(self, content):
        self._content = content

    def stream(self):
        yield self._content
