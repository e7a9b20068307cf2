"""Shard iterators and tokens of Kinesis: one of another stream than the request's is refused.

moto reads the stream that the iterator names, whatever the request names; its tokens of ListShards
name none, and AWS takes them alone.
https://docs.aws.amazon.com/kinesis/latest/APIReference/API_GetRecords.html
"""

from __future__ import annotations

import functools
from typing import Any

from moto.kinesis.models import KinesisBackend

from harness.cloud.call import ApiError, Call
from harness.cloud.catalogue.special.kinesis import (
    iterator_stream,
    read_shards_token,
    shards_token,
)

_MOST_SHARDS = 10000


def check_iterator(call: Call) -> None:
    """Raise `ApiError` (InvalidArgumentException) for an iterator that is not of the stream."""
    if (call.service, call.operation) == ("kinesis", "ListShards"):
        _check_token(call)
    if (call.service, call.operation) != ("kinesis", "GetRecords"):
        return
    stream, named = iterator_stream(call.params.get("ShardIterator")), call.params.get("StreamARN")
    if stream is None:
        raise ApiError("InvalidArgumentException", "Invalid ShardIterator.")
    if named and str(named).partition(":stream/")[2] != stream:
        raise ApiError("InvalidArgumentException", "The ShardIterator is not of this stream.")


def _check_token(call: Call) -> None:
    """https://docs.aws.amazon.com/kinesis/latest/APIReference/API_ListShards.html"""
    token = call.params.get("NextToken")
    if not token:
        return
    for member in ("StreamName", "StreamCreationTimestamp", "ExclusiveStartShardId"):
        if call.params.get(member):
            raise ApiError(
                "InvalidArgumentException", f"NextToken and {member} cannot be provided together."
            )
    read, named = read_shards_token(token), call.params.get("StreamARN")
    if read is None or (named and named != read[0]):
        raise ApiError("InvalidArgumentException", "The NextToken is not of this stream.")


def _list_shards(
    self: Any,
    stream_arn: str | None,
    stream_name: str | None,
    limit: int | None = None,
    next_token: str | None = None,
) -> tuple[list[Any], str | None]:
    """A page of a stream's shards, and the token of the next; the token tells the stream."""
    after = ""
    read = read_shards_token(next_token) if next_token else None
    if read is not None:
        (stream_arn, after), stream_name = read, None
    stream = self.describe_stream(stream_arn=stream_arn, stream_name=stream_name)
    left = sorted(
        (shard for shard in stream.shards.values() if shard.shard_id > after),
        key=lambda shard: str(shard.shard_id),
    )
    page = left[: limit or _MOST_SHARDS]
    return page, shards_token(stream.arn, page[-1].shard_id) if len(page) < len(left) else None


@functools.cache
def adapt_iterators() -> None:
    """Let iterators that are asked for by ARN name their stream, too, and tokens theirs.

    Once is enough.
    """
    backend: Any = KinesisBackend
    backend.list_shards = _list_shards
    make: Any = KinesisBackend.get_shard_iterator

    def get_shard_iterator(
        self: Any, stream_arn: str | None, stream_name: str | None, *rest: Any, **named: Any
    ) -> Any:
        stream = self.describe_stream(stream_arn=stream_arn, stream_name=stream_name)
        return make(self, stream_arn, stream.stream_name, *rest, **named)

    backend.get_shard_iterator = get_shard_iterator
