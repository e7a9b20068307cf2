"""Clients that share all but their credentials: each signs as its own session, in every way."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError

from harness.targets.clients import rebound

REGION = "eu-west-1"
LIST = (
    "<ListRolesResponse><ListRolesResult><IsTruncated>{more}</IsTruncated><Marker>m</Marker>"
    "<Roles/></ListRolesResult></ListRolesResponse>"
)
DENIED = "<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>"


class Raw:
    def __init__(self, text: str) -> None:
        self.text = text.encode()

    def stream(self, **_: Any) -> Any:
        yield self.text


def session_of(key: str) -> boto3.Session:
    return boto3.Session(
        aws_access_key_id=key, aws_secret_access_key="s", aws_session_token=f"token-{key}"
    )


def heard(client: Any, *answers: tuple[int, str]) -> list[Any]:
    """Answers the client's requests, in this order, and returns the list that they will be in."""
    requests: list[Any] = []
    waiting = list(answers)

    def send(request: Any, **_: Any) -> AWSResponse:
        requests.append(request)
        status, text = waiting.pop(0)
        return AWSResponse(request.url, status, {}, Raw(text))

    client.meta.events.register("before-send", send)
    return requests


def signed_by(request: Any) -> tuple[str, str]:
    credential = request.headers["Authorization"].decode().split("Credential=")[1].split("/")[0]
    return credential, request.headers["X-Amz-Security-Token"].decode()


@pytest.fixture
def model() -> Any:
    return session_of("FIRST").client("iam", region_name=REGION)


def test_each_signs_as_its_own_session(model: Any) -> None:
    second, third = (rebound(model, session_of(key)) for key in ("SECOND", "THIRD"))
    page = (200, LIST.format(more="false"))
    for client, key in ((second, "SECOND"), (model, "FIRST"), (third, "THIRD")):
        requests = heard(client, page)
        client.list_roles()
        assert [signed_by(request) for request in requests] == [(key, f"token-{key}")]


def test_what_one_registers_is_not_the_others(model: Any) -> None:
    second = rebound(model, session_of("SECOND"))
    third = rebound(second, session_of("THIRD"))
    first_page, second_page = heard(model, (200, LIST)), heard(second, (200, LIST))
    heard(third, (200, LIST))
    second.list_roles()
    assert (len(first_page), len(second_page)) == (0, 1)
    model.list_roles()
    assert (len(first_page), len(second_page)) == (1, 1)


def test_pages_errors_and_signed_addresses_are_its_own_too(model: Any) -> None:
    second = rebound(model, session_of("SECOND"))
    requests = heard(
        second,
        *((200, LIST.format(more="true")), (200, LIST.format(more="false"))),
        *((200, LIST.format(more="false")), (403, DENIED)),
    )
    assert len(list(second.get_paginator("list_roles").paginate())) == 2
    assert {signed_by(request)[0] for request in requests} == {"SECOND"}
    second.list_roles()
    with pytest.raises(ClientError, match="AccessDenied"):
        second.list_roles()
    query = parse_qs(urlsplit(second.generate_presigned_url("list_roles")).query)
    assert query["X-Amz-Credential"][0].startswith("SECOND/")
    assert query["X-Amz-Security-Token"] == ["token-SECOND"]
    assert second.exceptions.NoSuchEntityException is model.exceptions.NoSuchEntityException
