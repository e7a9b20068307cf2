"""The Responses API of bedrock-runtime, and the answers that it stores.

A request stores question and answer for 30 days unless it says otherwise. Stored answers belong to
the account's default project, not to who asked: every role with `bedrock:GetInvoke` on the project
reads them, and every role that may invoke there can go on with the conversation.

Tools and stored prompts are not played.
https://docs.aws.amazon.com/bedrock/latest/userguide/bedrock-mantle.html (Responses API)
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from harness.cloud.bedrock import converse, tokens
from harness.cloud.bedrock.errors import invalid, not_found
from harness.cloud.bedrock.input_items import page
from harness.cloud.bedrock.invocation_log import Exchange
from harness.cloud.bedrock.ledger import Ledger, values_of
from harness.cloud.bedrock.models import parse_profile_arn
from harness.cloud.bedrock.profiles import Place
from harness.cloud.bedrock.projects import project_arn
from harness.cloud.bedrock.quotas import Quotas, spent
from harness.cloud.bedrock.resolve import Target
from harness.cloud.bedrock.retention import DataRetention
from harness.cloud.bedrock.shapes import validate
from harness.cloud.call import ApiError, Call

KEPT: Final = timedelta(days=30)
_NOT_PLAYED: Final = ("tools", "text", "reasoning", "prompt", "conversation", "service_tier")
_ROLES: Final = ("user", "assistant")
_TEXTS: Final = ("input_text", "output_text", "text")
_METADATA_ENTRIES: Final = 16
_INSTRUCTIONS: Final = ("system", "developer")

Members = dict[str, Any]
Messages = tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class _Stored:
    account: str
    regions: frozenset[str]
    """Where it was asked, which leads there, and where it was answered and lies."""
    at: datetime
    messages: Messages
    """The whole conversation, with the answer."""
    body: Members


class Responses:
    """Answers the Responses API and keeps what it stores. Thread-safe.

    `resolve` gives the target of a model identifier; `served` the Region that a call runs in.
    """

    def __init__(
        self,
        resolve: Callable[[Place, str], Target],
        served: Callable[[Target, str, str], str | None],
        retention: DataRetention,
        ledger: Ledger,
        quotas: Quotas,
        clock: Callable[[], datetime],
    ) -> None:
        self._resolve = resolve
        self._served = served
        self._retention = retention
        self._ledger = ledger
        self._quotas = quotas
        self._clock = clock
        self._lock = threading.Lock()
        self._stored: dict[str, _Stored] = {}
        self.operations: Final[Mapping[str, Callable[[Call], Members]]] = {
            "CreateResponse": self._create,
            "GetResponse": self._get,
            "CancelResponse": self._cancel,
            "DeleteResponse": self._delete,
            "ListResponseInputItems": self._items,
        }

    def _create(self, call: Call) -> Members:
        # In the records and metrics of all calls a model's identifier has the same name.
        told = replace(call, params={"modelId": call.params.get("model") or ""})
        try:
            body, exchange, latency_ms, values = self._answered(call)
        except ApiError as error:
            self._ledger.failed(told, call.params, error)
            raise
        self._ledger.finished(told, exchange, latency_ms, values)
        return body

    def _answered(self, call: Call) -> tuple[Members, Exchange, int, Mapping[str, float]]:
        """The answer, and what is told of it (see `Ledger.finished`). Raises `ApiError`."""
        params = call.params
        _refuse(call)
        target = self._target(call)
        keep = self._keeps(call)
        earlier: Messages = ()
        if params.get("previous_response_id"):
            earlier = self._found(call, params["previous_response_id"]).messages
        asked = _messages(params.get("input"))
        request = _request(params, (*earlier, *asked))
        validate("bedrock-runtime", "Converse", {**request, "modelId": target.model.id})
        reply = self._reply(call, target, request)
        text = str(reply.content[0]["text"])
        before = _last_asked(earlier)
        if before:
            # A model that is given a conversation can be made to repeat it; this one always does.
            text += f" Before that you asked: {before}"
        body = self._body(call, reply, text)
        said = {"role": "assistant", "content": [{"text": text}]}
        region = self._served(target, call.region, call.request_id) or call.region
        if keep:
            regions = frozenset({call.region, region})
            whole = (*earlier, *asked, said)
            kept = _Stored(call.account, regions, self._clock(), whole, body)
            with self._lock:
                self._stored[body["id"]] = kept
        exchange = Exchange(
            request={name: part for name, part in params.items() if name != "model"},
            response=body,
            input_tokens=reply.input_tokens,
            output_tokens=reply.output_tokens,
            inference_region=None if region == call.region else region,
        )
        values = values_of(target.model, reply, streamed=bool(params.get("stream")))
        return body, exchange, reply.latency_ms, values

    def _reply(self, call: Call, target: Target, request: Members) -> converse.Reply:
        """The model's reply, its tokens taken from the quota. Raises `ApiError`."""
        model = target.model
        wanted = request["inferenceConfig"].get("maxTokens") or model.max_output
        place = (call.account, call.region)
        taken = self._quotas.reserve(place, model, tokens.count_input(request) + wanted)
        used = 0
        try:
            reply = converse.reply(model, request)
            used = spent(model, reply)
        finally:
            self._quotas.settle(taken, used)
        return reply

    def _body(self, call: Call, reply: converse.Reply, text: str) -> Members:
        params = call.params
        incomplete = reply.stop_reason == "max_tokens"
        status = "incomplete" if incomplete else "completed"
        message = {
            "id": f"msg_{secrets.token_hex(16)}",
            "type": "message",
            "role": "assistant",
            "status": status,
            "content": [{"type": "output_text", "text": text, "annotations": []}],
        }
        echoed = ("instructions", "previous_response_id")
        return {
            "id": f"resp_{secrets.token_hex(24)}",
            "object": "response",
            "created_at": int(self._clock().timestamp()),
            "status": status,
            "model": params["model"],
            "output": [message],
            "usage": {
                "input_tokens": reply.input_tokens,
                "output_tokens": reply.output_tokens,
                "total_tokens": reply.input_tokens + reply.output_tokens,
            },
            "metadata": dict(params.get("metadata") or {}),
            "store": self._keeps(call),
            **{name: params[name] for name in echoed if params.get(name)},
        }

    def _target(self, call: Call) -> Target:
        identifier = call.params.get("model")
        if not isinstance(identifier, str) or not identifier:
            raise invalid("The model is required.")
        parsed = parse_profile_arn(identifier)
        if parsed is not None and parsed.application:
            raise invalid("Application inference profiles are not supported by the Responses API.")
        target = self._resolve((call.account, call.region), identifier)
        if target.model.provider != "OpenAI":
            raise invalid("The model does not support the Responses API.")
        return target

    def _keeps(self, call: Call) -> bool:
        """Whether to store the answer. Raises `ApiError` where the account forbids it."""
        wanted = call.params.get("store")
        if self._retention.mode((call.account, call.region)) == "none":
            if wanted:
                raise invalid("store=true is not allowed under data retention mode 'none'.")
            return False
        return True if wanted is None else bool(wanted)

    def _get(self, call: Call) -> Members:
        _refuse_project(call)
        return self._found(call, call.params["response_id"]).body

    def _items(self, call: Call) -> Members:
        """What the response was asked, with the conversation before it."""
        _refuse_project(call)
        identifier = call.params["response_id"]
        return page(identifier, self._found(call, identifier).messages[:-1], call.params)

    def _cancel(self, call: Call) -> Members:
        _refuse_project(call)
        self._found(call, call.params["response_id"])
        raise invalid("Only a response that is in progress can be cancelled.")

    def _delete(self, call: Call) -> Members:
        _refuse_project(call)
        identifier = call.params["response_id"]
        self._found(call, identifier)
        with self._lock:
            self._stored.pop(identifier, None)
        return {"id": identifier, "object": "response", "deleted": True}

    def _found(self, call: Call, identifier: str) -> _Stored:
        """A stored answer of the account. Raises `ApiError`, the same for every reason."""
        with self._lock:
            kept = self._stored.get(identifier)
            if kept is not None and self._clock() - kept.at > KEPT:
                del self._stored[identifier]
                kept = None
        if kept is None or kept.account != call.account or call.region not in kept.regions:
            raise not_found("The response was not found.")
        return kept


