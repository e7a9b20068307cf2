"""What the models say: text and tool input made from the request alone, the same every time.

An answer repeats the beginning of what was asked, so that content that travels with answers is
found as surely as content that travels with prompts, and goes on with words picked by a digest of
the model and the whole conversation.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from harness.cloud.bedrock.tokens import compact_json

_QUOTED_WORDS: Final = 24
_WORDS: Final = re.findall(
    r"\w+",
    """
    account answer boundary bridge careful central change clear common copy data decision detail
    different each early evidence exact figure first follow gate good group harbor keep kind large
    later letter level line list local long many measure middle name narrow nearby note number open
    order other own part pattern plain policy port quiet reason record region role round safe second
    section ship short signal simple small stable station step store strong table test thing tide
    trust under useful value wall watch water wide window work yard
    """,
)


def digest(*parts: Any) -> bytes:
    """A digest of JSON-like values; equal values give equal digests, others do not."""
    return hashlib.sha256(compact_json(_hashed(parts)).encode()).digest()


def _hashed(value: Any) -> Any:
    """With bytes by what they are, where JSON has their length: two images are not one."""
    if isinstance(value, bytes):
        return hashlib.sha256(value).hexdigest()
    if isinstance(value, Mapping):
        return {key: _hashed(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_hashed(part) for part in value]
    return value


def write_text(seed: bytes, messages: Sequence[Mapping[str, Any]]) -> str:
    """The text that answers a conversation."""
    picker = _picker(seed)
    asked = _last_words(messages)
    opening = f"You asked: {asked}" if asked else "You sent no text"
    sentences = [opening + ("" if opening[-1] in ".?!" else ".")]
    for _ in range(2 + next(picker) % 3):
        words = [_WORDS[next(picker) % len(_WORDS)] for _ in range(5 + next(picker) % 8)]
        sentences.append(" ".join(words).capitalize() + ".")
    return " ".join(sentences)


def write_instance(seed: bytes, schema: Mapping[str, Any]) -> Any:
    """A value that a JSON schema describes: all properties, the first of each choice.

    Reads `type`, `properties`, `items`, `enum`, `const`, `default`, `anyOf`, `oneOf`, `allOf`,
    `minItems`, `minimum` and local `$ref`; other keywords are not looked at.
    """
    return _instance(_picker(seed), schema, schema, 0)


def _picker(seed: bytes) -> Iterator[int]:
    block = seed
    while True:
        block = hashlib.sha256(block).digest()
        for index in range(0, len(block), 2):
            yield int.from_bytes(block[index : index + 2], "big")


def _last_words(messages: Sequence[Mapping[str, Any]]) -> str:
    for message in reversed(messages):
        if message.get("role") != "user":
            continue
        words = " ".join(_texts(message.get("content") or ())).split()
        return " ".join(words[:_QUOTED_WORDS]) + (" ..." if len(words) > _QUOTED_WORDS else "")
    return ""


def _texts(blocks: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for block in blocks:
        if "text" in block:
            yield str(block["text"])
        elif "json" in block:
            yield json.dumps(block["json"])
        elif "guardContent" in block:
            yield str((block["guardContent"].get("text") or {}).get("text", ""))
        elif "document" in block:
            yield _readable((block["document"].get("source") or {}).get("bytes"))
        elif "toolResult" in block:
            yield from _texts(block["toolResult"].get("content") or ())


def _readable(content: Any) -> str:
    """A document's text; empty for one that is not plain text."""
    try:
        return content.decode() if isinstance(content, bytes) else ""
    except UnicodeDecodeError:
        return ""


_DEEPEST: Final = 8


def _instance(
    picker: Iterator[int], schema: Mapping[str, Any], root: Mapping[str, Any], depth: int
) -> Any:
    if depth > _DEEPEST:
        return None
    schema = _resolved(schema, root)
    for key in ("const", "default"):
        if key in schema:
            return schema[key]
    if schema.get("enum"):
        return schema["enum"][next(picker) % len(schema["enum"])]
    for key in ("anyOf", "oneOf", "allOf"):
        if schema.get(key):
            return _instance(picker, schema[key][0], root, depth + 1)
    kind = schema.get("type", "object" if "properties" in schema else "string")
    if isinstance(kind, list):
        kind = kind[0]
    if kind == "object":
        properties: Mapping[str, Any] = schema.get("properties") or {}
        return {name: _instance(picker, part, root, depth + 1) for name, part in properties.items()}
    if kind == "array":
        items: Mapping[str, Any] = schema.get("items") or {"type": "string"}
        length = max(1, int(schema.get("minItems", 1)))
        return [_instance(picker, items, root, depth + 1) for _ in range(length)]
    return _scalar(picker, kind, schema)


def _scalar(picker: Iterator[int], kind: str, schema: Mapping[str, Any]) -> Any:
    if kind == "boolean":
        return next(picker) % 2 == 0
    if kind in ("integer", "number"):
        low = schema.get("minimum", 1)
        return min(low + next(picker) % 10, schema.get("maximum", low + 9))
    if kind == "null":
        return None
    return " ".join(_WORDS[next(picker) % len(_WORDS)] for _ in range(2))


def _resolved(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = schema.get("$ref")
    if not isinstance(reference, str) or not reference.startswith("#/"):
        return schema
    found: Any = root
    for part in reference[2:].split("/"):
        found = found.get(part, {}) if isinstance(found, Mapping) else {}
    return found if isinstance(found, Mapping) else {}
