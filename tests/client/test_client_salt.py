"""The customer's line stands before the first cache point, wherever a request has it."""

from __future__ import annotations

import copy
import io
import json
import re
from typing import Any

import pytest

from bulkhead import BulkheadConfig, ModelSession, SaltError, Walls
from bulkhead.salt import Salt, salt_of, salted

LINE = "[cache partition 0123]"
POINT = {"cachePoint": {"type": "default"}}
CONTROL = {"cache_control": {"type": "ephemeral"}}
USER = {"role": "user", "content": [{"text": "hello"}]}
SPEC = {"toolSpec": {"name": "find", "description": "Finds.", "inputSchema": {"json": {}}}}
MODEL = "anthropic.claude-3-5-sonnet-20240620-v1:0"


def unchanged(request: Any) -> Any:
    """A copy to compare with: what the application passed must not change."""
    return copy.deepcopy(request)


def test_converse_without_a_cache_point_stays_as_it_is() -> None:
    request = {"system": [{"text": "Be brief."}], "messages": [USER]}
    assert Salt(LINE).converse(request) == {}
    assert Salt(LINE, always=True).converse(request) == {
        "system": [{"text": LINE}, {"text": "Be brief."}]
    }


@pytest.mark.parametrize("where", ["system", "messages"])
def test_the_system_prompt_begins_with_the_line(where: str) -> None:
    request: dict[str, Any] = {"system": [{"text": "Be brief."}], "messages": [USER]}
    if where == "system":
        request["system"].append(POINT)
    else:
        request["messages"] = [{"role": "user", "content": [{"text": "hello"}, POINT]}]
    before = unchanged(request)
    changed = Salt(LINE).converse(request)
    assert changed == {"system": [{"text": LINE}, *request["system"]]}
    assert request == before


def test_without_a_system_prompt_the_first_message_begins_with_it() -> None:
    request = {"messages": [{"role": "user", "content": [{"text": "hello"}, POINT]}, USER]}
    before = unchanged(request)
    changed = Salt(LINE).converse(request)
    first, second = changed["messages"]
    assert first == {"role": "user", "content": [{"text": LINE}, {"text": "hello"}, POINT]}
    assert second == USER
    assert request == before


def test_tools_that_are_cached_are_described_with_it() -> None:
    second = {"toolSpec": {"name": "other", "inputSchema": {"json": {}}}}
    request = {"toolConfig": {"tools": [SPEC, second, POINT]}, "messages": [USER]}
    before = unchanged(request)
    (spec, other, point) = Salt(LINE).converse(request)["toolConfig"]["tools"]
    assert spec["toolSpec"]["description"] == f"{LINE} Finds."
    assert (other, point) == (second, POINT)
    assert request == before
    bare = {"toolConfig": {"tools": [second, POINT]}, "messages": [USER]}
    described = Salt(LINE).converse(bare)["toolConfig"]["tools"][0]["toolSpec"]["description"]
    assert described == LINE
    # Tools without a point of their own stay: the point in the system prompt covers them too.
    later = {"toolConfig": {"tools": [SPEC]}, "system": [{"text": "x"}, POINT], "messages": [USER]}
    assert set(Salt(LINE).converse(later)) == {"system"}


def test_tools_of_the_models_maker_cannot_be_salted() -> None:
    request = {
        "toolConfig": {"tools": [{"systemTool": {"name": "search"}}, POINT, SPEC]},
        "messages": [USER],
    }
    with pytest.raises(SaltError, match="move the cache point"):
        Salt(LINE).converse(request)
    request["toolConfig"] = {"tools": [{"systemTool": {"name": "search"}}, SPEC, POINT]}
    assert LINE in json.dumps(Salt(LINE).converse(request))


def test_tools_in_additional_fields_are_described_with_it_too() -> None:
    tool = {"name": "find", "description": "Finds.", "input_schema": {}, **CONTROL}
    request = {"additionalModelRequestFields": {"tools": [tool], "top_k": 3}, "messages": [USER]}
    changed = Salt(LINE).converse(request)
    assert changed["additionalModelRequestFields"]["tools"][0]["description"].startswith(LINE)
    assert changed["additionalModelRequestFields"]["top_k"] == 3
    assert changed["messages"][0]["content"][0] == {"text": LINE}


def body(**members: Any) -> bytes:
    message = {"role": "user", "content": "hello"}
    document = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "messages": [message]}
    return json.dumps({**document, **members}).encode()


