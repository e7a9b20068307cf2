"""The Responses API as a stream: the events that one finished answer becomes.

https://docs.aws.amazon.com/bedrock/latest/userguide/bedrock-mantle.html (Responses API)
https://platform.openai.com/docs/api-reference/responses-streaming
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.cloud.bedrock import tokens

_TOKENS_PER_EVENT = 3
Members = dict[str, Any]


def events(body: Mapping[str, Any]) -> Iterator[Members]:
    """The events of an answer with one message of one text, numbered from 0."""
    for number, event in enumerate(_events(body)):
        yield {**event, "sequence_number": number}


def _events(body: Mapping[str, Any]) -> Iterator[Members]:
    (message,) = body["output"]
    (part,) = message["content"]
    begun = {**body, "status": "in_progress", "output": [], "usage": None}
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    place = {"output_index": 0}
    started = {**message, "status": "in_progress", "content": []}
    yield {"type": "response.output_item.added", **place, "item": started}
    within = {**place, "item_id": message["id"], "content_index": 0}
    yield {"type": "response.content_part.added", **within, "part": {**part, "text": ""}}
    pieces = tokens.tokens(part["text"])
    for start in range(0, len(pieces), _TOKENS_PER_EVENT):
        delta = "".join(pieces[start : start + _TOKENS_PER_EVENT])
        yield {"type": "response.output_text.delta", **within, "delta": delta}
    yield {"type": "response.output_text.done", **within, "text": part["text"]}
    yield {"type": "response.content_part.done", **within, "part": part}
    yield {"type": "response.output_item.done", **place, "item": message}
    yield {"type": f"response.{body['status']}", "response": dict(body)}
