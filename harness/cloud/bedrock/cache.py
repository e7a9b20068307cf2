"""Prompt caching: prefixes of prompts, kept per account, Region and model.

"Your cache is specific to your account": all customers of one operations account share it, and
each can see from its usage that somebody has sent the same prefix before. IAM cannot prevent it.

https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from harness.cloud.bedrock import tokens, writer
from harness.cloud.bedrock.errors import invalid
from harness.cloud.bedrock.models import FoundationModel
from harness.cloud.bedrock.profiles import Place

MINIMUM: Final = 1024
"""Tokens that a prefix must have to be cached."""
POINTS: Final = 4
"""Cache points that a request may have."""
_LIVES: Final = {"5m": timedelta(minutes=5), "1h": timedelta(hours=1)}


@dataclass(frozen=True, slots=True)
class Use:
    """What a request took from the cache and put into it, in tokens.

    `lives` divides what was written by how long it is kept: `5m`, `1h`.
    """

    read: int = 0
    written: int = 0
    lives: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class _Prefix:
    digest: bytes
    tokens: int
    lives: str


class PromptCache:
    """The caches of all accounts. Thread-safe."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[tuple[Place, str], dict[bytes, datetime]] = {}

    def use(self, place: Place, model: FoundationModel, params: Mapping[str, Any]) -> Use:
        """Read the longest prefix that is there, and keep the longer ones.

        Raises `ApiError` (ValidationException) for too many points or an unknown `ttl`.
        """
        prefixes = [p for p in _prefixes(params) if p.tokens >= MINIMUM]
        if not prefixes:
            return Use()
        with self._lock:
            now = self._clock()
            kept = self._kept.setdefault((place, model.id), {})
            for digest in [d for d, until in kept.items() if until <= now]:
                del kept[digest]
            read = max((p.tokens for p in prefixes if p.digest in kept), default=0)
            longest = max(p.tokens for p in prefixes)
            for prefix in prefixes:
                # Using a prefix makes it live longer.
                kept[prefix.digest] = now + _LIVES[prefix.lives]
        return Use(read, longest - read, _by_life(prefixes, read))


def _by_life(prefixes: list[_Prefix], read: int) -> tuple[tuple[str, int], ...]:
    """What lies between two cache points is kept as long as the latter says."""
    written: dict[str, int] = {}
    before = read
    for prefix in sorted(prefixes, key=lambda each: each.tokens):
        if prefix.tokens > before:
            written[prefix.lives] = written.get(prefix.lives, 0) + prefix.tokens - before
            before = prefix.tokens
    return tuple(written.items())


def _prefixes(params: Mapping[str, Any]) -> Iterator[_Prefix]:
    """The prompt up to each cache point: tools first, then system, then messages."""
    so_far, digest, points = 0, b"", 0
    for part, block, overhead in _in_order(params):
        if "cachePoint" in block:
            points += 1
            if points > POINTS:
                raise invalid(f"A maximum of {POINTS} cache points may be provided.")
            lives = block["cachePoint"].get("ttl", "5m")
            if lives not in _LIVES:
                raise invalid("The ttl of a cachePoint must be 5m or 1h.")
            yield _Prefix(digest, so_far, lives)
        else:
            digest = writer.digest(digest.hex(), part, block)
            so_far += overhead + tokens.count_block(block)


def _in_order(params: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any], int]]:
    """Blocks with the part that they stand in and the tokens that come on top."""
    for tool in (params.get("toolConfig") or {}).get("tools") or ():
        yield "tool", tool, tokens.OVERHEAD
    for block in params.get("system") or ():
        yield "system", block, 0
    for message in params.get("messages") or ():
        for index, block in enumerate(message.get("content") or ()):
            yield str(message.get("role")), block, 0 if index else tokens.OVERHEAD
