"""What a stored response was asked, a page at a time.

https://platform.openai.com/docs/api-reference/responses/input-items
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from harness.cloud.bedrock.errors import invalid

_SIZE: Final = 20
_MOST: Final = 100


def page(
    response_id: str, messages: Sequence[Mapping[str, Any]], params: Mapping[str, Any]
) -> dict[str, Any]:
    """The members of the listing of `messages`, the newest first unless `order` says otherwise.

    Raises `ApiError` (ValidationException) for a bad limit, order or item to go on after.
    """
    asked, order = params.get("limit"), params.get("order") or "desc"
    size = _SIZE if asked is None else int(asked)
    if not 1 <= size <= _MOST or order not in ("asc", "desc"):
        raise invalid("The limit is 1 to 100, the order is asc or desc.")
    items = [_item(response_id, number, each) for number, each in enumerate(messages)]
    if order == "desc":
        items.reverse()
    ids = [item["id"] for item in items]
    after = params.get("after")
    if after and after not in ids:
        raise invalid("There is no such item to go on after.")
    start = ids.index(after) + 1 if after else 0
    found = items[start : start + size]
    return {
        "object": "list",
        "data": found,
        "has_more": start + size < len(items),
        **({"first_id": found[0]["id"], "last_id": found[-1]["id"]} if found else {}),
    }


def _item(response_id: str, number: int, message: Mapping[str, Any]) -> dict[str, Any]:
    kind = "output_text" if message["role"] == "assistant" else "input_text"
    return {
        "id": f"msg_{response_id.removeprefix('resp_')}{number:04d}",
        "type": "message",
        "role": message["role"],
        "status": "completed",
        "content": [{"type": kind, "text": block["text"]} for block in message["content"]],
    }
