"""What gets into an event: for every operation of Bedrock's runtimes, and for sensitive members."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.session import Session

from harness.cloud.call import Call, Caller
from harness.cloud.http_request import HttpRequest
from harness.cloud.responses import Response
from harness.cloud.trails.contents import HIDDEN, as_recorded
from harness.cloud.trails.history import KEPT, EventHistory
from harness.cloud.wire import Operation, service_model

ACCOUNT, REGION, CANARY = "111111111111", "eu-central-1", "canary-7f3a"
ARN = f"arn:aws:iam::{ACCOUNT}:user/ann"
ANN = Caller("user", ACCOUNT, ARN, ARN, "AIDAANN", "AIDAANN", "AKIAANN")
RUNTIMES = [
    (service, operation)
    for service in ("bedrock-runtime", "bedrock-agent-runtime")
    for operation in Session().get_service_model(service).operation_names
]


def history() -> EventHistory:
    return EventHistory(lambda: datetime.now(UTC), lambda *_: None)


def operation_of(service: str, name: str) -> Operation:
    model: Any = service_model(service)
    request = HttpRequest.__new__(HttpRequest)  # never looked at
    return Operation(service, name, model.operation_model(name), "rest-json", {}, request)


def record(events: EventHistory, service: str, name: str, params: Any, response: Response) -> None:
    call = Call(service, name, REGION, params, ANN, {"user-agent": "agent"}, request_id=name)
    events.record(operation_of(service, name), call, response)


def looked_up(events: EventHistory, region: str = REGION) -> list[dict[str, Any]]:
    answer = events.answer(Call("cloudtrail", "LookupEvents", region, {}, ANN))
    assert answer is not None
    return list(answer.members["Events"])


@pytest.mark.parametrize(("service", "name"), RUNTIMES)
@pytest.mark.parametrize("status", [200, 400])
def test_content_is_in_no_event_of_a_runtime(service: str, name: str, status: int) -> None:
    model: Any = service_model(service)
    members = model.operation_model(name).input_shape.members
    params = {
        member: {CANARY: [CANARY, {"text": CANARY}]} for member in members if member != "modelId"
    }
    body = json.dumps({"output": CANARY} if status == 200 else {"message": "refused"}).encode()
    events = history()
    record(events, service, name, {**params, "modelId": "a-model"}, Response(status, [], (body,)))
    assert CANARY not in json.dumps(looked_up(events), default=str)


def test_the_model_is_in_the_event_of_a_conversation() -> None:
    events = history()
    record(events, "bedrock-runtime", "Converse", {"modelId": "a-model"}, Response(200))
    (found,) = looked_up(events)
    assert json.loads(found["CloudTrailEvent"])["requestParameters"] == {"modelId": "a-model"}


def test_sensitive_members_and_bytes_are_hidden_and_names_are_lowered() -> None:
    model: Any = service_model("secretsmanager")
    shape = model.operation_model("CreateSecret").input_shape
    given = {"Name": "n", "SecretString": CANARY, "Tags": [{"Key": "K", "Value": "V"}]}
    assert as_recorded("secretsmanager", given, shape) == {
        "name": "n",
        "secretString": HIDDEN,
        "tags": [{"key": "K", "value": "V"}],
    }
    assert as_recorded("kms", {"Blob": CANARY.encode()}, None) == {"blob": HIDDEN}


def test_keys_of_maps_stay_as_they_are() -> None:
    model: Any = service_model("logs")
    shape = model.operation_model("CreateLogGroup").input_shape
    given = {"logGroupName": "g", "tags": {"Team": "red"}}
    assert as_recorded("logs", given, shape) == given


def test_the_oldest_events_are_dropped() -> None:
    events = history()
    for number in range(KEPT + 2):
        params = {"logGroupName": str(number)}
        record(events, "logs", "CreateLogGroup", params, Response(200))

    def named(name: str) -> list[Any]:
        attribute = [{"AttributeKey": "ResourceName", "AttributeValue": name}]
        params = {"LookupAttributes": attribute}
        answer = events.answer(Call("cloudtrail", "LookupEvents", REGION, params, ANN))
        assert answer is not None
        return list(answer.members["Events"])

    assert [named("0"), named("1")] == [[], []]
    assert named("2")
    assert named(str(KEPT + 1))


def test_an_event_of_a_service_without_regions_is_in_one() -> None:
    events = history()
    record(events, "iam", "CreateRole", {"RoleName": "r"}, Response(200))
    assert looked_up(events) == []
    (found,) = looked_up(events, "us-east-1")
    assert json.loads(found["CloudTrailEvent"])["awsRegion"] == "us-east-1"
