"""What a provider's bodies can do, and how they are read: strictly, and without repeating them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from harness.cloud.bedrock.converse import Reply
from harness.cloud.bedrock.errors import invalid
from harness.cloud.bedrock.models import FoundationModel
from harness.cloud.call import ApiError

Members = dict[str, Any]


class Dialect(Protocol):
    """One provider's bodies."""

    def read(self, body: Mapping[str, Any]) -> Members:
        """Converse's members of a request body. Raises `ApiError` (ValidationException)."""

    def write(self, model: FoundationModel, reply: Reply) -> Members:
        """The answer's body."""

    def chunks(self, model: FoundationModel, reply: Reply) -> Iterator[Members]:
        """The answer's chunks, when it is streamed."""


def malformed(what: str) -> ApiError:
    """AWS's error for a body that a model does not take; `what` holds nothing of the body."""
    return invalid(f"Malformed input request: {what}, please reformat your input and try again.")


def known(body: Mapping[str, Any], names: frozenset[str]) -> None:
    """Raises `ApiError` for members that the model does not have."""
    if set(body) - names:
        raise malformed("#: extraneous key is not permitted")


def text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise malformed(f"#/{where}: expected type: String")
    return value


def items(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise malformed(f"#/{where}: expected type: JSONArray")
    return value


def objects(value: Any, where: str) -> list[Mapping[str, Any]]:
    found = items(value, where)
    if not all(isinstance(one, Mapping) for one in found):
        raise malformed(f"#/{where}: expected type: JSONObject")
    return found


def member(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise malformed(f"#/{where}: expected type: JSONObject")
    return value


def number(value: Any, where: str, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise malformed(f"#/{where}: expected type: Number")
    if not low <= value <= high:
        raise malformed(f"#/{where}: {low} to {high} are allowed")
    return value


def whole(value: Any, where: str, low: int, high: int) -> int:
    found = number(value, where, low, high)
    if not isinstance(found, int):
        raise malformed(f"#/{where}: expected type: Integer")
    return found


def decoded(value: Any, where: str) -> bytes:
    """Bytes from their base64 form."""
    try:
        return base64.b64decode(text(value, where), validate=True)
    except (binascii.Error, ValueError):
        raise malformed(f"#/{where}: not base64") from None
