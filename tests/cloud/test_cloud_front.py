"""The embedded cloud behind AWS's own host names, over TLS, with boto3 as it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import boto3
import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ProxyConnectionError, SSLError
from support.cloud import REGION, A, allow, document

from harness.cloud.front import Front
from harness.cloud.plan import CloudPlan
from harness.cloud.process import CloudProcess


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudProcess]:
    file = tmp_path_factory.mktemp("front") / "credentials"
    with CloudProcess.start(CloudPlan((A,)), credentials=file) as process:
        yield process


@pytest.fixture
def front(cloud: CloudProcess) -> Iterator[Front]:
    with Front(cloud.endpoint) as front:
        yield front


@pytest.fixture
def session(cloud: CloudProcess, front: Front, monkeypatch: pytest.MonkeyPatch) -> boto3.Session:
    for name, value in front.environ().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(cloud.credentials))
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    return boto3.Session(botocore_session=botocore.session.Session(profile=A))


def test_each_service_and_region_has_its_host(session: boto3.Session, front: Front) -> None:
    config = Config(retries={"total_max_attempts": 1})
    for region in (REGION, "us-east-1"):
        sts = session.client("sts", region_name=region, config=config)
        assert sts.get_caller_identity()["Account"] == A
    session.client("iam", config=config).list_roles()
    assert set(front.hosts) == {
        f"sts.{REGION}.amazonaws.com",
        "sts.us-east-1.amazonaws.com",
        "iam.amazonaws.com",
    }


def test_a_bucket_is_named_by_its_host(session: boto3.Session, front: Front) -> None:
    s3 = session.client("s3", region_name=REGION)
    s3.create_bucket(
        Bucket="front-bucket", CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    s3.put_object(Bucket="front-bucket", Key="a b/ü+c", Body=b"kept")
    assert s3.get_object(Bucket="front-bucket", Key="a b/ü+c")["Body"].read() == b"kept"
    listed = s3.list_objects_v2(Bucket="front-bucket")["Contents"]
    assert [each["Key"] for each in listed] == ["a b/ü+c"]
    policy = document(allow("s3:GetObject", "arn:aws:s3:::front-bucket/*", Principal={"AWS": A}))
    s3.put_bucket_policy(Bucket="front-bucket", Policy=policy)
    assert f"front-bucket.s3.{REGION}.amazonaws.com" in front.hosts


def test_another_authority_is_not_trusted(
    session: boto3.Session, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = Front("http://127.0.0.1:9")
    monkeypatch.setenv("AWS_CA_BUNDLE", str(other.ca_bundle))
    sts = session.client(
        "sts", region_name=REGION, config=Config(retries={"total_max_attempts": 1})
    )
    with pytest.raises(SSLError):
        sts.get_caller_identity()


def test_no_other_host_is_reached(session: boto3.Session, front: Front) -> None:
    sts = session.client(
        "sts",
        region_name=REGION,
        endpoint_url="https://example.com",
        config=Config(retries={"total_max_attempts": 1}),
    )
    with pytest.raises(ProxyConnectionError):
        sts.get_caller_identity()
    assert front.refused == ["example.com"]
