"""Records of batch jobs: bodies that are answered, and no body that breaks the job."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cloud.bedrock.models import FOUNDATION_MODELS
from harness.cloud.bedrock.records import run_record
from harness.cloud.call import ApiError

NOVA = FOUNDATION_MODELS["amazon.nova-lite-v1:0"]
CLAUDE = FOUNDATION_MODELS["anthropic.claude-3-haiku-20240307-v1:0"]
MESSAGES = [{"role": "user", "content": [{"text": "about the canary"}]}]
ANTHROPIC = {
    "anthropic_version": "bedrock-2023-05-31",
    "max_tokens": 40,
    "messages": [{"role": "user", "content": "about the canary"}],
}


def test_a_converse_body():
    output = run_record(NOVA, {"schemaVersion": "messages-v1", "messages": MESSAGES})
    assert "about the canary" in output.body["output"]["message"]["content"][0]["text"]
    assert output.input_tokens > 0 and output.output_tokens > 0


@pytest.mark.parametrize(
    "content", ["about the canary", [{"type": "text", "text": "about the canary"}]]
)
def test_an_anthropic_body(content):
    body = {**ANTHROPIC, "messages": [{"role": "user", "content": content}], "system": "Be brief."}
    output = run_record(CLAUDE, body)
    assert "about the canary" in output.body["content"][0]["text"]
    assert (output.body["type"], output.body["model"]) == ("message", CLAUDE.id)
    assert output.body["usage"]["output_tokens"] <= 40


def test_bodies_of_embedding_models_and_of_meta():
    titan, llama = (
        FOUNDATION_MODELS[name]
        for name in ("amazon.titan-embed-text-v2:0", "meta.llama3-8b-instruct-v1:0")
    )
    output = run_record(titan, {"inputText": "about the canary", "dimensions": 256})
    assert len(output.body["embedding"]) == 256
    assert (output.input_tokens > 0, output.output_tokens) == (True, 0)
    output = run_record(llama, {"prompt": "about the canary", "max_gen_len": 40})
    assert "about the canary" in output.body["generation"]
    for model, body in ((titan, {"messages": MESSAGES}), (NOVA, {"prompt": "canary"})):
        with pytest.raises(ApiError):
            run_record(model, body)


@pytest.mark.parametrize(
    ("model", "body"),
    [
        (NOVA, ANTHROPIC),
        (CLAUDE, {**ANTHROPIC, "anthropic_version": "x"}),
        (CLAUDE, {**ANTHROPIC, "max_tokens": 0}),
        (CLAUDE, {**ANTHROPIC, "messages": "canary"}),
        (CLAUDE, {**ANTHROPIC, "messages": [{"role": "user", "content": [{"type": "image"}]}]}),
        (NOVA, {"messages": MESSAGES, "surprise": 1}),
        (NOVA, {"messages": [{"role": "user", "content": "canary"}]}),
        (NOVA, ["canary"]),
    ],
)
def test_other_bodies_are_refused_without_repeating_them(model, body):
    with pytest.raises(ApiError) as caught:
        run_record(model, body)
    assert caught.value.code == "ValidationException"
    assert "canary" not in caught.value.message


_KEYS = st.sampled_from(
    ["messages", "role", "content", "text", "system", "type", "anthropic_version", "max_tokens"]
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(_KEYS, _JSON, max_size=5))
def test_any_json_is_answered_or_refused(body):
    for model in (NOVA, CLAUDE):
        with suppress(ApiError):
            run_record(model, {**body})
            continue
        with suppress(ApiError):
            run_record(model, {**ANTHROPIC, **body, "anthropic_version": "bedrock-2023-05-31"})