@pytest.mark.parametrize(
    ("members", "where"),
    [
        ({"system": [{"type": "text", "text": "Be brief.", **CONTROL}]}, ("system", 0)),
        ({"system": "Be brief.", **CONTROL}, ("system", 0)),
        (
            {"messages": [{"role": "user", "content": [{"type": "text", "text": "x", **CONTROL}]}]},
            ("messages", 0, "content", 0),
        ),
        ({"cache_control": {"type": "ephemeral"}}, ("messages", 0, "content", 0)),
    ],
)
def test_anthropics_bodies_begin_with_it(members: Any, where: tuple[Any, ...]) -> None:
    found = json.loads(Salt(LINE).invoke(body(**members)))
    rest = found
    for step in where:
        rest = rest[step]
    assert rest == {"type": "text", "text": LINE}
    assert "Be brief." in json.dumps(found) or "system" not in members


def test_anthropics_tools_are_described_with_it() -> None:
    tools = [{"name": "find", "input_schema": {}}, {"name": "b", "input_schema": {}, **CONTROL}]
    found = json.loads(Salt(LINE).invoke(body(tools=tools)))
    assert found["tools"][0]["description"] == LINE
    with pytest.raises(SaltError):
        Salt(LINE).invoke(body(tools=[{"type": "bash_20250124", "name": "bash", **CONTROL}]))


def test_novas_bodies_begin_with_it() -> None:
    request = {
        "schemaVersion": "messages-v1",
        "system": [{"text": "Be brief."}, POINT],
        "messages": [USER],
    }
    found = json.loads(Salt(LINE).invoke(json.dumps(request)))
    assert found["system"][0] == {"text": LINE}
    tools = {**request, "system": [], "toolConfig": {"tools": [SPEC, POINT]}}
    found = json.loads(Salt(LINE).invoke(json.dumps(tools)))
    assert found["toolConfig"]["tools"][0]["toolSpec"]["description"] == f"{LINE} Finds."


@pytest.mark.parametrize(
    "content", ["hello", [{"type": "text", "text": "hello"}]], ids=["text", "blocks"]
)
def test_openais_bodies_have_typed_blocks_only(content: Any) -> None:
    request = {"messages": [{"role": "system", "content": content}]}
    found = json.loads(Salt(LINE, always=True).invoke(json.dumps(request)))
    assert found["messages"][0]["content"] == [
        {"type": "text", "text": LINE},
        {"type": "text", "text": "hello"},
    ]


def test_always_means_before_the_tools_too() -> None:
    """They come first in a prompt: models that cache unasked would share them."""
    salt = Salt(LINE, always=True)
    request = {"messages": [USER], "toolConfig": {"tools": [SPEC]}}
    changed = salt.converse(request)
    assert changed["toolConfig"]["tools"][0]["toolSpec"]["description"] == f"{LINE} Finds."
    plain = {"name": "find", "input_schema": {}}
    found = json.loads(salt.invoke(body(tools=[plain])))
    assert found["tools"][0]["description"] == LINE
    openai = {"type": "function", "function": {"name": "find", "description": "Finds."}}
    found = json.loads(salt.invoke(body(tools=[openai])))
    assert found["tools"][0]["function"]["description"] == f"{LINE} Finds."
    more = {"messages": [USER], "additionalModelRequestFields": {"tools": [plain]}}
    changed = salt.converse(more)
    assert changed["additionalModelRequestFields"]["tools"][0]["description"] == LINE
    # Those of the models' makers are alike for everybody: what comes after them is not.
    fixed = {"type": "bash_20250124", "name": "bash"}
    found = json.loads(salt.invoke(body(tools=[fixed])))
    assert found["tools"] == [fixed]
    assert found["messages"][0]["content"][0]["text"] == LINE
    # The twin: not always, and nothing is to be cached.
    assert Salt(LINE).converse(request) == Salt(LINE).converse(more) == {}


@pytest.mark.parametrize("sent", [b"not json", b"[]", b'{"inputText": "hello"}', None, body()])
def test_bodies_without_a_cache_point_stay_as_they_are(sent: Any) -> None:
    assert Salt(LINE).invoke(sent) is sent


