"""Long-term API keys of IAM users, which the inner app does not know."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support.cloud import A, B, Clients

BEDROCK = "bedrock.amazonaws.com"


def code_of(call: Callable[[], Any]) -> str:
    with pytest.raises(ClientError) as caught:
        call()
    return str(caught.value.response["Error"]["Code"])


@pytest.fixture
def iam(clients: Clients) -> Any:
    found = clients(A, "iam")
    found.create_user(UserName="keeper")
    yield found
    pages = found.list_service_specific_credentials(UserName="keeper")
    for each in pages["ServiceSpecificCredentials"]:
        found.delete_service_specific_credential(
            UserName="keeper", ServiceSpecificCredentialId=each["ServiceSpecificCredentialId"]
        )
    found.delete_user(UserName="keeper")


def test_a_key_is_told_once_and_expires_when_asked(iam: Any) -> None:
    made = iam.create_service_specific_credential(
        UserName="keeper", ServiceName=BEDROCK, CredentialAgeDays=3
    )["ServiceSpecificCredential"]
    assert made["ServiceCredentialSecret"]
    assert made["ExpirationDate"] - made["CreateDate"] == timedelta(days=3)
    (listed,) = iam.list_service_specific_credentials(UserName="keeper")[
        "ServiceSpecificCredentials"
    ]
    assert listed["ServiceSpecificCredentialId"] == made["ServiceSpecificCredentialId"]
    assert "ServiceCredentialSecret" not in listed


def test_a_key_without_an_age_never_expires(iam: Any) -> None:
    made = iam.create_service_specific_credential(UserName="keeper", ServiceName=BEDROCK)
    assert "ExpirationDate" not in made["ServiceSpecificCredential"]


def test_a_user_has_two_keys_at_most(iam: Any) -> None:
    for _ in range(2):
        iam.create_service_specific_credential(UserName="keeper", ServiceName=BEDROCK)
    more: Callable[[], Any] = lambda: iam.create_service_specific_credential(  # noqa: E731
        UserName="keeper", ServiceName=BEDROCK
    )
    assert code_of(more) == "LimitExceeded"


def test_what_is_not_there_has_no_keys(clients: Clients, iam: Any) -> None:
    elsewhere = clients(B, "iam")
    assert code_of(lambda: elsewhere.list_service_specific_credentials(UserName="keeper")) == (
        "NoSuchEntity"
    )
    assert code_of(
        lambda: iam.delete_service_specific_credential(
            UserName="keeper", ServiceSpecificCredentialId="ACCA00000000000000000"
        )
    ) == ("NoSuchEntity")
    assert code_of(
        lambda: iam.create_service_specific_credential(
            UserName="keeper", ServiceName="codecommit.amazonaws.com"
        )
    ) == ("NotSupportedService")
