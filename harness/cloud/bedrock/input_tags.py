"""Guardrails of InvokeModel that look at tagged parts of the prompt only, and how they stream.

The body's member `amazon-bedrock-guardrailConfig` has a suffix of the caller's making: what stands
between the tags that end in it is guarded, the rest is not. Without such tags all is guarded.
https://docs.aws.amazon.com/bedrock/latest/userguide/guardrails-tagging.html
https://docs.aws.amazon.com/bedrock/latest/userguide/guardrails-streaming.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from harness.cloud.bedrock.bodies.dialect import known, malformed, member, text
from harness.cloud.bedrock.errors import invalid

MEMBER: Final = "amazon-bedrock-guardrailConfig"
_KNOWN: Final = frozenset({"tagSuffix", "streamProcessingMode"})
_SUFFIX: Final = re.compile(r"[A-Za-z0-9]{1,20}")
_MODES: Final = {"SYNCHRONOUS": "sync", "ASYNCHRONOUS": "async"}
_TAG: Final = "amazon-bedrock-guardrails-guardContent_"
Members = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Tagging:
    """What a body says of its guardrail; all empty where it says nothing."""

    suffix: str = ""
    stream_mode: str = ""
    """As Converse names it: sync, async."""


def take(request: Mapping[str, Any], *, guarded: bool) -> tuple[Members, Tagging]:
    """The body for the model, and what it said of the guardrail.

    Raises `ApiError` (ValidationException) for a malformed member, and for one in a call that
    names no guardrail (`guarded`), as AWS does:
    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html
    """
    body = {name: value for name, value in request.items() if name != MEMBER}
    if MEMBER not in request:
        return body, Tagging()
    if not guarded:
        raise invalid(f"{MEMBER} needs a guardrailIdentifier.")
    config = member(request[MEMBER], MEMBER)
    known(config, _KNOWN)
    suffix, mode = "", ""
    if "tagSuffix" in config:
        suffix = text(config["tagSuffix"], f"{MEMBER}/tagSuffix")
        if not _SUFFIX.fullmatch(suffix):
            raise malformed(f"#/{MEMBER}/tagSuffix: 1 to 20 letters and digits are allowed")
    if "streamProcessingMode" in config:
        named = text(config["streamProcessingMode"], f"{MEMBER}/streamProcessingMode")
        if named not in _MODES:
            raise malformed(f"#/{MEMBER}/streamProcessingMode: {' or '.join(_MODES)}")
        mode = _MODES[named]
    return body, Tagging(suffix, mode)


def marked(params: Mapping[str, Any], tagging: Tagging) -> Members:
    """Converse's members, with each tagged part of a text as `guardContent`."""
    if not tagging.suffix:
        return dict(params)
    name = re.escape(_TAG + tagging.suffix)
    tag = re.compile(rf"<{name}>(.*?)</{name}>", re.DOTALL)
    made = dict(params)
    if "system" in params:
        made["system"] = _split(params["system"], tag)
    made["messages"] = [
        {**message, "content": _split(message.get("content") or (), tag)}
        for message in params.get("messages") or ()
    ]
    return made


def _split(blocks: Any, tag: re.Pattern[str]) -> list[Any]:
    return [part for block in blocks for part in _parts(block, tag)]


def _parts(block: Any, tag: re.Pattern[str]) -> Iterator[Any]:
    if not isinstance(block, Mapping) or "text" not in block or not tag.search(str(block["text"])):
        yield block
        return
    for index, part in enumerate(tag.split(str(block["text"]))):
        if not part.strip():
            continue  # Converse takes no blank texts
        yield {"guardContent": {"text": {"text": part}}} if index % 2 else {"text": part}
