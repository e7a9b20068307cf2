"""Images, documents, videos and sounds in what is logged of a call.

Converse has their bytes. The bodies of InvokeModel have base64 among the texts: Nova's in the same
members, Anthropic's in blocks with a `type`, Cohere's as data URIs. That the flags of the log hold
for those as well is what they are documented to do; no page says so of InvokeModel by itself.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_LoggingConfig.html
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any, Final

_FLAGS: Final = {
    "image": "imageDataDeliveryEnabled",
    "images": "imageDataDeliveryEnabled",
    "document": "imageDataDeliveryEnabled",  # says the page on invocation logging
    "video": "videoDataDeliveryEnabled",
    "audio": "audioDataDeliveryEnabled",
}
_DATA_URI: Final = "data:image/"
Members = dict[str, Any]


class _Encoded(str):
    """A medium in base64."""

    __slots__ = ()


def wanted(body: Any, kept: Mapping[str, Any], kind: str = "") -> Any:
    """A body of InvokeModel without the media that are not to be delivered."""
    if isinstance(body, Mapping):
        made: Members = {}
        for key, part in body.items():
            inner = _kind(key, body) or kind
            if inner and isinstance(part, str) and _encodes(key, body):
                if kept[_FLAGS[inner]]:
                    made[key] = _Encoded(part)
            else:
                made[key] = wanted(part, kept, inner)
        return made
    if isinstance(body, list | tuple):
        return [_item(part, kept, kind) for part in body if not _dropped(part, kept, kind)]
    return body


def _item(part: Any, kept: Mapping[str, Any], kind: str) -> Any:
    return _Encoded(part) if _is_data_uri(part, kind) else wanted(part, kept, kind)


def _dropped(part: Any, kept: Mapping[str, Any], kind: str) -> bool:
    return _is_data_uri(part, kind) and not kept[_FLAGS[kind]]


def _is_data_uri(part: Any, kind: str) -> bool:
    return kind == "images" and isinstance(part, str) and part.startswith(_DATA_URI)


def _kind(key: str, block: Mapping[str, Any]) -> str:
    """What a member holds: its own name says it, or the type of the block that it stands in."""
    if key in _FLAGS:
        return key
    kind = block.get("type")
    return kind if key == "source" and isinstance(kind, str) and kind in _FLAGS else ""


def _encodes(key: str, source: Mapping[str, Any]) -> bool:
    return key == "bytes" or (key == "data" and source.get("type") == "base64")


def has_bytes(value: Any, kept: Mapping[str, Any]) -> bool:
    """Whether a body holds bytes of media that are to be delivered."""
    if isinstance(value, Mapping):
        return any(
            (key in _FLAGS and bool(kept[_FLAGS[key]]) and _holds(part, bytes))
            or has_bytes(part, kept)
            for key, part in value.items()
        )
    return isinstance(value, list | tuple) and any(has_bytes(part, kept) for part in value)


def media(value: Any, kept: Mapping[str, Any]) -> Iterator[Members]:
    """The media of a body that are to be delivered, each alone."""
    if isinstance(value, Mapping):
        for key, part in value.items():
            kind = _kind(key, value)
            if not kind:
                yield from media(part, kept)
            elif kept[_FLAGS[kind]] and _holds(part, bytes, _Encoded):
                yield {kind: delivered(part, kept)}
    elif isinstance(value, list | tuple):
        for part in value:
            yield from media(part, kept)


def _holds(value: Any, *kinds: type) -> bool:
    if isinstance(value, Mapping):
        return any(_holds(part, *kinds) for part in value.values())
    if isinstance(value, list | tuple):
        return any(_holds(part, *kinds) for part in value)
    return isinstance(value, kinds)


def delivered(value: Any, kept: Mapping[str, Any], deliver: bool = True) -> Any:
    """A body with the bytes of wanted media as base64, and without all others."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Mapping):
        return {
            key: delivered(part, kept, deliver and bool(kept.get(_FLAGS.get(key, ""), True)))
            for key, part in value.items()
            if deliver or not isinstance(part, bytes)
        }
    if isinstance(value, list | tuple):
        return [delivered(part, kept, deliver) for part in value]
    return value


def without_bytes(value: Any) -> Any:
    """A body without the bytes of images and documents, which go to S3 only."""
    if isinstance(value, Mapping):
        return {
            key: without_bytes(part) for key, part in value.items() if not isinstance(part, bytes)
        }
    if isinstance(value, list | tuple):
        return [without_bytes(part) for part in value]
    return value
