"""InvokeModel and its stream: each provider's own bodies, and one answer for one prompt."""

from __future__ import annotations

import base64
import json
import math
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cloud.bedrock.bodies import dialect_of, embed
from harness.cloud.bedrock.models import FOUNDATION_MODELS
from harness.cloud.call import ApiError

CLAUDE = "anthropic.claude-3-haiku-20240307-v1:0"
NOVA = "amazon.nova-lite-v1:0"
TITAN = "amazon.titan-embed-text-v2:0"
COHERE = "cohere.embed-english-v3"
LLAMA = "meta.llama3-8b-instruct-v1:0"
PROMPT = "How high is the wall?"
ANTHROPIC = {
    "anthropic_version": "bedrock-2023-05-31",
    "max_tokens": 400,
    "messages": [{"role": "user", "content": PROMPT}],
}
MESSAGES = [{"role": "user", "content": [{"text": PROMPT}]}]
TOOL = {
    "name": "weather",
    "description": "tells it",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}},
}


def invoke(play: Any, model: str, body: Any, **more: Any) -> dict[str, Any]:
    answer = play("InvokeModel", modelId=model, body=json.dumps(body).encode(), **more)
    assert answer["contentType"] == "application/json"
    found: dict[str, Any] = json.loads(answer["body"])
    return found


def chunks(play: Any, model: str, body: Any) -> list[dict[str, Any]]:
    events = play("InvokeModelWithResponseStream", modelId=model, body=json.dumps(body).encode())
    assert {name for name, _ in events} == {"chunk"}
    return [json.loads(event["bytes"]) for _, event in events]


def converse(play: Any, model: str, limit: int = 400) -> str:
    params = {"messages": MESSAGES, "inferenceConfig": {"maxTokens": limit}}
    return str(play("Converse", modelId=model, **params)["output"]["message"]["content"][0]["text"])


def test_anthropic(play):
    answer = invoke(play, CLAUDE, ANTHROPIC)
    assert answer["content"] == [{"type": "text", "text": converse(play, CLAUDE)}]
    assert (answer["type"], answer["role"], answer["stop_reason"]) == (
        "message",
        "assistant",
        "end_turn",
    )
    assert answer["usage"]["input_tokens"] > 0
    assert answer["usage"]["cache_read_input_tokens"] == 0


def test_llama_completes_a_prompt(play):
    answer = invoke(play, LLAMA, {"prompt": PROMPT, "max_gen_len": 400, "temperature": 0.5})
    assert answer["generation"] == converse(play, LLAMA)
    assert answer["stop_reason"] == "stop"
    assert answer["prompt_token_count"] > 0 < answer["generation_token_count"]
    parts = chunks(play, LLAMA, {"prompt": PROMPT})
    assert len(parts) > 2
    assert "".join(part["generation"] for part in parts) == answer["generation"]
    assert [part["stop_reason"] for part in parts[-2:]] == [None, "stop"]
    assert parts[-1]["generation_token_count"] == answer["generation_token_count"]
    assert parts[-1]["amazon-bedrock-invocationMetrics"]["inputTokenCount"] > 0
    assert invoke(play, LLAMA, {"prompt": PROMPT, "max_gen_len": 2})["stop_reason"] == "length"


def test_anthropic_says_all_that_converse_can(play):
    image = base64.b64encode(b"\x89PNG").decode()
    content = [
        {"type": "text", "text": PROMPT},
        {
            "type": "image",
            "source": {"type": "base64", "media_type": "image/png", "data": image},
        },
    ]
    turn = [
        {"role": "user", "content": content},
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "t1", "name": "weather", "input": {}}],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "t1", "content": "rain", "is_error": True}
            ],
        },
    ]
    forced = {"tools": [TOOL], "tool_choice": {"type": "tool", "name": "weather"}}
    answer = invoke(play, CLAUDE, {**ANTHROPIC, "messages": turn, "system": "Be brief.", **forced})
    (use,) = answer["content"]
    assert (use["type"], use["name"], answer["stop_reason"]) == ("tool_use", "weather", "tool_use")
    assert set(use["input"]) == {"city"}