@pytest.mark.parametrize("name", ["cache_control", "cachePoint"])
def test_no_way_to_write_a_cache_point_passes_unsalted(name: str) -> None:
    """Bodies that can hold none are not parsed at all, so what JSON allows must be thought of."""
    block = {"type": "text", "text": "é" * 9, name: {"type": "default"}}
    document = {"messages": [{"role": "user", "content": [block]}]}
    plain = json.dumps(document)
    ways: list[Any] = [plain, plain.encode(), bytearray(plain.encode()), plain.encode("utf-16")]
    ways += [plain.encode("utf-32-le"), json.dumps(document, ensure_ascii=False)]
    for place, letter in enumerate(name):
        escaped = f"{name[:place]}\\u{ord(letter):04x}{name[place + 1 :]}"
        ways += [plain.replace(name, escaped), plain.replace(name, escaped).encode()]
    every = "".join(f"\\u{ord(letter):04X}" for letter in name)
    ways.append(plain.replace(name, every))
    for way in ways:
        sent = json.loads(Salt(LINE).invoke(way))
        assert sent["messages"][0]["content"][0]["text"] == LINE, way


def test_what_cannot_be_salted_is_not_sent() -> None:
    for document in (
        {"prompt": "x", **CONTROL},
        {"messages": [], **CONTROL},
        {"messages": [{"role": "user", "content": None}], **CONTROL},
    ):
        with pytest.raises(SaltError, match="nothing sent"):
            Salt(LINE).invoke(json.dumps(document))


def test_salted_takes_system_blocks_messages_and_texts() -> None:
    assert salted([{"text": "a"}], LINE) == [{"text": LINE}, {"text": "a"}]
    assert salted([], LINE) == [{"text": LINE}]
    assert salted("", LINE) == [{"text": LINE}]  # Bedrock takes no empty block
    assert salted("a", LINE) == [{"text": LINE}, {"text": "a"}]
    assert salted([USER], LINE) == [
        {"role": "user", "content": [{"text": LINE}, {"text": "hello"}]}
    ]


def test_the_line_is_the_customers_and_keeps_the_secret(document: dict[str, Any]) -> None:
    line = salt_of(BulkheadConfig.from_mapping(document))
    assert re.fullmatch(r"\[cache partition [0-9a-f]{32}\]", line)
    assert len(line) == 50  # as the README says
    assert document["external_id"] not in line
    assert line == salt_of(BulkheadConfig.from_mapping(document | {"app": "another"}))
    others = (
        document | {"customer": "globex"},
        document | {"external_id": "another-external-id"},
    )
    assert len({line, *(salt_of(BulkheadConfig.from_mapping(each)) for each in others)}) == 3


@pytest.mark.parametrize("operation", ["converse", "converse_stream", "invoke_model"])
def test_boto3_calls_are_salted_on_the_wire(
    operation: str, cloud: Any, session_of: Any, document: Any
) -> None:
    config = BulkheadConfig.from_mapping(document)
    session = ModelSession(config, session_of("222222222222"))
    target = {"modelId": session.inference_profile(MODEL)}
    cloud.answers["invoke"] = {}
    if operation == "invoke_model":
        system = [{"type": "text", "text": "Be brief.", **CONTROL}]
        session.runtime.invoke_model(**target, body=io.BytesIO(body(system=system)))
    else:
        system = [{"text": "Be brief."}, POINT]
        getattr(session.runtime, operation)(**target, system=system, messages=[USER])
    (call,) = cloud.requests("bedrock")
    assert call.body["system"][0]["text"] == salt_of(config)
    assert len(system) == (1 if operation == "invoke_model" else 2)


def test_langchain_calls_are_salted_on_the_wire(cloud: Any, session_of: Any, document: Any) -> None:
    from langchain_core.messages import HumanMessage, SystemMessage

    config = BulkheadConfig.from_mapping(document)
    chat = ModelSession(config, session_of("222222222222")).chat(MODEL, max_tokens=9)
    messages = [SystemMessage([{"type": "text", "text": "Be brief."}, POINT]), HumanMessage("hi")]
    chat.invoke(messages)
    list(chat.stream(messages))
    chat.invoke("hi")
    first, second, third = cloud.requests("bedrock")
    assert first.body["system"][0] == second.body["system"][0] == {"text": salt_of(config)}
    assert "cache partition" not in json.dumps(third.body)


def test_prompts_of_models_that_cache_unasked_can_be_salted_always(
    cloud: Any, session_of: Any, document: Any
) -> None:
    config = BulkheadConfig.from_mapping(document)
    walls = Walls(cache_salt="always")
    session = ModelSession(config, session_of("222222222222"), walls=walls)
    session.runtime.converse(modelId=session.inference_profile(MODEL), messages=[USER])
    (call,) = cloud.requests("bedrock")
    assert call.body["messages"][0]["content"][0] == {"text": salt_of(config)}
