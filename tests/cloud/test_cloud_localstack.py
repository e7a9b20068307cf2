"""A LocalStack behind the gateway: it stores and answers, and the gateway decides."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from support.cloud import REGION, A, B, Clients, allow, document, error_code, trust
from support.localstack import localstack

from harness.cloud.plan import CloudPlan
from harness.cloud.process import CloudProcess
from harness.errors import UserError

MASKS = json.dumps(
    {
        "Name": "masks",
        "Version": "2021-06-01",
        "Statement": [
            {
                "Sid": sid,
                "DataIdentifier": ["arn:aws:dataprotection::aws:data-identifier/EmailAddress"],
                "Operation": operation,
            }
            for sid, operation in (
                ("audit", {"Audit": {"FindingsDestination": {}}}),
                ("mask", {"Deidentify": {"MaskConfig": {}}}),
            )
        ],
    }
)


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with localstack(tmp_path_factory.mktemp("localstack")) as host:
        yield host


@pytest.fixture(scope="module")
def backed(host: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudProcess]:
    """A cloud of two accounts with that LocalStack behind it."""
    file = tmp_path_factory.mktemp("backed") / "credentials"
    with CloudProcess.start(CloudPlan((A, B), localstack=host), credentials=file) as cloud:
        yield cloud


@pytest.fixture
def call(backed: CloudProcess) -> Clients:
    return Clients(backed)


def behind(host: str, service: str, account: str = A) -> Any:
    """A client of LocalStack itself, past the gateway."""
    return boto3.client(
        service,
        endpoint_url=f"http://{host}",
        region_name=REGION,
        aws_access_key_id=account,
        aws_secret_access_key="none",
    )


def now() -> int:
    return int(time.time() * 1000)


def test_roles_are_stored_there_and_decided_on_here(host: str, call: Clients) -> None:
    iam = call(A, "iam")
    of_a = trust({"AWS": f"arn:aws:iam::{A}:root"})
    made = iam.create_role(RoleName="reader", AssumeRolePolicyDocument=of_a)["Role"]
    rights = document(allow("iam:ListRoles"))
    iam.put_role_policy(RoleName="reader", PolicyName="p", PolicyDocument=rights)

    stored = behind(host, "iam").get_role(RoleName="reader")["Role"]
    assert stored["RoleId"] == made["RoleId"]
    held = behind(host, "iam").get_role_policy(RoleName="reader", PolicyName="p")
    assert held["PolicyDocument"] == json.loads(rights)
    assert "reader" not in str(behind(host, "iam", B).list_roles()["Roles"])

    session = call.assume(A, made["Arn"])
    assert call(session, "sts").get_caller_identity()["UserId"] == f"{made['RoleId']}:test"
    assert call(session, "iam").list_roles()["Roles"]
    with pytest.raises(ClientError, match="not authorized to perform: iam:ListUsers"):
        call(session, "iam").list_users()
    # LocalStack itself would have let it.
    assert behind(host, "iam").list_users()["Users"]
    with pytest.raises(ClientError, match="not authorized to perform: sts:AssumeRole"):
        call.assume(B, made["Arn"])


def test_a_change_there_is_known_here_at_once(call: Clients) -> None:
    iam = call(A, "iam")
    closed, opened = (
        trust({"Service": "ec2.amazonaws.com"}),
        trust({"AWS": f"arn:aws:iam::{B}:root"}),
    )
    arn = iam.create_role(RoleName="door", AssumeRolePolicyDocument=closed)["Role"]["Arn"]
    assert error_code(call.assume, B, arn) == "AccessDenied"
    iam.update_assume_role_policy(RoleName="door", PolicyDocument=opened)
    call.assume(B, arn)
    iam.delete_role(RoleName="door")
    assert error_code(call.assume, B, arn) == "AccessDenied"
    assert error_code(iam.get_role, RoleName="door") == "NoSuchEntity"


def test_keys_of_users_are_those_given_out_there(call: Clients) -> None:
    iam = call(A, "iam")
    iam.create_user(UserName="bob")
    given = iam.create_access_key(UserName="bob")["AccessKey"]
    bob = boto3.Session(given["AccessKeyId"], given["SecretAccessKey"], region_name=REGION)
    assert call(bob, "sts").get_caller_identity()["Arn"] == f"arn:aws:iam::{A}:user/bob"
    iam.update_access_key(UserName="bob", AccessKeyId=given["AccessKeyId"], Status="Inactive")
    refused = error_code(call(bob, "sts").get_caller_identity)
    assert refused == "InvalidClientTokenId"
    iam.delete_access_key(UserName="bob", AccessKeyId=given["AccessKeyId"])
    assert iam.list_access_keys(UserName="bob")["AccessKeyMetadata"] == []


def test_kms_encrypts_there_for_whom_the_key_policy_here_lets(host: str, call: Clients) -> None:
    everybody_of_a = document(
        {**allow("kms:*"), "Principal": {"AWS": f"arn:aws:iam::{A}:root"}},
    )
    kms = call(A, "kms")
    key = kms.create_key(Policy=everybody_of_a, Tags=[{"TagKey": "k", "TagValue": "v"}])
    arn = key["KeyMetadata"]["Arn"]
    assert behind(host, "kms").describe_key(KeyId=arn)["KeyMetadata"]["Arn"] == arn
    blob = kms.encrypt(KeyId=arn, Plaintext=b"secret")["CiphertextBlob"]
    # What LocalStack holds is what opens it.
    assert behind(host, "kms").decrypt(CiphertextBlob=blob)["Plaintext"] == b"secret"
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"secret"
    assert error_code(call(B, "kms").decrypt, CiphertextBlob=blob) == "AccessDeniedException"
    assert kms.list_resource_tags(KeyId=arn)["Tags"] == [{"TagKey": "k", "TagValue": "v"}]
    kms.disable_key(KeyId=arn)
    assert error_code(kms.decrypt, CiphertextBlob=blob) == "DisabledException"


def test_events_are_stored_there_and_masked_here(host: str, call: Clients) -> None:
    logs = call(A, "logs")
    logs.create_log_group(logGroupName="records")
    logs.create_log_stream(logGroupName="records", logStreamName="s")
    logs.put_data_protection_policy(logGroupIdentifier="records", policyDocument=MASKS)
    place = {"logGroupName": "records", "logStreamName": "s"}
    message = '{"who": "ann@example.com", "n": 1}'
    events = [
        {"timestamp": now(), "message": message},
        {"timestamp": now(), "message": '{"n": 2}'},
    ]
    logs.put_log_events(**place, logEvents=events)
    stored = behind(host, "logs").get_log_events(**place, startFromHead=True)["events"]
    assert [e["message"] for e in stored] == [message, '{"n": 2}']
    seen = logs.get_log_events(**place, startFromHead=True)["events"]
    assert "ann@example.com" not in str(seen)
    assert [e["message"] for e in logs.filter_log_events(logGroupName="records")["events"]] == [
        e["message"] for e in seen
    ]
    shown = logs.get_log_events(**place, startFromHead=True, unmask=True)["events"]
    assert shown[0]["message"] == message
    # Patterns in JSON LocalStack would take to match everything.
    matched = logs.filter_log_events(logGroupName="records", filterPattern="{ $.n = 2 }")
    assert [e["message"] for e in matched["events"]] == ['{"n": 2}']
    (group,) = logs.describe_log_groups(logGroupNamePrefix="records")["logGroups"]
    assert group["dataProtectionStatus"] == "ACTIVATED"
    assert error_code(call(B, "logs").get_log_events, **place) == "ResourceNotFoundException"


def test_what_it_does_not_have_the_gateway_supplies(call: Clients) -> None:
    assert call(A, "bedrock").list_foundation_models()["modelSummaries"]
    assert call(A, "budgets").describe_budgets(AccountId=A).get("Budgets", []) == []
    assert call(A, "sts").get_caller_identity()["Account"] == A


def test_both_hold_the_same(host: str, backed: CloudProcess, call: Clients) -> None:
    call(A, "iam").create_group(GroupName="g")
    assert backed.differences() == []
    behind(host, "iam").create_role(
        RoleName="smuggled", AssumeRolePolicyDocument=trust({"AWS": "*"})
    )
    arn = f"arn:aws:iam::{A}:role/smuggled"
    assert backed.differences() == [f"{arn} is in LocalStack, and the gateway does not know it"]
    assert error_code(call.assume, B, arn) == "AccessDenied"
    behind(host, "iam").delete_role(RoleName="smuggled")
    assert backed.differences() == []


def test_it_is_not_copied(backed: CloudProcess) -> None:
    with pytest.raises(RuntimeError, match="cannot be copied"):
        backed.fork()


def test_one_that_holds_something_is_refused(
    host: str, backed: CloudProcess, tmp_path: Path
) -> None:
    del backed  # has made the administrators
    with pytest.raises(UserError, match=rf"already holds \w+ in account {A}; restart it"):
        CloudProcess.start(CloudPlan((A,), localstack=host), credentials=tmp_path / "c")


def test_nothing_where_none_answers(tmp_path: Path) -> None:
    plan = CloudPlan((A,), localstack="127.0.0.1:9")
    with pytest.raises(UserError, match=r"no LocalStack answers at http://127\.0\.0\.1:9 "):
        CloudProcess.start(plan, credentials=tmp_path / "c")
