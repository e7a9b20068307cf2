"""The fields of a log event: those that CloudWatch Logs adds, and those found in JSON.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_AnalyzeLogData-discoverable-fields.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

_MOST = 200


def fields_of(stored: Any, message: str, stream: str, group: Any) -> Mapping[str, Any]:
    """Names and values of an event as moto keeps it; `message` is its text, masked or not."""
    return {
        **dict(discovered(message)),
        "@timestamp": stored.timestamp,
        "@ingestionTime": stored.ingestion_time,
        "@message": message,
        "@logStream": stream,
        "@log": group.name,
    }


def discovered(message: str) -> Iterator[tuple[str, Any]]:
    """Paths and values of the leaves of a JSON object, the first 200; none of another text."""
    try:
        document = json.loads(message)
    except (ValueError, RecursionError):
        return
    if isinstance(document, dict):
        for count, leaf in enumerate(_leaves("", document)):
            if count == _MOST:
                return
            yield leaf


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _leaves(f"{path}.{name}" if path else str(name), part)
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _leaves(f"{path}.{index}", part)
    else:
        yield path, value
