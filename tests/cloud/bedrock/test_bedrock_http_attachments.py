"""Content in S3 that a call of a model names is read with the caller's own rights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support.cloud import REGION, A, B, Clients, allow, document, error_code, trust

MODEL = "amazon.nova-lite-v1:0"
CANARY = "canary of another customer"


@pytest.fixture
def bucket(clients: Clients, unique: Callable[[str], str]) -> Callable[[str], str]:
    """Makes a bucket of an account, with one text in it."""

    def make(account: str) -> str:
        s3, name = clients(account, "s3"), unique("attached")
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_object(Bucket=name, Key="folder/note.txt", Body=CANARY.encode())
        return name

    return make


def asked(runtime: Any, bucket: str, key: str = "folder/note.txt", **location: str) -> str:
    source = {"s3Location": {"uri": f"s3://{bucket}/{key}", **location}}
    attached = {"document": {"format": "txt", "name": "note", "source": source}}
    answer = runtime.converse(
        modelId=MODEL,
        messages=[{"role": "user", "content": [{"text": "What does it say?"}, attached]}],
    )
    return str(answer["output"]["message"]["content"][0]["text"])


@pytest.fixture
def caller(clients: Clients, make_role: Callable[..., str]) -> Callable[..., Any]:
    """The runtime as a role of A that may call models, and what else is said."""

    def make(*statements: dict[str, Any]) -> Any:
        models = allow("bedrock:InvokeModel")
        role = make_role(A, trust({"AWS": A}), models, *statements)
        return clients(clients.assume(A, role), "bedrock-runtime")

    return make


def reads(bucket: str) -> dict[str, Any]:
    return allow("s3:GetObject", f"arn:aws:s3:::{bucket}/folder/*")


def test_who_may_read_the_object_may_ask_about_it(bucket: Any, caller: Any) -> None:
    name = bucket(A)
    with pytest.raises(ClientError, match=f"s3:GetObject on resource: .*{name}/folder/note.txt"):
        asked(caller(), name)
    assert CANARY in asked(caller(reads(name)), name)


def test_a_bucket_of_another_account_must_be_named_as_such(
    bucket: Any, caller: Any, clients: Clients
) -> None:
    name = bucket(B)
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": A},
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{name}/*",
    }
    runtime = caller(reads(name))
    assert error_code(asked, runtime, name, bucketOwner=B) == "AccessDeniedException"
    clients(B, "s3").put_bucket_policy(Bucket=name, Policy=document(statement))
    assert error_code(asked, runtime, name) == "AccessDeniedException"
    assert error_code(asked, runtime, name, bucketOwner=A) == "AccessDeniedException"
    assert CANARY in asked(runtime, name, bucketOwner=B)


def test_what_is_not_there_is_not_valid(bucket: Any, clients: Clients) -> None:
    name, runtime = bucket(A), clients(A, "bedrock-runtime")
    assert error_code(asked, runtime, name, key="none") == "ValidationException"
    assert CANARY in asked(runtime, name)
