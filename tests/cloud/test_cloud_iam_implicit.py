"""IAM on "yourself" is on oneself only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from support.cloud import REGION, A, Clients, allow, document, error_code

Unique = Callable[[str], str]


@pytest.fixture
def low(clients: Clients, unique: Unique) -> Any:
    """A user that may do anything to itself: its name, its key, its client of IAM."""
    iam, name = clients(A, "iam"), unique("low")
    iam.create_user(UserName=name)
    iam.put_user_policy(
        UserName=name,
        PolicyName="own",
        PolicyDocument=document(allow("iam:*", f"arn:aws:iam::{A}:user/{name}")),
    )
    key = iam.create_access_key(UserName=name)["AccessKey"]
    session = boto3.Session(
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
        region_name=REGION,
    )
    return name, key["AccessKeyId"], clients(session, "iam")


@pytest.fixture
def boss(clients: Clients, unique: Unique) -> tuple[str, str]:
    """Another user of the account, with a key."""
    iam, name = clients(A, "iam"), unique("boss")
    iam.create_user(UserName=name)
    return name, iam.create_access_key(UserName=name)["AccessKey"]["AccessKeyId"]


def statuses(clients: Clients, name: str) -> dict[str, str]:
    keys = clients(A, "iam").list_access_keys(UserName=name)["AccessKeyMetadata"]
    return {key["AccessKeyId"]: key["Status"] for key in keys}


@pytest.mark.parametrize("named", [False, True])
def test_anothers_key_is_not_found(
    clients: Clients, low: Any, boss: tuple[str, str], named: bool
) -> None:
    name, own, iam = low
    who = {"UserName": name} if named else {}
    theirs = {"AccessKeyId": boss[1], **who}
    assert error_code(iam.update_access_key, Status="Inactive", **theirs) == "NoSuchEntity"
    assert error_code(iam.delete_access_key, **theirs) == "NoSuchEntity"
    assert statuses(clients, boss[0]) == {boss[1]: "Active"}
    iam.update_access_key(AccessKeyId=own, Status="Active", **who)
    second = iam.create_access_key(**who)["AccessKey"]
    assert second["UserName"] == name
    iam.update_access_key(AccessKeyId=second["AccessKeyId"], Status="Inactive", **who)
    assert statuses(clients, name) == {own: "Active", second["AccessKeyId"]: "Inactive"}
    iam.delete_access_key(AccessKeyId=second["AccessKeyId"], **who)
    assert statuses(clients, name) == {own: "Active"}


def test_the_need_names_the_user_who_is_named(low: Any, boss: tuple[str, str]) -> None:
    _, _, iam = low
    with pytest.raises(ClientError, match=f":user/{boss[0]} ") as refused:
        iam.update_access_key(UserName=boss[0], AccessKeyId=boss[1], Status="Inactive")
    assert refused.value.response["Error"]["Code"] == "AccessDenied"


def test_without_a_name_one_reads_ones_own(low: Any) -> None:
    name, own, iam = low
    assert iam.get_user()["User"]["UserName"] == name
    keys = iam.list_access_keys()["AccessKeyMetadata"]
    assert [(key["UserName"], key["AccessKeyId"]) for key in keys] == [(name, own)]
    assert iam.list_mfa_devices()["MFADevices"] == []
