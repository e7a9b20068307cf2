"""What the embedded cloud would not enforce it does not save; the same calls without it pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support.cloud import A, B, Clients, allow, document, trust

from harness.cloud.call import ApiError, Call, Caller
from harness.cloud.validation import NOT_ENFORCED, refuse_what_is_not_enforced

Unique = Callable[[str], str]
OPEN = document(allow("*", Principal="*"))
CALLER = Caller("user", A, f"arn:aws:iam::{A}:user/ann", f"arn:aws:iam::{A}:user/ann", "AIDA1")


def code_of(call: Callable[[], Any]) -> str:
    with pytest.raises(ClientError) as caught:
        call()
    # SQS puts its old prefix before some codes.
    return str(caught.value.response["Error"]["Code"]).rsplit(".", 1)[-1]


def test_a_queue_is_made_without_a_policy_only(clients: Clients, unique: Unique) -> None:
    sqs, name = clients(A, "sqs"), unique("queue")
    make = {"QueueName": name}
    assert (
        code_of(lambda: sqs.create_queue(**make, Attributes={"Policy": OPEN}))
        == "UnsupportedOperation"
    )
    url = sqs.create_queue(**make, Attributes={"DelaySeconds": "1"})["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "2"})
    assert (
        code_of(lambda: sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": OPEN}))
        == "UnsupportedOperation"
    )
    share = {"QueueUrl": url, "Label": "x", "AWSAccountIds": [B], "Actions": ["SendMessage"]}
    assert code_of(lambda: sqs.add_permission(**share)) == "UnsupportedOperation"
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert (attributes["DelaySeconds"], "Policy" in attributes) == ("2", False)


def test_a_topic_is_made_without_a_policy_only(clients: Clients, unique: Unique) -> None:
    sns, name = clients(A, "sns"), unique("topic")
    assert (
        code_of(lambda: sns.create_topic(Name=name, Attributes={"Policy": OPEN}))
        == "UnsupportedOperation"
    )
    topic = sns.create_topic(Name=name)["TopicArn"]
    change = {"TopicArn": topic, "AttributeName": "DisplayName", "AttributeValue": "x"}
    sns.set_topic_attributes(**change)
    policy = {"TopicArn": topic, "AttributeName": "Policy", "AttributeValue": OPEN}
    assert code_of(lambda: sns.set_topic_attributes(**policy)) == "UnsupportedOperation"


def test_a_bucket_takes_no_acl(clients: Clients, unique: Unique) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html"""
    s3, name = clients(A, "s3"), unique("bucket")
    refused = "AccessControlListNotSupported"
    where = {"CreateBucketConfiguration": {"LocationConstraint": s3.meta.region_name}}
    public = {"Bucket": name, "ACL": "public-read"}
    assert code_of(lambda: s3.create_bucket(**public, **where)) == refused
    s3.create_bucket(Bucket=name, **where)
    s3.put_object(Bucket=name, Key="k", ACL="bucket-owner-full-control")
    assert code_of(lambda: s3.put_bucket_acl(**public)) == refused
    assert code_of(lambda: s3.put_object_acl(**public, Key="k")) == refused
    assert code_of(lambda: s3.put_object(**public, Key="k")) == refused
    granted = {"Bucket": name, "Key": "k", "GrantRead": f'id="{"a" * 64}"'}
    assert code_of(lambda: s3.put_object(**granted)) == refused
    grants = {"Grants": [], "Owner": {"ID": "a" * 64}}
    assert code_of(lambda: s3.put_bucket_acl(Bucket=name, AccessControlPolicy=grants)) == refused
    s3.put_bucket_acl(Bucket=name, ACL="private")


def test_a_key_has_no_grants(clients: Clients) -> None:
    kms = clients(A, "kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    grant = {"KeyId": key, "GranteePrincipal": f"arn:aws:iam::{B}:root", "Operations": ["Decrypt"]}
    assert code_of(lambda: kms.create_grant(**grant)) == "UnsupportedOperation"
    assert kms.list_grants(KeyId=key)["Grants"] == []


@pytest.mark.parametrize(("service", "operation"), sorted(NOT_ENFORCED))
def test_every_listed_call_is_refused(service: str, operation: str) -> None:
    parameter = NOT_ENFORCED[service, operation]
    params: dict[str, Any] = {} if parameter is None else {parameter: OPEN}
    with pytest.raises(ApiError) as caught:
        refuse_what_is_not_enforced(Call(service, operation, "eu-central-1", params, CALLER))
    assert caught.value.code == "UnsupportedOperation"
    if parameter is not None:
        refuse_what_is_not_enforced(Call(service, operation, "eu-central-1", {}, CALLER))
    refuse_what_is_not_enforced(Call(service, f"Un{operation}", "eu-central-1", params, CALLER))


def test_a_service_linked_role_cannot_be_made_by_hand(clients: Clients, unique: Unique) -> None:
    iam, name = clients(A, "iam"), unique("linked")
    role = {"RoleName": name, "AssumeRolePolicyDocument": trust({"Service": "x.amazonaws.com"})}
    path = "/aws-service-role/x.amazonaws.com/"
    assert code_of(lambda: iam.create_role(**role, Path=path)) == "ValidationError"
    assert code_of(lambda: iam.get_role(RoleName=name)) == "NoSuchEntity"
    iam.create_role(**role, Path="/service-role/")


def test_a_stream_is_not_said_to_lie_under_a_customers_key(
    clients: Clients, unique: Callable[[str], str]
) -> None:
    kinesis, name = clients(A, "kinesis"), unique("stream")
    kinesis.create_stream(StreamName=name, ShardCount=1)
    key = clients(A, "kms").create_key()["KeyMetadata"]["Arn"]
    ask = {"StreamName": name, "EncryptionType": "KMS"}
    for customers in (key, "alias/own"):
        assert (
            code_of(lambda k=customers: kinesis.start_stream_encryption(**ask, KeyId=k))
            == "UnsupportedOperation"
        )
    kinesis.start_stream_encryption(**ask, KeyId="alias/aws/kinesis")
    kinesis.stop_stream_encryption(**ask, KeyId="alias/aws/kinesis")
