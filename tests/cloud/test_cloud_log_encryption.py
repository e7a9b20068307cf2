"""A key of a log group must let CloudWatch Logs of the Region use it for this group."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support.cloud import REGION, A, Clients, document

Unique = Callable[[str], str]
OWNER = {
    "Effect": "Allow",
    "Principal": {"AWS": f"arn:aws:iam::{A}:root"},
    "Action": "kms:*",
    "Resource": "*",
}


def _logs(region: str = REGION, **condition: Any) -> dict[str, Any]:
    return {
        **OWNER,
        "Principal": {"Service": f"logs.{region}.amazonaws.com"},
        "Action": ["kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey*"],
        **({"Condition": condition} if condition else {}),
    }


def _for_group(name: str) -> dict[str, Any]:
    group = f"arn:aws:logs:{REGION}:{A}:log-group:{name}"
    return {"ArnEquals": {"kms:EncryptionContext:aws:logs:arn": group}}


@pytest.fixture
def key(clients: Clients) -> Callable[..., str]:
    def make(*statements: dict[str, Any]) -> str:
        kms = clients(A, "kms")
        return str(kms.create_key(Policy=document(OWNER, *statements))["KeyMetadata"]["Arn"])

    return make


def error_of(call: Callable[[], Any]) -> str:
    with pytest.raises(ClientError) as caught:
        call()
    error = caught.value.response["Error"]
    assert error["Code"] == "InvalidParameterException"
    return str(error["Message"])


@pytest.mark.parametrize("case", ["nobody", "other group", "other region", "no decryption"])
def test_a_group_is_not_made_with_a_key_that_is_shut(
    clients: Clients, unique: Unique, key: Callable[..., str], case: str
) -> None:
    logs, name = clients(A, "logs"), unique("group")
    statements = {
        "nobody": [],
        "other group": [_logs(**_for_group(f"{name}-other"))],
        "other region": [_logs("eu-west-1")],
        "no decryption": [{**_logs(), "Action": ["kms:Encrypt", "kms:GenerateDataKey"]}],
    }[case]
    shut = key(*statements)
    message = error_of(lambda: logs.create_log_group(logGroupName=name, kmsKeyId=shut))
    group = f"arn:aws:logs:{REGION}:{A}:log-group:{name}"
    assert message.endswith(f"not allowed to be used with LogGroup '{group}'")
    logs.create_log_group(logGroupName=name, kmsKeyId=key(_logs(**_for_group(name))))


def test_a_key_that_does_not_exist_is_refused(clients: Clients, unique: Unique) -> None:
    missing = f"arn:aws:kms:{REGION}:{A}:key/00000000-0000-0000-0000-000000000000"
    ask = {"logGroupName": unique("group"), "kmsKeyId": missing}
    assert "does not exist" in error_of(lambda: clients(A, "logs").create_log_group(**ask))


@pytest.mark.parametrize("named", ["logGroupName", "resourceIdentifier"])
def test_a_key_is_put_on_a_group_and_taken_away(
    clients: Clients, unique: Unique, key: Callable[..., str], named: str
) -> None:
    logs, name = clients(A, "logs"), unique("group")
    logs.create_log_group(logGroupName=name)
    arn = f"arn:aws:logs:{REGION}:{A}:log-group:{name}"
    group = {named: name if named == "logGroupName" else arn}

    def key_of() -> str | None:
        (found,) = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
        return found.get("kmsKeyId")

    assert error_of(lambda: logs.associate_kms_key(**group, kmsKeyId=key()))
    assert key_of() is None
    allowed = key(_logs(**_for_group(name)))
    logs.associate_kms_key(**group, kmsKeyId=allowed)
    assert key_of() == allowed
    logs.disassociate_kms_key(**group)
    assert key_of() is None
