"""What is told of requests: names and structure, never content or secrets."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st

from harness.targets.wiretap import HIDDEN, attach, listening, shown


def client(service: str = "sts") -> Any:
    made = boto3.client(  # type: ignore[call-overload]
        service,
        region_name="eu-central-1",
        endpoint_url="http://127.0.0.1:9",
        aws_access_key_id="AKIA",
        aws_secret_access_key="x",
        config=Config(retries={"total_max_attempts": 1}),
    )
    attach(made)
    return made


ASSUME = {"RoleArn": "arn:aws:iam::111111111111:role/x", "RoleSessionName": "t-1"}


def test_a_request_is_heard_while_somebody_listens() -> None:
    sts = client()
    with listening() as heard, pytest.raises(EndpointConnectionError):
        sts.assume_role(**ASSUME, ExternalId="0123456789abcdef")
    (exchange,) = heard
    assert (exchange.service, exchange.operation, exchange.status) == ("sts", "AssumeRole", 0)
    assert exchange.parameters == {**ASSUME, "ExternalId": HIDDEN}
    with pytest.raises(EndpointConnectionError):
        sts.get_caller_identity()
    assert len(heard) == 1


def test_inner_listeners_hear_for_themselves() -> None:
    sts = client()
    with listening() as outer:
        with listening() as inner, pytest.raises(EndpointConnectionError):
            sts.get_caller_identity()
        assert (len(inner), len(outer)) == (1, 0)
        with pytest.raises(EndpointConnectionError):
            sts.get_caller_identity()
        assert len(outer) == 1


def test_an_answer_belongs_to_its_request() -> None:
    sts = client()
    stub = Stubber(sts)
    stub.add_client_error("assume_role", "AccessDenied", "no", 403)
    with stub, listening() as heard, pytest.raises(ClientError):
        sts.assume_role(**ASSUME)
    assert [(e.operation, e.code, e.status) for e in heard] == [("AssumeRole", "AccessDenied", 403)]


@given(st.text(min_size=1))
def test_content_is_never_shown(text: str) -> None:
    prompt = f"tell me: {text}"
    request = {
        "modelId": "amazon.nova-lite-v1:0",
        "messages": [{"role": "user", "content": [{"text": prompt}]}],
        "system": [{"text": prompt}],
        "additional": {"deep": [{"anything": prompt}]},
        "body": prompt.encode(),
    }
    told = shown(request)
    assert told["modelId"] == request["modelId"]
    assert prompt not in str(told)


def test_numbers_and_structure_are_shown() -> None:
    assert shown({"a": [1, True, None, "x/y"]}) == {"a": [1, True, None, "x/y"]}
    assert shown({"a": {"b": {"c": {"d": {"e": 1}}}}}) == {"a": {"b": {"c": {"d": HIDDEN}}}}
