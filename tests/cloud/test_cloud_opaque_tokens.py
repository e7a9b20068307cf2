"""Tokens that carry a name lead to no other resource than the one that was authorized."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support.cloud import REGION, A, Clients, allow, error_code, trust

SHARD = "shardId-000000000000"


@pytest.fixture
def streams(clients: Clients, unique: Callable[[str], str]) -> Callable[[str], str]:
    """Makes a stream of A with one record; gives its ARN."""

    def make(text: str) -> str:
        kinesis, name = clients(A, "kinesis"), unique("tokens")
        kinesis.create_stream(StreamName=name, ShardCount=1)
        kinesis.put_record(StreamName=name, Data=text.encode(), PartitionKey="key")
        return f"arn:aws:kinesis:{REGION}:{A}:stream/{name}"

    return make


def beginning(kinesis: Any, arn: str) -> str:
    answer = kinesis.get_shard_iterator(
        StreamARN=arn, ShardId=SHARD, ShardIteratorType="TRIM_HORIZON"
    )
    return str(answer["ShardIterator"])


def texts(kinesis: Any, **named: Any) -> list[str]:
    return [record["Data"].decode() for record in kinesis.get_records(**named)["Records"]]


@pytest.fixture
def reader(clients: Clients, make_role: Callable[..., str]) -> Callable[[str], Any]:
    """Kinesis as a role of A that may read one stream."""

    def make(arn: str) -> Any:
        may = allow(["kinesis:GetRecords", "kinesis:GetShardIterator"], arn)
        return clients(clients.assume(A, make_role(A, trust({"AWS": A}), may)), "kinesis")

    return make


def test_an_iterator_alone_names_the_stream_that_is_decided_on(streams: Any, reader: Any) -> None:
    mine, secret = streams("mine"), streams("secret")
    kinesis = reader(mine)
    assert texts(kinesis, ShardIterator=beginning(kinesis, mine)) == ["mine"]
    forged = _iterator(secret.partition("/")[2])
    with pytest.raises(ClientError, match=f"kinesis:GetRecords on resource: {secret}"):
        texts(kinesis, ShardIterator=forged)
    assert texts(reader(secret), ShardIterator=forged) == ["secret"]


def test_an_iterator_of_another_stream_than_the_one_named_is_refused(
    streams: Any, reader: Any
) -> None:
    mine, secret = streams("mine"), streams("secret")
    kinesis = reader(mine)
    forged = _iterator(secret.partition("/")[2])
    own = beginning(kinesis, mine)
    refused = error_code(texts, kinesis, ShardIterator=forged, StreamARN=mine)
    assert refused == "InvalidArgumentException"
    garbled = error_code(texts, kinesis, ShardIterator="AAAA", StreamARN=mine)
    assert garbled == "InvalidArgumentException"
    assert texts(kinesis, ShardIterator=own, StreamARN=mine) == ["mine"]
    following = kinesis.get_records(ShardIterator=own)["NextShardIterator"]
    assert texts(kinesis, ShardIterator=following) == []


def _iterator(stream: str) -> str:
    return base64.encodebytes(f"{stream}:{SHARD}:0".encode()).decode()


def test_a_part_of_an_upload_goes_to_no_other_key(
    clients: Clients, make_role: Callable[..., str], unique: Callable[[str], str]
) -> None:
    bucket, admin = unique("uploads"), clients(A, "s3")
    admin.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    upload = admin.create_multipart_upload(Bucket=bucket, Key="theirs")["UploadId"]
    may = allow(
        ["s3:PutObject", "s3:ListMultipartUploadParts", "s3:AbortMultipartUpload"],
        f"arn:aws:s3:::{bucket}/mine",
    )
    writer = clients(clients.assume(A, make_role(A, trust({"AWS": A}), may)), "s3")
    mine = {"Bucket": bucket, "Key": "mine"}

    def put(upload_id: str) -> Any:
        return writer.upload_part(**mine, UploadId=upload_id, PartNumber=1, Body=b"part")

    def complete(upload_id: str, tag: str) -> None:
        parts = {"Parts": [{"ETag": tag, "PartNumber": 1}]}
        writer.complete_multipart_upload(**mine, UploadId=upload_id, MultipartUpload=parts)

    tag = admin.upload_part(
        Bucket=bucket, Key="theirs", UploadId=upload, PartNumber=1, Body=b"theirs"
    )["ETag"]
    assert error_code(put, upload) == "NoSuchUpload"
    assert error_code(complete, upload, tag) == "NoSuchUpload"
    assert error_code(writer.list_parts, **mine, UploadId=upload) == "NoSuchUpload"
    assert error_code(writer.abort_multipart_upload, **mine, UploadId=upload) == "NoSuchUpload"
    own = writer.create_multipart_upload(**mine)["UploadId"]
    complete(own, put(own)["ETag"])
    assert admin.get_object(**mine)["Body"].read() == b"part"
    listed = admin.list_parts(Bucket=bucket, Key="theirs", UploadId=upload)["Parts"]
    assert [part["Size"] for part in listed] == [len(b"theirs")]


def _token(arn: str) -> str:
    return base64.b64encode(f"{arn} {SHARD}".encode()).decode()


def test_shards_are_listed_on_by_the_token_alone(
    clients: Clients, make_role: Callable[..., str], unique: Callable[[str], str]
) -> None:
    admin, name, other = clients(A, "kinesis"), unique("shards"), unique("other")
    for stream in (name, other):
        admin.create_stream(StreamName=stream, ShardCount=3)
    arn, secret = (f"arn:aws:kinesis:{REGION}:{A}:stream/{each}" for each in (name, other))
    may = allow("kinesis:ListShards", arn)
    lister = clients(clients.assume(A, make_role(A, trust({"AWS": A}), may)), "kinesis")
    first = lister.list_shards(StreamName=name, MaxResults=2)
    token = first["NextToken"]
    rest = lister.list_shards(NextToken=token)
    assert [len(page["Shards"]) for page in (first, rest)] == [2, 1]
    assert "NextToken" not in rest
    assert lister.list_shards(NextToken=token, StreamARN=arn)["Shards"] == rest["Shards"]
    both = {"NextToken": token, "StreamName": name}
    assert error_code(lister.list_shards, **both) == "InvalidArgumentException"
    assert error_code(lister.list_shards, NextToken=_token(secret)) == "AccessDeniedException"
    assert error_code(lister.list_shards, NextToken="AAAA") == "AccessDeniedException"
    mixed = {"NextToken": token, "StreamARN": secret}
    assert error_code(admin.list_shards, **mixed) == "InvalidArgumentException"
    assert len(admin.list_shards(NextToken=_token(secret))["Shards"]) == 2