@pytest.mark.parametrize(
    ("media_type", "kind", "data", "said"),
    [
        ("text/plain", "text", "a canary of a document", "canary"),
        ("application/pdf", "base64", base64.b64encode(b"%PDF").decode(), PROMPT),
    ],
)
def test_anthropic_takes_documents(play, media_type, kind, data, said):
    source = {"type": kind, "media_type": media_type, "data": data}
    content = [{"type": "document", "source": source}, {"type": "text", "text": PROMPT}]
    body = {**ANTHROPIC, "messages": [{"role": "user", "content": content}]}
    more = {"anthropic_beta": ["token-efficient-tools"], "thinking": {"type": "disabled"}}
    (answered,) = invoke(play, CLAUDE, {**body, **more})["content"]
    assert said in answered["text"]


def test_thinking_is_not_played(play):
    thinking = {"type": "enabled", "budget_tokens": 1024}
    body = json.dumps({**ANTHROPIC, "thinking": thinking}).encode()
    error = play.fails("InvokeModel", modelId=CLAUDE, body=body)
    assert error.message == "The embedded cloud does not play thinking of a model."


def test_anthropic_streams(play):
    events = chunks(play, CLAUDE, ANTHROPIC)
    kinds = [event["type"] for event in events]
    assert kinds[:2] == ["message_start", "content_block_start"]
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    said = "".join(e["delta"]["text"] for e in events if e["type"] == "content_block_delta")
    assert said == converse(play, CLAUDE)
    counts = events[-1]["amazon-bedrock-invocationMetrics"]
    assert counts["outputTokenCount"] == events[-2]["usage"]["output_tokens"] > 0
    assert not any("amazon-bedrock-invocationMetrics" in event for event in events[:-1])


def test_anthropic_streams_the_input_of_tools(play):
    body = {**ANTHROPIC, "tools": [TOOL], "tool_choice": {"type": "any"}}
    deltas = [e["delta"] for e in chunks(play, CLAUDE, body) if e["type"] == "content_block_delta"]
    assert {delta["type"] for delta in deltas} == {"input_json_delta"}
    (use,) = invoke(play, CLAUDE, body)["content"]
    assert json.loads("".join(delta["partial_json"] for delta in deltas)) == use["input"]


@pytest.mark.parametrize("limit", ["maxTokens", "max_new_tokens"])
def test_nova(play, limit):
    body = {
        "schemaVersion": "messages-v1",
        "messages": MESSAGES,
        "inferenceConfig": {limit: 5, "topK": 20},
    }
    answer = invoke(play, NOVA, body)
    assert answer["stopReason"] == "max_tokens"
    assert answer["usage"]["outputTokens"] == 5
    text = answer["output"]["message"]["content"][0]["text"]
    assert text == converse(play, NOVA, 5)
    events = chunks(play, NOVA, body)
    said = [e["contentBlockDelta"]["delta"]["text"] for e in events if "contentBlockDelta" in e]
    assert "".join(said) == text
    assert events[-1]["metadata"]["usage"] == answer["usage"]
    assert events[-1]["amazon-bedrock-invocationMetrics"]["outputTokenCount"] == 5


def test_titan(play):
    answer = invoke(play, TITAN, {"inputText": PROMPT, "dimensions": 256})
    assert len(answer["embedding"]) == 256
    assert math.isclose(math.hypot(*answer["embedding"]), 1)
    assert answer["embeddingsByType"] == {"float": answer["embedding"]}
    assert answer["inputTextTokenCount"] > 0
    assert answer == invoke(play, TITAN, {"inputText": PROMPT, "dimensions": 256})
    other = invoke(play, TITAN, {"inputText": PROMPT + "!", "dimensions": 256})
    assert other["embedding"] != answer["embedding"]
    types = {"inputText": PROMPT, "embeddingTypes": ["binary"]}
    assert set(invoke(play, TITAN, types)["embeddingsByType"]["binary"]) == {0, 1}


