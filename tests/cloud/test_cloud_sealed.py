"""Data under a customer's KMS key are served to who may use the key, and to nobody else."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from support.cloud import REGION, A, B, Clients, allow, document, error_code

Unique = Callable[[str], str]
Make = Callable[..., Any]


def may(action: str, service: str, **context: str) -> dict[str, Any]:
    """A right to use any key through a service, for data with that encryption context."""
    conditions = {f"kms:EncryptionContext:{key}": value for key, value in context.items()}
    via = {"kms:ViaService": f"{service}.{REGION}.amazonaws.com"}
    both = {"StringEquals": via, "StringLike": conditions} if context else {"StringEquals": via}
    return allow(f"kms:{action}", "*", Condition=both)


@pytest.fixture
def user(clients: Clients, unique: Unique) -> Make:
    """Makes a session of a user with these rights, in A or another account."""

    def make(*statements: dict[str, Any], account: str = A) -> boto3.Session:
        iam, name = clients(account, "iam"), unique("user")
        iam.create_user(UserName=name)
        iam.put_user_policy(
            UserName=name, PolicyName="rights", PolicyDocument=document(*statements)
        )
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name=REGION)

    return make


@pytest.fixture
def key(clients: Clients) -> str:
    return str(clients(A, "kms").create_key()["KeyMetadata"]["Arn"])


@pytest.fixture
def bucket(clients: Clients, unique: Unique) -> str:
    name = f"sealed-{unique('bucket')}"
    place = {"LocationConstraint": REGION}
    clients(A, "s3").create_bucket(Bucket=name, CreateBucketConfiguration=place)
    return name


def denied(call: Callable[[], Any], action: str) -> None:
    with pytest.raises(ClientError, match=f"kms:{action}") as refused:
        call()
    assert "Denied" in refused.value.response["Error"]["Code"]


def test_an_object_is_read_with_its_key(
    clients: Clients, user: Make, bucket: str, key: str
) -> None:
    sealed = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
    named = {"Bucket": bucket, "Key": "o"}
    clients(A, "s3").put_object(**named, Body=b"data", **sealed)
    clients(A, "s3").put_object(Bucket=bucket, Key="plain", Body=b"plain")
    without = clients(user(allow("s3:*")), "s3")
    denied(lambda: without.get_object(**named), "Decrypt")
    denied(lambda: without.put_object(**named, Body=b"x", **sealed), "GenerateDataKey")
    denied(lambda: without.copy_object(Bucket=bucket, Key="c", CopySource=f"{bucket}/o"), "Decrypt")
    assert without.get_object(Bucket=bucket, Key="plain")["Body"].read() == b"plain"
    without.head_object(**named)
    context = {"aws:s3:arn": f"arn:aws:s3:::{bucket}/*"}
    rights = (may("Decrypt", "s3", **context), may("GenerateDataKey", "s3", **context))
    allowed = clients(user(allow("s3:*"), *rights), "s3")
    assert allowed.get_object(**named)["Body"].read() == b"data"
    allowed.put_object(**named, Body=b"x", **sealed)
    elsewhere = clients(user(allow("s3:*"), may("Decrypt", "s3", **{"aws:s3:arn": "x"})), "s3")
    denied(lambda: elsewhere.get_object(**named), "Decrypt")
    other = clients(user(allow("s3:*"), may("Decrypt", "secretsmanager")), "s3")
    denied(lambda: other.get_object(**named), "Decrypt")


def _default(s3: Any, bucket: str, key: str) -> None:
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    s3.put_bucket_encryption(
        Bucket=bucket,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": True}]
        },
    )


def test_a_buckets_default_key_is_asked_for(
    clients: Clients, user: Make, bucket: str, key: str
) -> None:
    _default(clients(A, "s3"), bucket, key)
    clients(A, "s3").put_object(Bucket=bucket, Key="o", Body=b"data")
    without = clients(user(allow("s3:*")), "s3")
    denied(lambda: without.put_object(Bucket=bucket, Key="o", Body=b"x"), "GenerateDataKey")
    denied(lambda: without.get_object(Bucket=bucket, Key="o"), "Decrypt")
    denied(lambda: without.create_multipart_upload(Bucket=bucket, Key="o"), "GenerateDataKey")
    # With a Bucket Key the bucket is the context.
    context = {"aws:s3:arn": f"arn:aws:s3:::{bucket}"}
    half = clients(user(allow("s3:*"), may("GenerateDataKey", "s3", **context)), "s3")
    upload = half.create_multipart_upload(Bucket=bucket, Key="o")["UploadId"]
    part = {"Bucket": bucket, "Key": "o", "UploadId": upload, "PartNumber": 1, "Body": b"p"}
    denied(lambda: half.upload_part(**part), "Decrypt")
    rights = (may("Decrypt", "s3"), may("GenerateDataKey", "s3"))
    whole = clients(user(allow("s3:*"), *rights), "s3")
    etag = whole.upload_part(**part)["ETag"]
    finish = {
        **{"Bucket": bucket, "Key": "o", "UploadId": upload},
        "MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": etag}]},
    }
    denied(lambda: half.complete_multipart_upload(**finish), "Decrypt")
    whole.complete_multipart_upload(**finish)
    assert whole.get_object(Bucket=bucket, Key="o")["Body"].read() == b"p"


def test_the_policy_of_a_key_lets_another_account_in_or_not(
    clients: Clients, user: Make, bucket: str, key: str
) -> None:
    s3, kms = clients(A, "s3"), clients(A, "kms")
    sealed = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
    s3.put_object(Bucket=bucket, Key="o", Body=b"data", **sealed)
    s3.put_object(Bucket=bucket, Key="aws", Body=b"data", ServerSideEncryption="aws:kms")
    root = {"AWS": f"arn:aws:iam::{B}:root"}
    s3.put_bucket_policy(
        Bucket=bucket,
        Policy=document(allow("s3:GetObject", f"arn:aws:s3:::{bucket}/*", Principal=root)),
    )
    reader = clients(user(allow("s3:*"), allow("kms:*"), account=B), "s3")
    denied(lambda: reader.get_object(Bucket=bucket, Key="o"), "Decrypt")
    policy = json.loads(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"])
    policy["Statement"].append(allow("kms:Decrypt", Principal=root))
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(policy))
    assert reader.get_object(Bucket=bucket, Key="o")["Body"].read() == b"data"
    assert error_code(reader.get_object, Bucket=bucket, Key="aws") == "AccessDenied"
    own = clients(user(allow("s3:*")), "s3")
    assert own.get_object(Bucket=bucket, Key="aws")["Body"].read() == b"data"


def test_a_secret_is_read_and_written_with_its_key(
    clients: Clients, user: Make, unique: Unique, key: str
) -> None:
    admin = clients(A, "secretsmanager")
    secret = admin.create_secret(Name=unique("s"), SecretString="v", KmsKeyId=key)["ARN"]
    plain = admin.create_secret(Name=unique("s"), SecretString="plain")["ARN"]
    without = clients(user(allow("secretsmanager:*")), "secretsmanager")
    denied(lambda: without.get_secret_value(SecretId=secret), "Decrypt")
    denied(lambda: without.put_secret_value(SecretId=secret, SecretString="w"), "GenerateDataKey")
    denied(
        lambda: without.create_secret(Name=unique("s"), SecretString="v", KmsKeyId=key),
        "GenerateDataKey",
    )
    denied(lambda: without.update_secret(SecretId=plain, KmsKeyId=key), "GenerateDataKey")
    without.describe_secret(SecretId=secret)
    assert without.get_secret_value(SecretId=plain)["SecretString"] == "plain"
    rights = [
        may(action, "secretsmanager", SecretARN=secret) for action in ("Decrypt", "GenerateDataKey")
    ]
    allowed = clients(user(allow("secretsmanager:*"), *rights), "secretsmanager")
    allowed.put_secret_value(SecretId=secret, SecretString="w")
    assert allowed.get_secret_value(SecretId=secret)["SecretString"] == "w"


def test_a_secure_string_is_read_and_written_with_its_key(
    clients: Clients, user: Make, unique: Unique, key: str
) -> None:
    name = f"/{unique('p')}"
    value = unique("value")
    made = {"Name": f"{name}/x", "Value": value, "Type": "SecureString", "KeyId": key}
    clients(A, "ssm").put_parameter(**made)
    without = clients(user(allow("ssm:*")), "ssm")
    for read in (
        lambda: without.get_parameter(Name=f"{name}/x", WithDecryption=True),
        lambda: without.get_parameters(Names=[f"{name}/x"], WithDecryption=True),
        lambda: without.get_parameters_by_path(Path=name, WithDecryption=True),
        lambda: without.get_parameter_history(Name=f"{name}/x", WithDecryption=True),
    ):
        denied(read, "Decrypt")
    denied(lambda: without.put_parameter(**{**made, "Name": f"{name}/y"}), "Encrypt")
    for shown in (
        without.get_parameter(Name=f"{name}/x")["Parameter"],
        *without.get_parameters(Names=[f"{name}/x"])["Parameters"],
        *without.get_parameters_by_path(Path=name)["Parameters"],
        *without.get_parameter_history(Name=f"{name}/x")["Parameters"],
    ):
        assert value not in shown["Value"]
    arn = f"arn:aws:ssm:{REGION}:{A}:parameter{name}/x"
    rights = [may(action, "ssm", PARAMETER_ARN=arn) for action in ("Decrypt", "Encrypt")]
    allowed = clients(user(allow("ssm:*"), *rights), "ssm")
    found = allowed.get_parameter(Name=f"{name}/x", WithDecryption=True)["Parameter"]
    assert found["Value"] == value
    allowed.put_parameter(**made, Overwrite=True)


def test_only_the_version_asked_for_needs_its_key(
    clients: Clients, user: Make, unique: Unique, key: str
) -> None:
    admin, name = clients(A, "ssm"), f"/{unique('p')}/x"
    second = clients(A, "kms").create_key()["KeyMetadata"]["Arn"]
    made = {"Name": name, "Type": "SecureString"}
    admin.put_parameter(**made, Value="1", KeyId=key)
    admin.put_parameter(**made, Value="2", KeyId=second, Overwrite=True)
    admin.label_parameter_version(Name=name, ParameterVersion=1, Labels=["old"])
    admin.label_parameter_version(Name=name, ParameterVersion=2, Labels=["new"])
    reader = clients(user(allow("ssm:*"), allow("kms:Decrypt", second)), "ssm")
    path = name.rpartition("/")[0]
    for asked in (name, f"{name}:2", f"{name}:new"):
        found = reader.get_parameter(Name=asked, WithDecryption=True)["Parameter"]
        assert found["Value"] == "2"
        (found,) = reader.get_parameters(Names=[asked], WithDecryption=True)["Parameters"]
        assert found["Value"] == "2"
    (found,) = reader.get_parameters_by_path(Path=path, WithDecryption=True)["Parameters"]
    assert found["Value"] == "2"
    for asked in (f"{name}:1", f"{name}:old"):
        denied(lambda: reader.get_parameter(Name=asked, WithDecryption=True), "Decrypt")  # noqa: B023
    denied(lambda: reader.get_parameters(Names=[name, f"{name}:1"], WithDecryption=True), "Decrypt")
    denied(lambda: reader.get_parameter_history(Name=name, WithDecryption=True), "Decrypt")
    both = clients(user(allow("ssm:*"), allow("kms:Decrypt", [key, second])), "ssm")
    history = both.get_parameter_history(Name=name, WithDecryption=True)["Parameters"]
    assert [each["Value"] for each in history] == ["1", "2"]


def test_a_secret_read_as_a_parameter_needs_what_the_secret_needs(
    clients: Clients, user: Make, unique: Unique, key: str
) -> None:
    secret = clients(A, "secretsmanager").create_secret(
        Name=unique("s"), SecretString="v", KmsKeyId=key
    )
    name = f"/aws/reference/secretsmanager/{secret['Name']}"
    arn = f"arn:aws:ssm:{REGION}:{A}:parameter{name}"
    read = allow("secretsmanager:GetSecretValue", secret["ARN"])
    decrypt = may("Decrypt", "secretsmanager", SecretARN=secret["ARN"])
    parameters = clients(user(allow("ssm:*"), decrypt), "ssm")
    keyless = clients(user(allow("ssm:*"), read), "ssm")
    whole = clients(user(allow("ssm:*"), read, decrypt), "ssm")
    for named in (name, arn):
        one = {"Name": named, "WithDecryption": True}
        several = {"Names": [named], "WithDecryption": True}
        for client, lacking in (
            (parameters, "secretsmanager:GetSecretValue"),
            (keyless, "kms:Decrypt"),
        ):
            with pytest.raises(ClientError, match=lacking):
                client.get_parameter(**one)
            with pytest.raises(ClientError, match=lacking):
                client.get_parameters(**several)
        assert whole.get_parameter(**one)["Parameter"]["Value"] == "v"
        assert whole.get_parameters(**several)["Parameters"][0]["Value"] == "v"
        assert error_code(whole.get_parameter, Name=named) == "ValidationException"
        assert error_code(whole.get_parameters, Names=[named]) == "ValidationException"
        assert error_code(whole.get_parameter_history, **one) == "ValidationException"


def test_a_path_keeps_the_slash_it_ends_in(clients: Clients, user: Make, unique: Unique) -> None:
    name = unique("p")
    clients(A, "ssm").put_parameter(Name=f"/{name}/x", Value="v", Type="String")
    below = f"arn:aws:ssm:{REGION}:{A}:parameter/{name}/*"
    reader = clients(user(allow("ssm:GetParametersByPath", below)), "ssm")
    assert reader.get_parameters_by_path(Path=f"/{name}/")["Parameters"][0]["Value"] == "v"
    assert "Denied" in error_code(reader.get_parameters_by_path, Path=f"/{name}")
    deny = {"Effect": "Deny", "Action": "ssm:GetParametersByPath", "Resource": below}
    kept = clients(user(allow("ssm:*"), deny), "ssm")
    assert "Denied" in error_code(kept.get_parameters_by_path, Path=f"/{name}/")
    assert kept.get_parameters_by_path(Path=f"/{name}")["Parameters"][0]["Value"] == "v"


def test_an_object_keeps_the_arn_of_its_key(
    clients: Clients, user: Make, bucket: str, key: str
) -> None:
    s3, kms, alias = clients(A, "s3"), clients(A, "kms"), f"alias/{bucket}"
    kms.create_alias(AliasName=alias, TargetKeyId=key)
    named = {
        "id": key.rpartition("/")[2],
        "arn": key,
        "alias": alias,
        "alias-arn": f"arn:aws:kms:{REGION}:{A}:{alias}",
    }
    for name, ref in named.items():
        sealed = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": ref}
        s3.put_object(Bucket=bucket, Key=name, Body=b"data", **sealed)
        s3.copy_object(Bucket=bucket, Key=f"{name}-copy", CopySource=f"{bucket}/{name}", **sealed)
        upload = s3.create_multipart_upload(Bucket=bucket, Key=f"{name}-parts", **sealed)
        assert upload["SSEKMSKeyId"] == key
    _default(s3, bucket, named["id"])
    s3.put_object(Bucket=bucket, Key="default", Body=b"data")
    other = kms.create_key()["KeyMetadata"]["Arn"]
    kms.update_alias(AliasName=alias, TargetKeyId=other)
    root = {"AWS": f"arn:aws:iam::{B}:root"}
    s3.put_bucket_policy(
        Bucket=bucket,
        Policy=document(allow("s3:GetObject", f"arn:aws:s3:::{bucket}/*", Principal=root)),
    )
    reader = clients(user(allow("s3:*"), allow("kms:*"), account=B), "s3")
    objects = (*named, *(f"{name}-copy" for name in named), "default")
    for name in objects:
        assert s3.head_object(Bucket=bucket, Key=name)["SSEKMSKeyId"] == key
        denied(lambda: reader.get_object(Bucket=bucket, Key=name), "Decrypt")  # noqa: B023
    policy = json.loads(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"])
    policy["Statement"].append(allow("kms:Decrypt", Principal=root))
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(policy))
    for name in objects:
        assert reader.get_object(Bucket=bucket, Key=name)["Body"].read() == b"data"


def test_an_alias_stands_for_the_key_that_it_had(
    clients: Clients, user: Make, unique: Unique, bucket: str, key: str
) -> None:
    kms, alias, name = clients(A, "kms"), f"alias/{bucket}", unique("s")
    kms.create_alias(AliasName=alias, TargetKeyId=key)
    other = kms.create_key()["KeyMetadata"]["Arn"]
    sealed = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": alias}
    use = [allow("s3:*"), allow("ssm:*"), allow("secretsmanager:*")]
    wrong, right = (user(*use, allow("kms:*", each)) for each in (other, key))
    plain = clients(A, "secretsmanager").create_secret(Name=unique("s"), SecretString="p")["ARN"]

    def writes(who: boto3.Session) -> tuple[Callable[[], Any], ...]:
        s3, ssm, secrets = (clients(who, each) for each in ("s3", "ssm", "secretsmanager"))
        parameter = {"Name": f"/{name}", "Value": "v", "Type": "SecureString", "KeyId": alias}
        return (
            lambda: s3.put_object(Bucket=bucket, Key="o", Body=b"v", **sealed),
            lambda: ssm.put_parameter(**parameter),
            lambda: secrets.create_secret(Name=name, SecretString="v", KmsKeyId=alias),
            lambda: secrets.update_secret(SecretId=plain, SecretString="v", KmsKeyId=alias),
        )

    def reads(who: boto3.Session) -> tuple[Callable[[], Any], ...]:
        s3, ssm, secrets = (clients(who, each) for each in ("s3", "ssm", "secretsmanager"))
        return (
            lambda: s3.get_object(Bucket=bucket, Key="o"),
            lambda: ssm.get_parameter(Name=f"/{name}", WithDecryption=True),
            lambda: secrets.get_secret_value(SecretId=name),
            lambda: secrets.get_secret_value(SecretId=plain),
        )

    for write in writes(wrong):
        denied(write, "(Encrypt|GenerateDataKey)")
    for write in writes(right):
        write()
    kms.update_alias(AliasName=alias, TargetKeyId=other)
    for read in reads(wrong):
        denied(read, "Decrypt")
    for read in reads(right):
        read()
    lost = {**sealed, "SSEKMSKeyId": "alias/nobody"}
    s3 = clients(A, "s3")
    assert error_code(s3.put_object, Bucket=bucket, Key="x", **lost) == "KMS.NotFoundException"


def test_a_key_that_would_not_be_asked_for_is_refused(
    clients: Clients, unique: Unique, bucket: str, key: str
) -> None:
    sqs, sns = clients(A, "sqs"), clients(A, "sns")
    clients(A, "kms").create_alias(AliasName=f"alias/{bucket}", TargetKeyId=key)
    attributes = {"KmsMasterKeyId": key}
    table = {
        "TableName": unique("table"),
        "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
    }
    sse = {"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key}
    for call in (
        lambda: sqs.create_queue(QueueName=unique("q"), Attributes=attributes),
        lambda: sns.create_topic(Name=unique("t"), Attributes=attributes),
        lambda: clients(A, "dynamodb").create_table(**table, SSESpecification=sse),
        lambda: clients(A, "events").create_event_bus(Name=unique("b"), KmsKeyIdentifier=key),
        lambda: _default(clients(A, "s3"), bucket, f"alias/{bucket}"),
    ):
        assert error_code(call).rsplit(".", 1)[-1] == "UnsupportedOperation"
    sqs.create_queue(QueueName=unique("q"), Attributes={"KmsMasterKeyId": "alias/aws/sqs"})
    clients(A, "dynamodb").create_table(**table)
    clients(A, "events").create_event_bus(Name=unique("b"))
    clients(A, "s3").put_object(
        Bucket=bucket, Key="o", Body=b"", ServerSideEncryption="aws:kms", SSEKMSKeyId=key
    )
