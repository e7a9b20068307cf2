"""The tokenizer of the embedded cloud: simple, documented, the same everywhere.

A token is up to six word characters, or one other character that is not a space, together with the
spaces before it; spaces at the end of the text are one more token. Joining the tokens gives the
text back. So "Hello, Bedrock" has four tokens: "Hello", ",", " Bedroc", "k". Every message and
every tool adds `OVERHEAD`, every image, document, video or sound `ATTACHMENT`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

OVERHEAD: Final = 4
ATTACHMENT: Final = 256
_TOKEN: Final = re.compile(r"\s*(?:\w{1,6}|[^\w\s])|\s+$")
_ATTACHMENTS: Final = frozenset({"image", "document", "video", "audio"})


def tokens(text: str) -> list[str]:
    """The tokens of a text, in order."""
    return _TOKEN.findall(text)


def count(text: str) -> int:
    """How many tokens a text has."""
    return len(tokens(text))


def count_input(params: Mapping[str, Any]) -> int:
    """The input tokens of a Converse request (the operation's own member names)."""
    total = _blocks(params.get("system") or ())
    for message in params.get("messages") or ():
        total += OVERHEAD + _blocks(message.get("content") or ())
    for tool in (params.get("toolConfig") or {}).get("tools") or ():
        if "cachePoint" not in tool:
            total += OVERHEAD + count(compact_json(tool))
    return total


def count_block(block: Mapping[str, Any]) -> int:
    """The tokens of one block of content, or of one tool."""
    if "toolSpec" in block or "systemTool" in block:
        return count(compact_json(block))
    return _blocks((block,))


def compact_json(value: Any) -> str:
    """JSON without spaces and with sorted keys; bytes count by their length, not their content."""
    return json.dumps(
        value,
        separators=(",", ":"),
        sort_keys=True,
        ensure_ascii=False,
        default=lambda item: f"{len(item)} bytes" if isinstance(item, bytes) else str(item),
    )


def _blocks(blocks: Iterable[Mapping[str, Any]]) -> int:
    total = 0
    for block in blocks:
        for kind, content in block.items():
            if kind in _ATTACHMENTS:
                total += ATTACHMENT
            elif kind == "toolResult":
                total += OVERHEAD + _blocks(content.get("content") or ())
            elif kind == "text":
                total += count(content)
            elif kind != "cachePoint":
                total += count(compact_json(content))
    return total
