"""JSON text of a record, on one line and in ASCII, as quick as the standard library can.

`json.dumps` builds an encoder for every call, which takes longer than encoding a record.
"""

from __future__ import annotations

import json
import json.encoder
from collections.abc import Callable
from typing import Any

_plain = json.JSONEncoder(separators=(",", ":"))
_SAMPLE = {"a": [1, 2.5, True, None, "é\n\u2028", {"b": float("inf")}], "c": {}}


def _quick() -> Callable[[Any], str] | None:
    """The library's own encoder, made once; None where it is not as it was."""
    make: Any = getattr(json.encoder, "c_make_encoder", None)
    try:
        # Without markers: a circular record raises RecursionError instead of ValueError.
        chunks = make(
            None, _plain.default, json.encoder.encode_basestring_ascii, None, ":", ",",
            False, False, True,
        )  # fmt: skip

        def encode(value: Any) -> str:
            return "".join(chunks(value, 0))

        return encode if encode(_SAMPLE) == _plain.encode(_SAMPLE) else None
    except (TypeError, ValueError):
        return None


encode: Callable[[Any], str] = _quick() or _plain.encode
"""Raises TypeError, ValueError or RecursionError for what is not JSON."""
