"""Converse and ConverseStream: answers, tokens, events, and the requests that AWS refuses."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness.cloud.bedrock import tokens
from harness.cloud.call import EventStream

TOOL = {
    "toolSpec": {
        "name": "weather",
        "inputSchema": {
            "json": {
                "type": "object",
                "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
                "required": ["city"],
            }
        },
    }
}


def text_of(members):
    return members["output"]["message"]["content"][0]["text"]


def streamed_text(events):
    return "".join(body["delta"]["text"] for name, body in events if name == "contentBlockDelta")


def test_the_same_request_gets_the_same_answer(play, ask):
    assert play("Converse", **ask()) == play("Converse", **ask())


@pytest.mark.parametrize(
    "other",
    [
        {"messages": [{"role": "user", "content": [{"text": "How wide is the wall?"}]}]},
        {"modelId": "amazon.nova-pro-v1:0"},
        {"system": [{"text": "Be brief."}]},
        {
            "messages": [
                {"role": "user", "content": [{"text": "Hello"}]},
                {"role": "assistant", "content": [{"text": "Hello."}]},
                {"role": "user", "content": [{"text": "How high is the wall?"}]},
            ]
        },
    ],
)
def test_another_request_gets_another_answer(play, ask, other):
    assert text_of(play("Converse", **ask())) != text_of(play("Converse", **{**ask(), **other}))


def test_the_answer_carries_what_was_asked(play, ask):
    assert "canary-4711" in text_of(play("Converse", **ask("Repeat canary-4711 please")))


def test_usage_adds_up_and_counts_the_answer(play, ask):
    members = play("Converse", **ask())
    usage = members["usage"]
    assert usage["outputTokens"] == tokens.count(text_of(members))
    assert usage["totalTokens"] == usage["inputTokens"] + usage["outputTokens"]
    assert members["stopReason"] == "end_turn"
    assert members["metrics"]["latencyMs"] > 0


def test_more_input_costs_more_tokens(play, ask):
    short = play("Converse", **ask("one"))["usage"]["inputTokens"]
    longer = play("Converse", **ask("one two three"))["usage"]["inputTokens"]
    with_system = play("Converse", **ask("one", system=[{"text": "Be brief."}]))["usage"]
    assert (longer, with_system["inputTokens"]) == (short + 2, short + 3)


def test_every_message_costs_its_overhead(play, ask):
    assert play("Converse", **ask("one"))["usage"]["inputTokens"] == 1 + tokens.OVERHEAD


def test_the_tokens_of_a_text_join_to_the_text():
    text = "Hello, Bedrock!  Grüße aus 東京 \n"
    assert "".join(tokens.tokens(text)) == text
    assert tokens.count("Hello, Bedrock") == 4


def test_max_tokens_cuts_the_answer(play, ask):
    whole = text_of(play("Converse", **ask()))
    members = play("Converse", **ask(inferenceConfig={"maxTokens": 5}))
    assert members["stopReason"] == "max_tokens"
    assert members["usage"]["outputTokens"] == 5
    assert whole.startswith(text_of(members))


def test_a_stop_sequence_ends_the_answer(play, ask):
    members = play("Converse", **ask(inferenceConfig={"stopSequences": ["wall"]}))
    assert members["stopReason"] == "stop_sequence"
    assert text_of(members) == "You asked: How high is the "


@pytest.mark.parametrize("choice", [{"any": {}}, {"tool": {"name": "weather"}}])
def test_a_forced_tool_is_used_with_input_of_its_schema(play, ask, choice):
    members = play("Converse", **ask(toolConfig={"tools": [TOOL], "toolChoice": choice}))
    assert members["stopReason"] == "tool_use"
    use = members["output"]["message"]["content"][0]["toolUse"]
    assert use["name"] == "weather"
    assert isinstance(use["input"]["city"], str)
    assert isinstance(use["input"]["days"], int)


def test_tools_left_to_choice_get_words(play, ask):
    assert play("Converse", **ask(toolConfig={"tools": [TOOL]}))["stopReason"] == "end_turn"


def test_a_tool_result_can_follow_its_use(play, ask):
    first = play("Converse", **ask(toolConfig={"tools": [TOOL], "toolChoice": {"any": {}}}))
    use = first["output"]["message"]["content"][0]["toolUse"]
    result = {"toolUseId": use["toolUseId"], "content": [{"json": {"sky": "blue-4711"}}]}
    messages = [
        *ask()["messages"],
        first["output"]["message"],
        {"role": "user", "content": [{"toolResult": result}]},
    ]
    members = play("Converse", **ask(toolConfig={"tools": [TOOL]}) | {"messages": messages})
    assert "blue-4711" in text_of(members)


def test_a_tool_use_must_get_its_own_result(play, ask):
    use = {"toolUseId": "use-1", "name": "weather", "input": {}}

    def conversation(*answers):
        results = [
            {"toolResult": {"toolUseId": answer, "content": [{"text": "x"}]}} for answer in answers
        ]
        return {
            "messages": [
                *ask()["messages"],
                {"role": "assistant", "content": [{"toolUse": use}]},
                {"role": "user", "content": results or [{"text": "never mind"}]},
            ],
            "toolConfig": {"tools": [TOOL]},
        }

    assert play("Converse", **ask() | conversation("use-1"))["stopReason"] == "end_turn"
    for answers, message in (
        ((), "Expected toolResult blocks"),
        (("use-2",), "Expected toolResult blocks"),
        (("use-1", "use-2"), "exceeds the number of toolUse blocks"),
    ):
        assert message in play.fails("Converse", **ask() | conversation(*answers)).message


def test_a_stream_says_what_converse_says(play, ask):
    events = play("ConverseStream", **ask())
    whole = play("Converse", **ask())
    assert streamed_text(events) == text_of(whole)
    names = [name for name, _ in events]
    deltas = len(names) - 4
    assert deltas > 3
    assert names == [
        "messageStart",
        *["contentBlockDelta"] * deltas,
        "contentBlockStop",
        "messageStop",
        "metadata",
    ]
    assert events[-1][1]["usage"] == whole["usage"]


def test_a_streamed_tool_use_starts_its_block_and_sends_json_in_pieces(play, ask):
    events = play("ConverseStream", **ask(toolConfig={"tools": [TOOL], "toolChoice": {"any": {}}}))
    assert [name for name, _ in events][:3] == [
        "messageStart",
        "contentBlockStart",
        "contentBlockDelta",
    ]
    assert events[1][1]["start"]["toolUse"]["name"] == "weather"
    pieces = [
        body["delta"]["toolUse"]["input"] for name, body in events if name == "contentBlockDelta"
    ]
    assert len(pieces) > 1
    assert "".join(pieces).startswith('{"city"')


def test_a_stream_is_made_while_it_is_read(play, ask):
    answer = play.bedrock.answer(play.make("ConverseStream", ask(), "111111111111", "eu-central-1"))
    assert isinstance(answer, EventStream)
    assert isinstance(answer.events, Iterator)
    assert next(answer.events)[0] == "messageStart"


def test_service_tier_and_performance_come_back(play, ask):
    asked = {"serviceTier": {"type": "flex"}, "performanceConfig": {"latency": "standard"}}
    members = play("Converse", **ask(**asked))
    assert {key: members[key] for key in asked} == asked


def test_cache_points_and_request_metadata_are_accepted(play, ask):
    content = [{"text": "hello"}, {"cachePoint": {"type": "default"}}]
    with_point = play(
        "Converse",
        **ask(requestMetadata={"team": "blue"})
        | {"messages": [{"role": "user", "content": content}]},
    )
    plain = play("Converse", **ask("hello"))
    assert with_point["usage"]["inputTokens"] == plain["usage"]["inputTokens"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"modelId": "no.such-model-v1:0"}, "The provided model identifier is invalid."),
        ({"messages": []}, "A conversation must start with a user message."),
        (
            {"messages": [{"role": "assistant", "content": [{"text": "x"}]}]},
            "A conversation must start with a user message.",
        ),
        (
            {"messages": [{"role": "user", "content": [{"text": "x"}]}] * 2},
            "A conversation must alternate between user and assistant roles.",
        ),
        (
            {
                "messages": [
                    {"role": "user", "content": [{"text": "x"}]},
                    {"role": "assistant", "content": [{"text": "y"}]},
                ]
            },
            "The conversation must end with a user message.",
        ),
        ({"messages": [{"role": "user", "content": []}]}, "messages.0 is empty"),
        ({"messages": [{"role": "user", "content": [{"text": " "}]}]}, "is blank"),
        ({"inferenceConfig": {"maxTokens": 0}}, "inferenceConfig.maxTokens"),
        ({"inferenceConfig": {"temperature": 1.5}}, "inferenceConfig.temperature"),
        ({"modelId": "amazon.titan-embed-text-v2:0"}, "doesn't support the model"),
        ({"modelId": "anthropic.claude-sonnet-4-20250514-v1:0"}, "on-demand throughput isn"),
        (
            {"guardrailConfig": {"guardrailIdentifier": "abc", "guardrailVersion": "1"}},
            "guardrail identifier or version",
        ),
        ({"requestMetadata": {str(n): "x" for n in range(17)}}, "requestMetadata"),
        (
            {"toolConfig": {"tools": [TOOL], "toolChoice": {"tool": {"name": "no"}}}},
            "names no tool",
        ),
        (
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [{"toolResult": {"toolUseId": "t", "content": [{"text": "x"}]}}],
                    }
                ]
            },
            "toolConfig field must be defined",
        ),
        ({"messages": [{"role": "user"}]}, "content"),
        ({"messages": "hello"}, "messages"),
    ],
)
@pytest.mark.parametrize("operation", ["Converse", "ConverseStream"])
def test_what_aws_refuses_is_refused(play, ask, operation, change, message):
    error = play.fails(operation, **{**ask(), **change})
    assert (error.code, error.status) == ("ValidationException", 400)
    assert message in error.message


@pytest.mark.parametrize(
    "model",
    [
        "arn:aws:bedrock:eu-central-1::foundation-model/amazon.nova-lite-v1:0",
        "eu.amazon.nova-lite-v1:0",
        "arn:aws:bedrock:eu-central-1:111111111111:inference-profile/eu.amazon.nova-lite-v1:0",
        "eu.anthropic.claude-sonnet-4-20250514-v1:0",
    ],
)
def test_models_answer_under_their_other_names(play, ask, model):
    assert play("Converse", **ask() | {"modelId": model})["stopReason"] == "end_turn"


@pytest.mark.parametrize(
    "model",
    [
        "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0",
        "us.amazon.nova-lite-v1:0",
        "arn:aws:bedrock:eu-central-1:222222222222:inference-profile/eu.amazon.nova-lite-v1:0",
        "arn:aws:bedrock:eu-central-1:222222222222:application-inference-profile/abcdefghijkl",
        "arn:aws:bedrock:us-east-1:111111111111:application-inference-profile/abcdefghijkl",
        "arn:aws:bedrock:eu-central-1:111111111111:custom-model/mine/abcdefghijkl",
        "arn:aws:bedrock:eu-central-1:111111111111:prompt/ABCDEFGHIJ:1",
    ],
)
def test_names_that_mean_nothing_here_are_invalid(play, ask, model):
    error = play.fails("Converse", **ask() | {"modelId": model})
    assert error.message == "The provided model identifier is invalid."


def test_operations_not_played_fail_at_once(play):
    for operation in ("InvokeModelWithBidirectionalStream", "CreatePromptRouter"):
        error = play.fails(operation, modelId="amazon.nova-lite-v1:0", body=b"{}")
        assert (error.code, error.status) == ("UnknownOperationException", 400)
        assert play.bedrock.handles("bedrock", operation)
    assert not play.bedrock.handles("logs", "PutLogEvents")


def test_refusals_do_not_repeat_the_prompt(play, ask):
    for messages in (
        "canary-4711",
        [{"role": "user", "content": [{"text": {"x": "canary-4711"}}]}],
    ):
        error = play.fails("Converse", **ask() | {"messages": messages})
        assert error.code == "ValidationException"
        assert "messages" in error.message
        assert "canary-4711" not in error.message
