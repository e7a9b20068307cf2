"""Whatever is refused, known here or not, is refused in the protocol of its service."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support.cloud import A, Clients

from harness.cloud.call import ApiError
from harness.cloud.http_request import HttpRequest, read_request
from harness.cloud.responses import unknown_operation


def refused(call: Callable[..., Any], **params: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as caught:
        call(**params)
    answer: dict[str, Any] = dict(caught.value.response)
    return answer


def test_services_that_are_signed_for_by_another_name(clients: Clients) -> None:
    for service, operation in (
        ("accessanalyzer", "list_analyzers"),  # REST-JSON, signed for as access-analyzer
        ("iot", "list_things"),
        ("ecr", "describe_repositories"),  # JSON
        ("route53", "list_hosted_zones"),  # REST-XML
        ("autoscaling", "describe_auto_scaling_groups"),  # query
    ):
        answer = refused(getattr(clients(A, service), operation))
        # A body in another protocol leaves botocore without a code: it takes the status.
        assert answer["Error"]["Code"][0].isalpha(), (service, answer["Error"])
        assert answer["Error"]["Message"], service


def _request(**more: str) -> HttpRequest:
    return read_request(
        {
            "REQUEST_METHOD": "GET",
            "wsgi.input": io.BytesIO(),
            "PATH_INFO": "/analyzer",
            "RAW_URI": "/analyzer",
            **more,
        }
    )


# moto warns of codes that are in no service's model.
@pytest.mark.filterwarnings("ignore:Exception")
@pytest.mark.parametrize(
    ("signing_name", "more", "start"),
    [
        ("access-analyzer", {}, b"{"),
        ("nobody-knows", {}, b"{"),
        ("nobody-knows", {"HTTP_X_AMZ_TARGET": "X.Y"}, b"{"),
        ("nobody-knows", {"CONTENT_TYPE": "application/x-www-form-urlencoded"}, b"<"),
        ("sts", {}, b"<"),
        ("s3", {}, b"<"),
    ],
)
def test_the_form_of_a_refusal(signing_name: str, more: dict[str, str], start: bytes) -> None:
    error = ApiError("UnknownOperationException", "No such operation.", 404)
    response = unknown_operation(_request(**more), signing_name, error, "id")
    assert b"".join(response.body).lstrip().startswith(start)
    assert response.status == 404
