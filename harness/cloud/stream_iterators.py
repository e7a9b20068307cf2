"""Shard iterators of Kinesis: one of another stream than the request's is refused.

moto reads the stream that the iterator names, whatever the request names.
https://docs.aws.amazon.com/kinesis/latest/APIReference/API_GetRecords.html
"""

from __future__ import annotations

import functools
from typing import Any

from moto.kinesis.models import KinesisBackend

from harness.cloud.call import ApiError, Call
from harness.cloud.catalogue.special.kinesis import iterator_stream


def check_iterator(call: Call) -> None:
    """Raise `ApiError` (InvalidArgumentException) for an iterator that is not of the stream."""
    if (call.service, call.operation) != ("kinesis", "GetRecords"):
        return
    stream, named = iterator_stream(call.params.get("ShardIterator")), call.params.get("StreamARN")
    if stream is None:
        raise ApiError("InvalidArgumentException", "Invalid ShardIterator.")
    if named and str(named).partition(":stream/")[2] != stream:
        raise ApiError("InvalidArgumentException", "The ShardIterator is not of this stream.")


@functools.cache
def adapt_iterators() -> None:
    """Let iterators that are asked for by ARN name their stream, too. Once is enough."""
    make: Any = KinesisBackend.get_shard_iterator

    def get_shard_iterator(
        self: Any, stream_arn: str | None, stream_name: str | None, *rest: Any, **named: Any
    ) -> Any:
        stream = self.describe_stream(stream_arn=stream_arn, stream_name=stream_name)
        return make(self, stream_arn, stream.stream_name, *rest, **named)

    KinesisBackend.get_shard_iterator = get_shard_iterator  # type: ignore[method-assign]
