"""A KMS key that is disabled or waits for its deletion opens nothing; enabled again, it does."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support.cloud import REGION, A, Clients, document, error_code

Unique = Callable[[str], str]
OPEN = document(
    {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{A}:root", "Service": f"logs.{REGION}.amazonaws.com"},
        "Action": "kms:*",
        "Resource": "*",
    }
)
STATES = ("disabled", "to be deleted")


def shut(kms: Any, key: str, state: str) -> None:
    if state == "disabled":
        kms.disable_key(KeyId=key)
    else:
        kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)


def opened(kms: Any, key: str, state: str) -> None:
    if state != "disabled":
        kms.cancel_key_deletion(KeyId=key)
    kms.enable_key(KeyId=key)


def code_of(call: Callable[[], Any]) -> str:
    with pytest.raises(ClientError) as caught:
        call()
    return str(caught.value.response["Error"]["Code"])


@pytest.fixture
def key(clients: Clients) -> str:
    return str(clients(A, "kms").create_key(Policy=OPEN)["KeyMetadata"]["Arn"])


@pytest.mark.parametrize("state", STATES)
def test_kms_itself(clients: Clients, key: str, state: str) -> None:
    kms = clients(A, "kms")
    other = kms.create_key()["KeyMetadata"]["Arn"]
    signing = kms.create_key(KeyUsage="SIGN_VERIFY", KeySpec="RSA_2048")["KeyMetadata"]["Arn"]
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    others = kms.encrypt(KeyId=other, Plaintext=b"x")["CiphertextBlob"]
    sign = {"KeyId": signing, "Message": b"m", "SigningAlgorithm": "RSASSA_PSS_SHA_256"}
    signature = kms.sign(**sign)["Signature"]
    uses: tuple[Callable[[], Any], ...] = (
        lambda: kms.encrypt(KeyId=key, Plaintext=b"x"),
        lambda: kms.decrypt(CiphertextBlob=blob),
        lambda: kms.generate_data_key(KeyId=key, KeySpec="AES_256"),
        lambda: kms.generate_data_key_without_plaintext(KeyId=key, KeySpec="AES_256"),
        lambda: kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=other),
        lambda: kms.re_encrypt(CiphertextBlob=others, DestinationKeyId=key),
        lambda: kms.sign(**sign),
        lambda: kms.verify(**sign, Signature=signature),
    )
    for each in (key, signing):
        shut(kms, each, state)
    expected = "DisabledException" if state == "disabled" else "KMSInvalidStateException"
    assert {code_of(use) for use in uses} == {expected}
    kms.describe_key(KeyId=key)
    if state != "disabled":
        assert code_of(lambda: kms.enable_key(KeyId=key)) == expected
    for each in (key, signing):
        opened(kms, each, state)
    for use in uses:
        use()
    assert code_of(lambda: kms.cancel_key_deletion(KeyId=key)) == "KMSInvalidStateException"


@pytest.mark.parametrize("state", STATES)
def test_services_with_data_under_the_key(
    clients: Clients, unique: Unique, key: str, state: str
) -> None:
    kms, s3, ssm = clients(A, "kms"), clients(A, "s3"), clients(A, "ssm")
    secrets = clients(A, "secretsmanager")
    bucket, secret, name = f"states-{unique('b')}", unique("s"), f"/{unique('p')}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    sealed = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
    at = {"Bucket": bucket, "Key": "o"}
    s3.put_object(**at, Body=b"x", **sealed)
    secrets.create_secret(Name=secret, SecretString="x", KmsKeyId=key)
    put = {"Name": name, "Value": "x", "Type": "SecureString", "KeyId": key, "Overwrite": True}
    ssm.put_parameter(**put)
    of_s3 = "KMS.DisabledException" if state == "disabled" else "KMS.KMSInvalidStateException"
    uses: tuple[tuple[str, Callable[[], Any]], ...] = (
        (of_s3, lambda: s3.get_object(**at)),
        (of_s3, lambda: s3.put_object(**at, Body=b"x", **sealed)),
        (of_s3, lambda: s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/o")),
        ("DecryptionFailure", lambda: secrets.get_secret_value(SecretId=secret)),
        ("EncryptionFailure", lambda: secrets.put_secret_value(SecretId=secret, SecretString="y")),
        ("InvalidKeyId", lambda: ssm.get_parameter(Name=name, WithDecryption=True)),
        ("InvalidKeyId", lambda: ssm.put_parameter(**put)),
    )
    shut(kms, key, state)
    assert [code_of(use) for _, use in uses] == [code for code, _ in uses]
    # What needs no key is still there.
    s3.head_object(**at)
    secrets.describe_secret(SecretId=secret)
    ssm.get_parameter(Name=name)
    opened(kms, key, state)
    for _, use in uses:
        use()


@pytest.mark.parametrize("state", STATES)
def test_a_log_group_under_the_key(clients: Clients, unique: Unique, key: str, state: str) -> None:
    kms, logs, name = clients(A, "kms"), clients(A, "logs"), unique("group")
    logs.create_log_group(logGroupName=name, kmsKeyId=key)
    logs.create_log_stream(logGroupName=name, logStreamName="s")
    stream = {"logGroupName": name, "logStreamName": "s"}
    event = {"timestamp": int(time.time() * 1000), "message": "m"}
    query = {"startTime": 0, "endTime": int(time.time()), "queryString": "fields @message"}
    uses: tuple[Callable[[], Any], ...] = (
        lambda: logs.put_log_events(**stream, logEvents=[event]),
        lambda: logs.get_log_events(**stream),
        lambda: logs.filter_log_events(logGroupName=name),
        lambda: logs.start_query(logGroupName=name, **query),
        lambda: logs.associate_kms_key(logGroupName=name, kmsKeyId=key),
        lambda: logs.create_log_group(logGroupName=unique("group"), kmsKeyId=key),
    )
    shut(kms, key, state)
    assert {code_of(use) for use in uses} == {"InvalidParameterException"}
    logs.describe_log_streams(logGroupName=name)
    opened(kms, key, state)
    for use in uses:
        use()
    assert logs.get_log_events(**stream)["events"]


def test_s3_takes_symmetric_keys_only(clients: Clients, unique: Unique, key: str) -> None:
    kms, s3, bucket = clients(A, "kms"), clients(A, "s3"), f"states-{unique('b')}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    put = {"Bucket": bucket, "Key": "o", "ServerSideEncryption": "aws:kms"}
    for usage in ("SIGN_VERIFY", "ENCRYPT_DECRYPT"):
        wrong = kms.create_key(KeyUsage=usage, KeySpec="RSA_2048")["KeyMetadata"]["Arn"]
        code = error_code(s3.put_object, **put, SSEKMSKeyId=wrong)
        assert code == "KMS.InvalidKeyUsageException"
    s3.put_object(**put, SSEKMSKeyId=key)
