"""Kinesis: reads whose stream a shard iterator names, or the token of a listing."""

from __future__ import annotations

import base64
import re
from typing import Any

from harness.cloud.call import Call, Need, Unmapped, World
from harness.cloud.catalogue.arns import checked_arn, form, owner_of
from harness.cloud.catalogue.spec import compile_spec, values

_PARTS = 3
_STREAM = form(r"stream/[A-Za-z0-9_.-]+")
_SHARD = re.compile(r"shardId-[0-9]+")
_LIST_SHARDS = compile_spec(
    "?~stream/{StreamName}|{StreamARN} /~stream/*", "kinesis", "ListShards", "kinesis"
)


def get_records(call: Call, _world: World) -> tuple[Need, ...]:
    """On the stream named, else on the iterator's, which is of the caller's account and Region.

    That both are the same is for the service to check.
    https://docs.aws.amazon.com/kinesis/latest/APIReference/API_GetRecords.html
    """
    named = values(call.params, "StreamARN")
    if named:
        arn = checked_arn(call, named[0], "kinesis", _STREAM)
        return (Need("kinesis:GetRecords", arn, owner_of(arn)),)
    stream = iterator_stream(call.params.get("ShardIterator"))
    if stream is None:
        raise Unmapped(call.service, call.operation)
    account = call.caller.account
    arn = f"arn:aws:kinesis:{call.region}:{account}:stream/{stream}"
    return (Need("kinesis:GetRecords", arn, account),)


def list_shards(call: Call, world: World) -> tuple[Need, ...]:
    """On the stream named, else on the token's: a next page is asked for by the token alone.

    https://docs.aws.amazon.com/kinesis/latest/APIReference/API_ListShards.html
    """
    token = call.params.get("NextToken")
    if not token:
        return _LIST_SHARDS(call, world)
    read = read_shards_token(token)
    if read is None:
        raise Unmapped(call.service, call.operation)
    arn = checked_arn(call, read[0], "kinesis", _STREAM)
    return (Need("kinesis:ListShards", arn, owner_of(arn)),)


def shards_token(arn: str, shard: str) -> str:
    """The token for the shards of a stream that come after this one."""
    return base64.b64encode(f"{arn} {shard}".encode()).decode()


def read_shards_token(token: Any) -> tuple[str, str] | None:
    """The stream's ARN and the shard of a `shards_token`; None for text of any other form."""
    try:
        text = base64.b64decode(str(token).encode(), validate=True).decode()
    except ValueError:
        return None
    arn, _, shard = text.partition(" ")
    return (arn, shard) if arn and _SHARD.fullmatch(shard) else None


def iterator_stream(iterator: Any) -> str | None:
    """The stream's name in an emulated shard iterator; None for text of any other form."""
    try:
        # As the inner app reads it: without regard to characters that are not of the alphabet.
        text = base64.decodebytes(str(iterator or "").encode()).decode()
    except ValueError:
        return None
    parts = text.split(":")
    return parts[0] if len(parts) == _PARTS and all(parts) else None
