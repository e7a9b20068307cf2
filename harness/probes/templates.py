"""Fills the templates of the requests that are kept as data."""

from __future__ import annotations

from collections.abc import Callable


def fill_in(value: object, fill: Callable[[str], str]) -> dict[str, object]:
    """A request with its templates filled, however deep they lie."""

    def walk(part: object) -> object:
        if isinstance(part, str):
            return fill(part)
        if isinstance(part, list):
            return [walk(item) for item in part]
        if isinstance(part, dict):
            return {key: walk(item) for key, item in part.items()}
        return part

    filled = walk(value)
    assert isinstance(filled, dict)
    return filled
