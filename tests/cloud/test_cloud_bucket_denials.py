"""A Deny in a bucket's policy holds for whom and when it says, and for nobody else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support.cloud import REGION, A, B, Clients, document

Unique = Callable[[str], str]

_OTHER = {"AWS": f"arn:aws:iam::{B}:root"}
_MEETS_NOBODY_HERE = {
    "plain HTTP": ("*", {"Bool": {"aws:SecureTransport": "false"}}),
    "another account's principal": (_OTHER, {}),
    "accounts but this": ("*", {"StringNotEquals": {"aws:PrincipalAccount": A}}),
}
_MEETS_A = {
    "everybody": ("*", {}),
    "TLS": ("*", {"Bool": {"aws:SecureTransport": "true"}}),
    "this account": ({"AWS": f"arn:aws:iam::{A}:root"}, {}),
}


@pytest.fixture
def bucket(clients: Clients, unique: Unique) -> str:
    name, s3 = f"denying-{unique('bucket')}", clients(A, "s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket=name, Key="o", Body=b"data")
    return name


def _deny(s3: Any, bucket: str, principal: Any, condition: dict[str, Any]) -> None:
    statement = {
        **{"Effect": "Deny", "Principal": principal, "Action": "s3:*Object*"},
        **{"Resource": f"arn:aws:s3:::{bucket}/*", "Condition": condition},
    }
    s3.put_bucket_policy(Bucket=bucket, Policy=document(statement))


def _calls(s3: Any, bucket: str) -> tuple[Callable[[], Any], ...]:
    named = {"Bucket": bucket, "Key": "o"}
    return (
        lambda: s3.get_object(**named),
        lambda: s3.head_object(**named),
        lambda: s3.put_object(**named, Body=b"new"),
        lambda: s3.put_object(Bucket=bucket, Key="new", Body=b"new"),
        lambda: s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/o"),
        lambda: s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "copy"}]}),
        lambda: s3.delete_object(**named),
    )


@pytest.mark.parametrize("which", _MEETS_NOBODY_HERE)
def test_a_denial_of_others_leaves_objects_usable(
    clients: Clients, bucket: str, which: str
) -> None:
    s3 = clients(A, "s3")
    _deny(s3, bucket, *_MEETS_NOBODY_HERE[which])
    for call in _calls(s3, bucket):
        assert "Errors" not in call()
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["new"]


@pytest.mark.parametrize("which", _MEETS_A)
def test_a_denial_that_matches_denies_and_says_so(
    clients: Clients, bucket: str, which: str
) -> None:
    s3 = clients(A, "s3")
    _deny(s3, bucket, *_MEETS_A[which])
    for call in _calls(s3, bucket):
        with pytest.raises(ClientError) as refused:
            call()
        error = refused.value.response["Error"]
        # A response to HEAD has no body.
        if refused.value.operation_name == "HeadObject":
            assert error["Code"] == "403"
        else:
            assert error["Code"] == "AccessDenied"
            assert "explicit deny in a resource-based policy" in error["Message"]
    s3.delete_bucket_policy(Bucket=bucket)
    assert s3.get_object(Bucket=bucket, Key="o")["Body"].read() == b"data"


def test_an_object_that_is_not_there_is_not_found(clients: Clients, bucket: str) -> None:
    """A HEAD of it too, by which Terraform looks for a state."""
    with pytest.raises(ClientError) as missed:
        clients(A, "s3").head_object(Bucket=bucket, Key="none")
    assert missed.value.response["Error"]["Code"] == "404"