def test_cohere(play):
    body = {"texts": [PROMPT, "and how wide?"], "input_type": "search_document"}
    answer = invoke(play, COHERE, body)
    assert answer["response_type"] == "embeddings_floats"
    assert answer["texts"] == body["texts"]
    assert [len(vector) for vector in answer["embeddings"]] == [1024, 1024]
    typed = invoke(play, COHERE, {**body, "embedding_types": ["float", "ubinary"]})
    assert typed["embeddings"]["float"] == answer["embeddings"]
    assert [len(vector) for vector in typed["embeddings"]["ubinary"]] == [128, 128]


def test_cohere_takes_an_image(play):
    answers = [
        invoke(play, COHERE, {"images": [f"data:image/png;base64,{data}"], "input_type": "image"})
        for data in ("aGk=", "aGl0")
    ]
    assert [len(answer["embeddings"][0]) for answer in answers] == [1024, 1024]
    assert answers[0]["embeddings"] != answers[1]["embeddings"]
    assert answers[0]["texts"] == []


def test_embeddings_are_not_streamed(play):
    error = play.fails(
        "InvokeModelWithResponseStream", modelId=TITAN, body=b'{"inputText": "canary"}'
    )
    assert (error.code, error.message) == (
        "ValidationException",
        "The model is unsupported for streaming.",
    )


@pytest.mark.parametrize(
    ("model", "body"),
    [
        (CLAUDE, {**ANTHROPIC, "anthropic_version": "canary"}),
        (CLAUDE, {k: v for k, v in ANTHROPIC.items() if k != "max_tokens"}),
        (CLAUDE, {**ANTHROPIC, "max_tokens": 0}),
        (CLAUDE, {**ANTHROPIC, "canary": 1}),
        (CLAUDE, {**ANTHROPIC, "messages": [{"role": "user", "content": [{"type": "canary"}]}]}),
        (CLAUDE, {"messages": MESSAGES}),
        (NOVA, ANTHROPIC),
        (NOVA, {"messages": MESSAGES, "inferenceConfig": {"canary": 1}}),
        (NOVA, {"messages": [{"role": "user", "content": "canary"}]}),
        (TITAN, {"inputText": ""}),
        (TITAN, {"inputText": "canary", "dimensions": 3}),
        (TITAN, {"texts": ["canary"]}),
        (COHERE, {"texts": ["canary"]}),
        (COHERE, {"texts": [], "input_type": "clustering"}),
        (COHERE, {"texts": ["canary"] * 97, "input_type": "clustering"}),
        (COHERE, {"images": ["canary"], "input_type": "image"}),
        (COHERE, {"images": ["data:image/png;base64,aGk="] * 2, "input_type": "image"}),
        (COHERE, {"texts": ["canary"], "input_type": "image"}),
        (NOVA, ["canary"]),
        (LLAMA, {"prompt": ""}),
        (LLAMA, {"prompt": "canary", "max_gen_len": 0}),
        (LLAMA, {"prompt": "canary", "max_tokens": 5}),
    ],
)
def test_other_bodies_are_refused_without_repeating_them(play, model, body):
    error = play.fails("InvokeModel", modelId=model, body=json.dumps(body).encode())
    assert error.code == "ValidationException"
    assert "canary" not in error.message


@pytest.mark.parametrize("body", [b"", b"{", b"canary", b"[" * 100_000])
def test_what_is_no_json_is_refused(play, body):
    error = play.fails("InvokeModel", modelId=CLAUDE, body=body)
    assert error.message.startswith("Malformed input request: not valid JSON")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    [*ANTHROPIC, "system", "tools", "tool_choice", "stop_sequences", "inferenceConfig", "inputText"]
)


