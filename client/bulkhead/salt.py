"""Keeps a customer's cached prompts apart: prompt caches belong to the account, which all share.

"Your cache is specific to your account": from the usage of a call, whoever shares the account sees
whether somebody sent the same prefix before. IAM cannot prevent that. So a line that only this
customer can know stands before the first cache point, and no prefix is anybody else's.

https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bulkhead.config import BulkheadConfig
from bulkhead.errors import SaltError

_MARKS = frozenset({"cachePoint", "cache_control"})
_CONVERSE = frozenset({"Converse", "ConverseStream"})
_INVOKE = frozenset({"InvokeModel", "InvokeModelWithResponseStream"})
# A tool of the model's maker (computer use, web search) has a fixed description.
_OWN_TOOL = (None, "custom")
_ESCAPED = re.compile(r"\\u00[4-7]")  # a letter or an underscore

Part = Mapping[str, Any]


def salt_of(config: BulkheadConfig) -> str:
    """The customer's line. It tells nothing of the external id that makes it unguessable."""
    key = config.external_id.reveal().encode()
    message = f"bulkhead prompt cache\n{config.customer}".encode()
    return f"[cache partition {hmac.new(key, message, hashlib.sha256).hexdigest()[:32]}]"


class Salt:
    """Salts the requests of one customer.

    line    what stands before the first cache point
    always  salt also prompts without a cache point
    """

    def __init__(self, line: str, *, always: bool = False) -> None:
        self._line = line
        self._always = always

    def before_parameter_build(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        """A botocore `before-parameter-build` hook for Converse and InvokeModel.

        Raises SaltError for a prompt that is to be cached and cannot be salted.
        """
        if model.name in _CONVERSE:
            params.update(self.converse(params))
        elif model.name in _INVOKE and "body" in params:
            body = params["body"]
            if hasattr(body, "read"):
                body = body.read()
                params["body"] = body
            params["body"] = self.invoke(body)

    def converse(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """The members of a Converse request that change: `toolConfig`, `system` or `messages`."""
        if not self._wanted(params):
            return {}
        changed: dict[str, Any] = {}
        more = params.get("additionalModelRequestFields")
        if isinstance(more, Mapping) and (others := self._tools(more.get("tools"))):
            changed["additionalModelRequestFields"] = {**more, "tools": others}
        config = params.get("toolConfig")
        if isinstance(config, Mapping) and (tools := self._tools(config.get("tools"))):
            return {**changed, "toolConfig": {**config, "tools": tools}}
        block = {"text": self._line}
        return {**changed, **_salted_prompt(params, block)}

    def invoke(self, body: Any) -> Any:
        """The body of an InvokeModel request, as bytes if it changed."""
        if not self._always and not _may_be_marked(body):
            return body
        try:
            document = json.loads(body)
        except (TypeError, ValueError):
            return body  # Bedrock refuses it
        if not isinstance(document, Mapping) or not self._wanted(document):
            return body
        if not isinstance(document.get("messages"), Sequence):
            if not _marked(document):
                return body  # not a conversation: such models do not cache
            raise SaltError("a prompt that is to be cached has no messages to salt; nothing sent")
        document = {**document}
        config = document.get("toolConfig")
        if tools := self._tools(document.get("tools")):
            document["tools"] = tools
        elif isinstance(config, Mapping) and (tools := self._tools(config.get("tools"))):
            document["toolConfig"] = {**config, "tools": tools}
        else:
            typed = _typed(document)
            block = {"type": "text", "text": self._line} if typed else {"text": self._line}
            document.update(_salted_prompt(document, block))
        return json.dumps(document).encode()

    def _tools(self, tools: Any) -> list[Any] | None:
        """Salted tools, which come first in a prompt; None: the line belongs further back."""
        marked = _marked(tools)
        if not tools or not (marked or self._always):
            return None
        try:
            return _salted_tools(tools, self._line)
        except SaltError:
            if marked:
                raise
            return None  # they are the models' makers', and alike for everybody

    def _wanted(self, request: Mapping[str, Any]) -> bool:
        return self._always or _marked(request)


def salted(prompt: Sequence[Part] | str, line: str, block: Part | None = None) -> list[Any]:
    """Return system blocks or messages with the line before everything else.

    prompt  system blocks, or messages (each with a `role`), or the text of a system prompt
    block   the line as a block of content; as Converse writes it unless given

    Raises SaltError for an empty list of messages or one whose first has no content.
    """
    block = block or {"text": line}
    if isinstance(prompt, str):
        return [block, *([{**block, "text": prompt}] if prompt else [])]
    if not prompt or "role" not in prompt[0]:
        return [block, *prompt]
    first = prompt[0]
    content = first.get("content")
    if isinstance(content, str):
        content = [{**block, "text": content}] if content else []
    if not isinstance(content, Sequence):
        raise SaltError("a prompt that is to be cached has a message without content; nothing sent")
    return [{**first, "content": [block, *content]}, *prompt[1:]]


def _typed(body: Part) -> bool:
    """Whether blocks of content have a type, as Anthropic's and OpenAI's have, and Nova's not.

    Nova takes lists of blocks only: a text in place of one is of the others.
    """
    if "anthropic_version" in body:
        return True
    contents = [each.get("content") for each in body["messages"] if isinstance(each, Mapping)]
    return any(
        isinstance(content, str)
        or (
            isinstance(content, Sequence)
            and any(isinstance(block, Mapping) and "type" in block for block in content)
        )
        for content in contents
    )


def _salted_prompt(request: Mapping[str, Any], block: Part) -> dict[str, Any]:
    """`system` if there is one, else `messages`."""
    for member in ("system", "messages"):
        if request.get(member):
            return {member: salted(request[member], str(block["text"]), block)}
    raise SaltError("a prompt that is to be cached has neither system nor messages; nothing sent")


def _salted_tools(tools: Iterable[Any], line: str) -> list[Any]:
    """Tools come first in a prompt: the line joins the description of one before the cache point.

    Raises SaltError if there is none whose description is the application's.
    """
    changed = list(tools)
    for index, tool in enumerate(changed):
        if not isinstance(tool, Mapping):
            break
        if isinstance(spec := tool.get("toolSpec"), Mapping):
            changed[index] = {**tool, "toolSpec": _described(spec, line)}
            return changed
        if isinstance(function := tool.get("function"), Mapping):
            changed[index] = {**tool, "function": _described(function, line)}
            return changed
        if "name" in tool and tool.get("type") in _OWN_TOOL:
            changed[index] = _described(tool, line)
            return changed
        if _marked(tool):
            break
    raise SaltError(
        "tools are to be cached, and none before the cache point has a description of its own, "
        "so the cache would be shared with other customers; move the cache point"
    )


def _described(tool: Part, line: str) -> dict[str, Any]:
    return {**tool, "description": f"{line} {tool.get('description') or ''}".rstrip()}


def _may_be_marked(body: Any) -> bool:
    """Whether a body may hold a cache point, which parsing tells; most hold none, and are long.

    JSON may write letters as escapes, or be of another encoding: such bodies are parsed.
    """
    if isinstance(body, str):
        return "cache" in body or _ESCAPED.search(body) is not None
    if isinstance(body, bytes | bytearray):
        if b"cache" in body or b"\0" in body:
            return True
        return b"\\u" in body and _ESCAPED.search(body.decode("ascii", "replace")) is not None
    return True


_PLAIN = frozenset({str, int, float, bool, type(None), bytes})


def _marked(value: Any) -> bool:
    """Whether a cache point is anywhere in a request."""
    kind = type(value)
    if kind in _PLAIN:  # most of what there is
        return False
    if kind is dict or isinstance(value, Mapping):
        for key, inner in value.items():
            if key in _MARKS and inner is not None:
                return True
            if type(inner) not in _PLAIN and _marked(inner):
                return True
        return False
    if kind is list or (isinstance(value, Sequence) and not isinstance(value, bytes | bytearray)):
        return any(map(_marked, value))
    return False
