"""Lists in pages: the items after a token, and the token of the next page."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar

from harness.cloud.bedrock.errors import invalid, unfit

_PAGE: Final = 1000
Item = TypeVar("Item")


def page(
    params: Mapping[str, Any], items: Sequence[tuple[str, Item]], *, descending: bool = False
) -> tuple[list[Item], str | None]:
    """A page of `items`, which are (sort key, item), and `nextToken` when there are more.

    `params` may have `maxResults` and `nextToken`. Raises `ApiError` (ValidationException).
    """
    size = params.get("maxResults") or _PAGE
    if not 1 <= size <= _PAGE:
        raise unfit(size, "maxResults", f"Member must have value between 1 and {_PAGE}")
    after = _read(params.get("nextToken"))
    ordered = sorted(items, key=lambda item: item[0], reverse=descending)
    if after is not None:
        ordered = [item for item in ordered if (item[0] < after if descending else item[0] > after)]
    token = _write(ordered[size - 1][0]) if len(ordered) > size else None
    return [item for _, item in ordered[:size]], token


def _write(last: str) -> str:
    return base64.urlsafe_b64encode(last.encode()).decode()


def _read(token: str | None) -> str | None:
    if token is None:
        return None
    try:
        return base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise invalid("The nextToken is invalid.") from None
