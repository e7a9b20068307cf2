"""The binary event stream of AWS, as tests write and cut it.

https://docs.aws.amazon.com/AmazonS3/latest/API/RESTSelectObjectAppendix.html
"""

from __future__ import annotations

import binascii
import json
import struct
from collections.abc import Iterator
from typing import Any


def frame(kind: str, payload: dict[str, Any]) -> bytes:
    """Encode one event; a kind that ends in Exception is an exception event."""
    thrown = kind.endswith("Exception")
    headers = b"".join(
        struct.pack("!B", len(name))
        + name.encode()
        + struct.pack("!BH", 7, len(value))
        + value.encode()
        for name, value in (
            (":message-type", "exception" if thrown else "event"),
            (":exception-type" if thrown else ":event-type", kind),
            (":content-type", "application/json"),
        )
    )
    body = json.dumps(payload).encode()
    prelude = struct.pack("!II", 16 + len(headers) + len(body), len(headers))
    message = prelude + struct.pack("!I", binascii.crc32(prelude)) + headers + body
    return message + struct.pack("!I", binascii.crc32(message))


def split(stream: bytes) -> Iterator[bytes]:
    """The frames of a stream."""
    while stream:
        (size,) = struct.unpack("!I", stream[:4])
        yield stream[:size]
        stream = stream[size:]
