"""Kinesis: reads whose stream the shard iterator names."""

from __future__ import annotations

import base64
from typing import Any

from harness.cloud.call import Call, Need, Unmapped, World
from harness.cloud.catalogue.arns import checked_arn, form, owner_of
from harness.cloud.catalogue.spec import values

_PARTS = 3
_STREAM = form(r"stream/[A-Za-z0-9_.-]+")


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


def iterator_stream(iterator: Any) -> str | None:
    """The stream's name in an emulated shard iterator; None for text of any other form."""
    try:
        # As the inner app reads it: without regard to characters that are not of the alphabet.
        text = base64.decodebytes(str(iterator or "").encode()).decode()
    except ValueError:
        return None
    parts = text.split(":")
    return parts[0] if len(parts) == _PARTS and all(parts) else None