@given(
    st.sampled_from([CLAUDE, NOVA, TITAN, COHERE, LLAMA]),
    st.dictionaries(FIELDS, JSON, max_size=4),
    st.booleans(),
)
def test_no_body_breaks_a_model(model, body, base):
    """Whatever stands in a body, the answer is one of the model's or a ValidationException."""
    known = FOUNDATION_MODELS[model]
    with suppress(ApiError):
        whole = {**ANTHROPIC, **body} if base else body
        if known.outputs == ("EMBEDDING",):
            embed(known, whole)
        else:
            dialect_of(known).read(whole)


def test_tiers_are_echoed_and_known(play):
    asked = {"modelId": NOVA, "body": json.dumps({"messages": MESSAGES}).encode()}
    assert play("InvokeModel", **asked, serviceTier="flex")["serviceTier"] == "flex"
    assert "serviceTier" not in play("InvokeModel", **asked)
    assert play.fails("InvokeModel", **asked, serviceTier="canary").code == "ValidationException"


@pytest.mark.parametrize(
    "given",
    [
        {"converse": {"messages": MESSAGES}},
        {"invokeModel": {"body": json.dumps(ANTHROPIC).encode()}},
    ],
)
def test_tokens_are_counted_as_a_call_counts_them(play, given):
    counted = play("CountTokens", modelId=CLAUDE, input=given)["inputTokens"]
    assert counted == invoke(play, CLAUDE, ANTHROPIC)["usage"]["input_tokens"]


def test_tokens_are_counted_for_models_only(play):
    given = {"converse": {"messages": MESSAGES}}
    profile = play.aip(source=None)
    for model in (profile, "eu.amazon.nova-lite-v1:0", "no.such-model"):
        error = play.fails("CountTokens", modelId=model, input=given)
        assert error.message == "The provided model identifier is invalid."


def test_calls_are_logged_like_converse(play, role):
    role.groups.add("/log")
    play(
        "PutModelInvocationLoggingConfiguration",
        loggingConfig={
            "cloudWatchConfig": {
                "logGroupName": "/log",
                "roleArn": "arn:aws:iam::111111111111:role/log",
            }
        },
    )
    invoke(play, CLAUDE, ANTHROPIC)
    chunks(play, CLAUDE, ANTHROPIC)
    play.fails("InvokeModel", modelId=CLAUDE, body=b'{"canary": 1}')
    one, two, failed = role.records
    assert (one["operation"], two["operation"]) == ("InvokeModel", "InvokeModelWithResponseStream")
    assert one["input"]["inputBodyJson"] == ANTHROPIC
    assert one["output"]["outputBodyJson"]["content"][0]["text"] == converse(play, CLAUDE)
    assert one["output"]["outputTokenCount"] == two["output"]["outputTokenCount"] > 0
    assert failed["errorCode"] == "ValidationException"
    assert "canary" not in json.dumps(failed)


def test_the_account_guardrail_binds_every_way(play):
    words = {"wordsConfig": [{"text": "wall"}]}
    made = play(
        "CreateGuardrail",
        name="words",
        blockedInputMessaging="no",
        blockedOutputsMessaging="no",
        wordPolicyConfig=words,
    )
    version = play("CreateGuardrailVersion", guardrailIdentifier=made["guardrailId"])["version"]
    named = {"guardrailIdentifier": made["guardrailId"], "guardrailVersion": version}
    answer = invoke(play, CLAUDE, ANTHROPIC, **named)
    assert answer["content"] == [{"type": "text", "text": "no"}]
    assert answer["amazon-bedrock-guardrailAction"] == "INTERVENED"
    assert "amazon-bedrock-guardrailAction" not in invoke(play, CLAUDE, ANTHROPIC)
    for asked, action in ((named, "INTERVENED"), ({}, None)):
        body = json.dumps(ANTHROPIC).encode()
        events = play("InvokeModelWithResponseStream", modelId=CLAUDE, body=body, **asked)
        *_, last = (json.loads(event["bytes"]) for _, event in events)
        assert last.get("amazon-bedrock-guardrailAction") == action
