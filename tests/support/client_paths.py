"""The paths on which langchain-aws reports differently: model classes, and ways to call them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from langchain_core.tools import tool
from support.client_calls import PROMPT
from support.client_lab import CLAUDE, LLAMA, NOVA

from bulkhead import Bulkhead


async def read_all(stream: Any) -> int:
    return len([event async for event in stream])


async def _read_v3(model: Any) -> int:
    return await read_all(await model.astream_events(PROMPT, version="v3"))


WAYS: dict[str, Callable[[Any], object]] = {
    "invoke": lambda model: model.invoke(PROMPT),
    "ainvoke": lambda model: asyncio.run(model.ainvoke(PROMPT)),
    "stream": lambda model: list(model.stream(PROMPT)),
    "astream": lambda model: asyncio.run(read_all(model.astream(PROMPT))),
    "events": lambda model: asyncio.run(read_all(model.astream_events(PROMPT, version="v2"))),
    "events v3": lambda model: list(model.stream_events(PROMPT, version="v3")),
    "async events v3": lambda model: asyncio.run(_read_v3(model)),
}
MAKERS: dict[str, tuple[str, Callable[[Bulkhead], Any]]] = {
    "ChatBedrockConverse": (CLAUDE, lambda app: app.chat(CLAUDE, max_tokens=64)),
    "ChatBedrock": (CLAUDE, lambda app: app.chat(CLAUDE, api="invoke", max_tokens=64)),
    "ChatBedrock that streams": (
        CLAUDE,
        lambda app: app.chat(CLAUDE, api="invoke", max_tokens=64, streaming=True),
    ),
    "ChatBedrock over Converse": (NOVA, lambda app: app.chat(NOVA, api="invoke", max_tokens=64)),
    "ChatBedrock told to use Converse": (
        CLAUDE,
        lambda app: app.chat(CLAUDE, api="invoke", max_tokens=64, beta_use_converse_api=True),
    ),
    "BedrockLLM": (LLAMA, lambda app: app.llm(LLAMA, max_tokens=64)),
    "BedrockLLM that streams": (LLAMA, lambda app: app.llm(LLAMA, streaming=True)),
}
PATHS = [
    (kind, way)
    for kind in MAKERS
    for way in WAYS
    # BedrockLLM refuses to be awaited unless it streams, and LangChain's events leave it early.
    if (kind, way) != ("BedrockLLM", "ainvoke") and not ("LLM" in kind and "events" in way)
]


def ending(kind: str, way: str) -> str:
    """How the path of the request ends."""
    streams = way in ("stream", "astream")
    if "Converse" in kind:
        return "/converse-stream" if streams else "/converse"
    return "/invoke-with-response-stream" if streams else "/invoke"


@tool
def look_up(city: str) -> str:
    """Look up canary-77e1."""
    return city
