"""Root users: every right of their account, none that SCPs, RCPs and resources take away.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_root-user.html
https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
from support.cloud import MANAGEMENT, REGION, A, B, Clients, allow, document, error_code, trust

from harness.cloud.process import CloudProcess

ROOT, ROOT_B = f"root@{A}", f"root@{B}"
ARN = f"arn:aws:iam::{A}:root"


def test_root_needs_no_policy(clients: Clients) -> None:
    assert clients(ROOT, "sts").get_caller_identity()["Arn"] == ARN
    assert clients(ROOT, "iam").list_users()["Users"]
    assert clients(ROOT, "logs").describe_log_groups()


def test_root_becomes_no_role(clients: Clients, make_role: Callable[..., str]) -> None:
    """https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html"""
    role = make_role(A, trust({"AWS": ARN}))
    assert error_code(clients.assume, ROOT, role) == "AccessDenied"
    assert clients.assume(A, role)


def test_the_resource_decides_about_root_too(
    clients: Clients, unique: Callable[[str], str]
) -> None:
    """A Deny of its own bucket binds it; another account's bucket must let it in."""
    s3, bucket = clients(A, "s3"), unique("roots")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    arn = f"arn:aws:s3:::{bucket}"
    own, other = clients(ROOT, "s3"), clients(ROOT_B, "s3")
    assert own.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    assert error_code(other.list_objects_v2, Bucket=bucket) == "AccessDenied"
    deny = {**allow("s3:ListBucket", arn), "Effect": "Deny", "Principal": "*"}
    grant = {**allow("s3:ListBucket", arn), "Principal": {"AWS": B}}
    only_root = {"ArnEquals": {"aws:PrincipalArn": ARN}}
    s3.put_bucket_policy(Bucket=bucket, Policy=document({**deny, "Condition": only_root}, grant))
    assert error_code(own.list_objects_v2, Bucket=bucket) == "AccessDenied"
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    assert other.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_a_key_policy_without_the_account_leaves_root_out(clients: Clients) -> None:
    """https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html"""
    kms = clients(A, "kms")
    for principal, lets in ((f"arn:aws:iam::{A}:user/administrator", False), (A, True)):
        statement = {**allow("kms:*"), "Principal": {"AWS": principal}}
        key = kms.create_key(Policy=document(statement))["KeyMetadata"]["KeyId"]
        encrypt = clients(ROOT, "kms").encrypt
        if lets:
            assert encrypt(KeyId=key, Plaintext=b"x")
        else:
            assert error_code(encrypt, KeyId=key, Plaintext=b"x") == "AccessDeniedException"


@pytest.fixture
def governed(cloud: CloudProcess) -> Iterator[Clients]:
    """A copy of the cloud whose organization may be changed."""
    copy = cloud.fork()
    yield Clients(copy)
    copy.stop()


def test_an_scp_binds_root_of_a_member(governed: Clients) -> None:
    organizations = governed(MANAGEMENT, "organizations")
    root = organizations.list_roots()["Roots"][0]["Id"]
    content = {
        "Effect": "Deny",
        "Action": "iam:ListUsers",
        "Resource": "*",
        "Condition": {"StringLike": {"aws:PrincipalArn": "arn:aws:iam::*:root"}},
    }
    policy = organizations.create_policy(
        Name="no-root",
        Description="d",
        Type="SERVICE_CONTROL_POLICY",
        Content=json.dumps({"Version": "2012-10-17", "Statement": content}),
    )["Policy"]["PolicySummary"]["Id"]
    assert governed(ROOT, "iam").list_users()
    organizations.attach_policy(PolicyId=policy, TargetId=root)
    assert error_code(governed(ROOT, "iam").list_users) == "AccessDenied"
    assert governed(ROOT, "iam").list_roles()
    assert governed(A, "iam").list_users()
    assert governed(f"root@{MANAGEMENT}", "iam").list_users()