def _refuse_project(call: Call) -> None:
    if call.params.get("project") not in (None, "", "default", project_arn(call)):
        raise invalid("Only the default project is supported.")


def _refuse(call: Call) -> None:
    """Raises `ApiError` for what AWS refuses and for what is not played."""
    params = call.params
    _refuse_project(call)
    if params.get("background"):
        raise invalid("background=true is not supported.")
    for member in _NOT_PLAYED:
        if params.get(member):
            raise invalid(f"The embedded cloud does not play {member} of a response.")
    metadata = params.get("metadata") or {}
    if not isinstance(metadata, Mapping) or len(metadata) > _METADATA_ENTRIES:
        raise invalid(f"The metadata has at most {_METADATA_ENTRIES} entries.")
    if not all(isinstance(value, str) for value in metadata.values()):
        raise invalid("The values of the metadata are texts.")


def _request(params: Mapping[str, Any], messages: Messages) -> Members:
    """The same in Converse's members."""
    config = {
        "maxTokens": params.get("max_output_tokens"),
        "temperature": params.get("temperature"),
        "topP": params.get("top_p"),
    }
    system = [{"text": params["instructions"]}] if params.get("instructions") else []
    spoken = [message for message in messages if message["role"] in _ROLES]
    system += [block for one in messages if one["role"] == "system" for block in one["content"]]
    request: Members = {
        "messages": _alternating(spoken),
        "inferenceConfig": {name: value for name, value in config.items() if value is not None},
    }
    return {**request, "system": system} if system else request


