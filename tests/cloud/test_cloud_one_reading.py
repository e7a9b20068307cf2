"""What was authorized is what is done: no second place in a request says something else."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.credentials import Credentials
from botocore.httpsession import URLLib3Session
from support.cloud import REGION, A, Clients, allow, document

Send = Callable[..., AWSResponse]
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
DESCRIBE = {
    "Content-Type": "application/x-amz-json-1.1",
    "X-Amz-Target": "Logs_20140328.DescribeLogGroups",
}


@pytest.fixture
def reader(clients: Clients, unique: Callable[[str], str]) -> Any:
    """Credentials of a user that may only read, and whatever it likes in S3."""
    iam, name = clients(A, "iam"), unique("reader")
    iam.create_user(UserName=name)
    iam.put_user_policy(
        UserName=name,
        PolicyName="read",
        PolicyDocument=document(allow(["iam:GetUser", "logs:DescribeLogGroups", "s3:*"])),
    )
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return name, Credentials(key["AccessKeyId"], key["SecretAccessKey"])


@pytest.fixture
def send(clients: Clients, reader: Any) -> Send:
    """Sends a request that the reader signed, with whatever it says."""

    def send(
        service: str,
        path: str = "/",
        body: bytes = b"",
        headers: dict[str, str] | None = None,
        method: str = "POST",
        unsigned: dict[str, str] | None = None,
    ) -> AWSResponse:
        url = clients.cloud.endpoint + path
        request = AWSRequest(method=method, url=url, data=body, headers=headers or {})
        signer = S3SigV4Auth if service == "s3" else SigV4Auth
        signer(reader[1], service, REGION).add_auth(request)
        for name, value in (unsigned or {}).items():
            request.headers[name] = value
        return URLLib3Session().send(request.prepare())

    return send


@pytest.fixture
def group(clients: Clients, unique: Callable[[str], str]) -> str:
    name = unique("group")
    clients(A, "logs").create_log_group(logGroupName=name)
    return name


def groups(clients: Clients, region: str = REGION) -> set[str]:
    pages = clients(A, "logs", region).get_paginator("describe_log_groups").paginate()
    return {g["logGroupName"] for page in pages for g in page["logGroups"]}


def users(clients: Clients) -> set[str]:
    return {u["UserName"] for u in clients(A, "iam").list_users()["Users"]}


@pytest.mark.parametrize("first", ["url", "body", "same place"])
def test_an_action_given_twice_is_refused(
    clients: Clients, send: Send, reader: Any, unique: Callable[[str], str], first: str
) -> None:
    name = unique("smuggled")
    harmless = f"Action=GetUser&Version=2010-05-08&UserName={reader[0]}"
    smuggled = f"Action=CreateUser&UserName={name}"
    url, body = {
        "url": ("/?" + harmless, smuggled),
        "body": ("/?" + smuggled, harmless),
        "same place": ("/", f"{harmless}&{smuggled}"),
    }[first]
    answer = send("iam", url, body.encode(), FORM)
    assert (answer.status_code, b"MalformedQueryString" in answer.content) == (400, True)
    assert name not in users(clients)


def test_a_form_may_be_in_the_url_or_in_both(send: Send, reader: Any) -> None:
    assert (
        send("iam", f"/?Action=GetUser&UserName={reader[0]}&Version=2010-05-08").status_code == 200
    )
    both = send(
        "iam", "/?Action=GetUser", f"UserName={reader[0]}&Version=2010-05-08".encode(), FORM
    )
    assert both.status_code == 200


@pytest.mark.parametrize("place", ["url", "body", "method header"])
def test_an_action_beside_a_json_target_is_not_read(
    clients: Clients, send: Send, group: str, place: str
) -> None:
    parameters = f"Action=DeleteLogGroup&logGroupName={group}"
    prefix = {"logGroupNamePrefix": f"x&{parameters}&" if place == "body" else group}
    answer = send(
        "logs",
        f"/?{parameters}" if place == "url" else "/",
        json.dumps(prefix).encode(),
        DESCRIBE,
        unsigned={"X-HTTP-Method-Override": "DELETE"} if place == "method header" else None,
    )
    assert answer.status_code == 200
    assert (group in answer.text) is (place != "body")
    assert group in groups(clients)


def test_a_parameter_in_the_url_does_not_replace_one_in_json(
    clients: Clients, send: Send, group: str
) -> None:
    answer = send(
        "logs", f"/?logGroupNamePrefix={group}", b'{"logGroupNamePrefix": "other"}', DESCRIBE
    )
    assert answer.status_code == 200
    assert group not in answer.text


@pytest.mark.parametrize(
    "headers", [{"User-Agent": "x region/us-west-2"}, {"Host": "logs.us-west-2.amazonaws.com"}]
)
def test_the_region_is_the_signatures(send: Send, group: str, headers: dict[str, str]) -> None:
    body = json.dumps({"logGroupNamePrefix": group}).encode()
    answer = send("logs", "/", body, DESCRIBE | headers)
    assert answer.status_code == 200
    assert group in answer.text


def test_a_signed_host_names_the_bucket_for_decision_and_answer_alike(
    clients: Clients, send: Send, unique: Callable[[str], str]
) -> None:
    one, other = unique("one"), unique("other")
    s3 = clients(A, "s3")
    for bucket in (one, other):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_object(Bucket=bucket, Key="key", Body=bucket.encode())
    named = {"Host": f"{other}.s3.amazonaws.com"}
    answer = send("s3", "/key", method="GET", headers=named)
    assert (answer.status_code, answer.text) == (200, other)
    # As AWS reads it: a key of that bucket, and not another bucket.
    answer = send("s3", f"/{one}/key", method="GET", headers=named)
    assert answer.status_code == 404 and "NoSuchKey" in answer.text


@pytest.mark.parametrize("path", ["/moto-api/", "/latest/meta-data/", "/favicon.ico"])
def test_the_inner_apps_own_pages_are_not_served(send: Send, path: str) -> None:
    answer = send("s3", path, method="GET")
    assert (answer.status_code, b"NoSuchBucket" in answer.content) == (404, True)


def test_the_inner_app_cannot_be_reset(clients: Clients, send: Send, group: str) -> None:
    assert send("s3", "/moto-api/reset?uploads").status_code == 404
    assert group in groups(clients)


def test_two_sub_resources_in_one_url_are_refused(
    clients: Clients, send: Send, unique: Callable[[str], str]
) -> None:
    bucket = unique("bucket")
    clients(A, "s3").create_bucket(
        Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    assert send("s3", f"/{bucket}?versioning", method="GET").status_code == 200
    assert send("s3", f"/{bucket}?versioning&policy", method="GET").status_code == 400


def test_a_header_of_awss_must_be_signed(send: Send) -> None:
    answer = send("s3", "/", method="GET", unsigned={"x-amz-acl": "public-read"})
    assert answer.status_code == 403
    assert b"SignatureDoesNotMatch" in answer.content


def test_a_compressed_body_is_read_as_what_it_holds(send: Send, group: str) -> None:
    packed = gzip.compress(json.dumps({"logGroupNamePrefix": group}).encode())
    answer = send("logs", "/", packed, DESCRIBE | {"Content-Encoding": "gzip"})
    assert answer.status_code == 200
    assert group in answer.text


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_body_that_is_not_what_it_says_is_refused(send: Send, encoding: str) -> None:
    answer = send("logs", "/", b"{}", DESCRIBE | {"Content-Encoding": encoding})
    assert answer.status_code == 400
