"""Requests whose signature, token or time does not hold are refused, in each protocol's words."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import boto3
import botocore.auth
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.compat import get_current_datetime
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from botocore.utils import normalize_url_path
from hypothesis import given
from hypothesis import strategies as st
from support.cloud import REGION, A, B, Clients, allow, document, trust

from harness.cloud import sigv4
from harness.cloud.process import CloudProcess

CALLS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "query": ("iam", lambda c: c.list_roles()),
    "json": ("logs", lambda c: c.describe_log_groups()),
    "rest-json": ("bedrock", lambda c: c.list_inference_profiles()),
    "rest-xml": ("s3", lambda c: c.list_buckets()),
}
CODES = {
    "wrong secret": {
        "query": "SignatureDoesNotMatch",
        "json": "InvalidSignatureException",
        "rest-json": "InvalidSignatureException",
        "rest-xml": "SignatureDoesNotMatch",
    },
    "unknown key": {
        "query": "InvalidClientTokenId",
        "json": "UnrecognizedClientException",
        "rest-json": "UnrecognizedClientException",
        "rest-xml": "InvalidAccessKeyId",
    },
    "expired session": {
        "query": "ExpiredToken",
        "json": "ExpiredTokenException",
        "rest-json": "ExpiredTokenException",
        "rest-xml": "ExpiredToken",
    },
    "wrong token": {
        "query": "InvalidClientTokenId",
        "json": "UnrecognizedClientException",
        "rest-json": "UnrecognizedClientException",
        "rest-xml": "InvalidToken",
    },
}


def code_of(call: Callable[[], Any]) -> str:
    with pytest.raises(ClientError) as caught:
        call()
    error = caught.value.response
    assert 400 <= error["ResponseMetadata"]["HTTPStatusCode"] < 500
    return str(error["Error"]["Code"])


@pytest.fixture
def credentials(clients: Clients) -> Any:
    return clients.session(A).get_credentials().get_frozen_credentials()


@pytest.mark.parametrize("protocol", CALLS)
def test_a_right_signature_is_accepted(clients: Clients, protocol: str) -> None:
    service, call = CALLS[protocol]
    assert call(clients(A, service))["ResponseMetadata"]["HTTPStatusCode"] == 200


@pytest.mark.parametrize("protocol", CALLS)
def test_a_wrong_secret_is_refused(clients: Clients, credentials: Any, protocol: str) -> None:
    service, call = CALLS[protocol]
    wrong = boto3.Session(credentials.access_key, "w" * 40)
    assert code_of(lambda: call(clients(wrong, service))) == CODES["wrong secret"][protocol]


@pytest.mark.parametrize("protocol", CALLS)
def test_an_unknown_key_is_refused(clients: Clients, protocol: str) -> None:
    service, call = CALLS[protocol]
    unknown = boto3.Session("AKIAIOSFODNN7EXAMPLE", "w" * 40)
    assert code_of(lambda: call(clients(unknown, service))) == CODES["unknown key"][protocol]


@pytest.fixture
def role(make_role: Callable[..., str]) -> str:
    return make_role(A, trust({"AWS": f"arn:aws:iam::{A}:root"}), allow("*"))


@pytest.mark.parametrize("protocol", CALLS)
def test_an_expired_session_is_refused(cloud: CloudProcess, role: str, protocol: str) -> None:
    service, call = CALLS[protocol]
    copy = cloud.fork()
    try:
        clients = Clients(copy)
        session = clients.assume(A, role, DurationSeconds=900)
        copy.age_sessions(890)
        assert call(clients(session, service))
        copy.age_sessions(20)
        assert (
            code_of(lambda: call(clients(session, service))) == CODES["expired session"][protocol]
        )
    finally:
        copy.stop()


@pytest.mark.parametrize("protocol", CALLS)
def test_another_sessions_token_is_refused(clients: Clients, role: str, protocol: str) -> None:
    service, call = CALLS[protocol]
    one = clients.assume(A, role).get_credentials().get_frozen_credentials()
    other = clients.assume(A, role).get_credentials().get_frozen_credentials()
    mixed = boto3.Session(one.access_key, one.secret_key, other.token)
    assert code_of(lambda: call(clients(mixed, service))) == CODES["wrong token"][protocol]
    bare = boto3.Session(one.access_key, one.secret_key)
    assert code_of(lambda: call(clients(bare, service))) == CODES["wrong token"][protocol]


def _post(cloud: CloudProcess, request: AWSRequest, body: bytes) -> tuple[int, str]:
    sent = urllib.request.Request(
        cloud.endpoint + "/", data=body, headers=dict(request.headers.items()), method="POST"
    )
    try:
        with urllib.request.urlopen(sent, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.fixture
def signed(cloud: CloudProcess, credentials: Any) -> AWSRequest:
    request = AWSRequest(
        "POST",
        cloud.endpoint + "/",
        data=b"Action=GetCallerIdentity&Version=2011-06-15",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    SigV4Auth(Credentials(credentials.access_key, credentials.secret_key), "sts", REGION).add_auth(
        request
    )
    return request


def test_the_body_is_covered_by_the_signature(cloud: CloudProcess, signed: AWSRequest) -> None:
    assert _post(cloud, signed, signed.data)[0] == 200
    status, body = _post(
        cloud, signed, signed.data.replace(b"GetCallerIdentity", b"GetSessionToken")
    )
    assert (status, "SignatureDoesNotMatch" in body) == (403, True)


def test_an_unsigned_token_header_is_refused(cloud: CloudProcess, signed: AWSRequest) -> None:
    signed.headers["X-Amz-Security-Token"] = "added later"
    status, body = _post(cloud, signed, signed.data)
    assert (status, "SignatureDoesNotMatch" in body) == (403, True)


def test_a_request_without_a_signature_is_refused(cloud: CloudProcess, signed: AWSRequest) -> None:
    del signed.headers["Authorization"]
    status, body = _post(cloud, signed, signed.data)
    assert (status, "MissingAuthenticationToken" in body) == (403, True)


def test_a_bearer_token_is_refused(cloud: CloudProcess, signed: AWSRequest) -> None:
    signed.headers.replace_header("Authorization", "Bearer bedrock-api-key-x")
    assert _post(cloud, signed, signed.data)[0] == 403


def test_an_old_signature_is_refused(
    cloud: CloudProcess, credentials: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        botocore.auth,
        "get_current_datetime",
        lambda *a, **k: get_current_datetime(*a, **k) - timedelta(minutes=16),
    )
    request = AWSRequest(
        "POST",
        cloud.endpoint + "/",
        data=b"Action=GetCallerIdentity&Version=2011-06-15",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    SigV4Auth(Credentials(credentials.access_key, credentials.secret_key), "sts", REGION).add_auth(
        request
    )
    status, body = _post(cloud, request, request.data)
    assert (status, "Signature expired" in body) == (403, True)


def _get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_a_presigned_url_tells_who_signed(clients: Clients) -> None:
    url = clients(B, "sts").generate_presigned_url(
        "get_caller_identity", ExpiresIn=60, HttpMethod="GET"
    )
    assert _get(url)[0] == 200
    assert f"{B}:user/administrator" in _get(url)[1]
    assert _get(url.replace("GetCallerIdentity", "GetSessionToken"))[0] == 403


def test_a_deleted_or_inactive_key_is_refused(
    clients: Clients, unique: Callable[[str], str]
) -> None:
    iam = clients(A, "iam")
    name = unique("user")
    iam.create_user(UserName=name)
    iam.put_user_policy(
        UserName=name,
        PolicyName="p",
        PolicyDocument=document(allow("*")),
    )
    key = iam.create_access_key(UserName=name)["AccessKey"]
    session = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"])
    sts = clients(session, "sts")
    assert sts.get_caller_identity()["Arn"].endswith(name)
    iam.update_access_key(UserName=name, AccessKeyId=key["AccessKeyId"], Status="Inactive")
    assert code_of(sts.get_caller_identity) == "InvalidClientTokenId"
    iam.update_access_key(UserName=name, AccessKeyId=key["AccessKeyId"], Status="Active")
    assert sts.get_caller_identity()
    iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    assert code_of(sts.get_caller_identity) == "InvalidClientTokenId"


@given(st.text(alphabet="/ab.~-_", max_size=12))
def test_a_path_that_is_left_alone_would_not_have_changed(path: str) -> None:
    path = "/" + path
    if sigv4._canonical_paths(path, "logs") == (path,):
        assert quote(normalize_url_path(path), safe="/~") == path


@pytest.mark.parametrize("text", ["20260101T000000", "2026-01-01T00:00:00Z", "20261301T000000Z"])
def test_other_dates_than_the_signatures_are_none(text: str) -> None:
    assert sigv4._moment("20260101T000000Z") == datetime(2026, 1, 1, tzinfo=UTC)
    assert sigv4._moment(text) is None