def _alternating(messages: list[Mapping[str, Any]]) -> list[Members]:
    """Messages of one role in a row become one."""
    merged: list[Members] = []
    for message in messages:
        if merged and merged[-1]["role"] == message["role"]:
            merged[-1]["content"] += list(message["content"])
        else:
            merged.append({"role": message["role"], "content": list(message["content"])})
    return merged


def _messages(given: Any) -> Messages:
    """`input`: a text, or a list of messages. Raises `ApiError` (ValidationException)."""
    if isinstance(given, str) and given:
        return ({"role": "user", "content": [{"text": given}]},)
    if not isinstance(given, list) or not given:
        raise invalid("The input is a text or a list of messages.")
    return tuple(_message(item) for item in given)


def _message(item: Any) -> Members:
    if not isinstance(item, Mapping) or item.get("type") not in (None, "message"):
        raise invalid("The input has an item that is not supported.")
    role = "system" if item.get("role") in _INSTRUCTIONS else item.get("role")
    if role != "system" and role not in _ROLES:
        raise invalid("The role of a message is user, assistant, system or developer.")
    content = item.get("content")
    if isinstance(content, str):
        return {"role": role, "content": [{"text": content}]}
    if not isinstance(content, list):
        raise invalid("The content of a message is a text or a list.")
    blocks = []
    for part in content:
        if not isinstance(part, Mapping) or part.get("type") not in _TEXTS:
            raise invalid("The content of a message is text only.")
        blocks.append({"text": str(part.get("text") or "")})
    return {"role": role, "content": blocks}


def _last_asked(messages: Messages) -> str:
    asked = [message for message in messages if message["role"] == "user"]
    return " ".join(block["text"] for block in asked[-1]["content"]) if asked else ""
