"""Listens to the AWS clients of this thread: what was asked, and what came back.

Parameters are reported only where they name something: prompts, records, keys and policies never
leave the request.
"""

from __future__ import annotations

import functools
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from harness.targets.changes import changes

HIDDEN = "[not shown]"
# Members whose values are content or secrets, whatever they look like.
_SECRET = frozenset(
    {
        "accesskeyid",
        "body",
        "ciphertextblob",
        "content",
        "credentials",
        "data",
        "detail",
        "document",
        "externalid",
        "formdata",
        "input",
        "inputtext",
        "instruction",
        "logevents",
        "message",
        "messages",
        "modelinput",
        "payload",
        "plaintext",
        "policy",
        "policydocument",
        "prompt",
        "querystring",
        "secretstring",
        "sessiontoken",
        "system",
        "text",
        "tracesegmentdocuments",
        "value",
    }
)
_NAME = re.compile(r"[\w:/.@*+=,\[\]{}$-]{0,512}")
_DEPTH = 4


@dataclass(slots=True)
class Exchange:
    """One request and its answer, as far as they may be shown."""

    service: str
    operation: str
    region: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    status: int = 0
    """The HTTP status; 0 where no answer came."""
    code: str = ""
    request_id: str = ""
    explain: Callable[[str], Mapping[str, Any] | None] | None = field(default=None, repr=False)
    """Tells what was decided for a request id, where whoever answered can (`Target.explain`)."""


_listening = threading.local()
_noting: list[set[str]] = []
"""Whoever wants to know what may change, innermost last. Of all threads: what a test starts counts
as its own."""


@contextmanager
def noting() -> Iterator[set[str]]:
    """Within, the set fills with what was done that may change something, in any thread."""
    noted: set[str] = set()
    _noting.append(noted)
    try:
        yield noted
    finally:
        _noting.pop()


def note_change(what: str) -> None:
    """Note something that may change, or was changed earlier for whoever uses it now."""
    for noted in _noting:
        noted.add(what)


@contextmanager
def listening() -> Iterator[list[Exchange]]:
    """Within, the exchanges of this thread's clients are put into the list, in order."""
    before: list[Exchange] | None = getattr(_listening, "to", None)
    heard: list[Exchange] = []
    _listening.to = heard
    try:
        yield heard
    finally:
        _listening.to = before


def attach(client: Any, explain: Callable[[str], Mapping[str, Any] | None] | None = None) -> None:
    """Have a boto3 client heard. `explain` belongs to what answers it."""
    events = client.meta.events
    events.register("provide-client-params", functools.partial(_asked, explain=explain))
    events.register("after-call", _answered)


def shown(value: Any, depth: int = _DEPTH) -> Any:
    """A parameter as it may be shown: names, numbers and their structure."""
    if isinstance(value, Mapping):
        if depth == 0:
            return HIDDEN
        return {
            str(key): HIDDEN if str(key).lower() in _SECRET else shown(item, depth - 1)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [shown(item, depth - 1) for item in value] if depth else HIDDEN
    if value is None or isinstance(value, bool | int | float):
        return value
    return value if isinstance(value, str) and _NAME.fullmatch(value) else HIDDEN


def _asked(
    params: Mapping[str, Any],
    model: Any,
    explain: Callable[[str], Mapping[str, Any] | None] | None,
    **_: Any,
) -> None:
    service = model.service_model.service_name
    if changes(service, model.name):
        note_change(f"{service} {model.name}")
    heard: list[Exchange] | None = getattr(_listening, "to", None)
    if heard is not None:
        heard.append(Exchange(service, model.name, "", parameters=shown(params), explain=explain))


def _answered(http_response: Any, parsed: Mapping[str, Any], context: Any, **_: Any) -> None:
    heard: list[Exchange] | None = getattr(_listening, "to", None)
    if not heard:
        return
    exchange = heard[-1]
    exchange.region = str(context.get("client_region") or "")
    exchange.status = int(http_response.status_code)
    exchange.code = str(parsed.get("Error", {}).get("Code", ""))
    exchange.request_id = str(http_response.headers.get("x-amzn-RequestId", ""))
