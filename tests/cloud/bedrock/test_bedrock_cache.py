"""The prompt cache is the account's; quotas are a model's; metrics tell profiles apart."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from harness.cloud.bedrock import Bedrock, BedrockSettings
from harness.cloud.bedrock.cache import MINIMUM
from harness.cloud.call import ApiError

NOVA = "amazon.nova-lite-v1:0"
CLAUDE = "anthropic.claude-3-haiku-20240307-v1:0"
LONG = "wall " * (MINIMUM + 10)
POINT = {"cachePoint": {"type": "default"}}
OTHER = "999999999999"


def ask(play: Any, text: str = LONG, *, points: int = 1, model: str = NOVA, **more: Any) -> Any:
    content = [{"text": text}, *[POINT] * points, {"text": "And now?"}]
    messages = [{"role": "user", "content": content}]
    return play("Converse", modelId=model, messages=messages, **more)["usage"]


def test_the_second_call_reads_what_the_first_wrote(play):
    first, second = ask(play), ask(play)
    assert first["cacheWriteInputTokens"] == second["cacheReadInputTokens"] > MINIMUM
    assert first["cacheReadInputTokens"] == second["cacheWriteInputTokens"] == 0
    assert first["inputTokens"] == second["inputTokens"] < 20
    assert first["totalTokens"] == second["totalTokens"]


def test_everybody_in_the_account_reads_it_and_nobody_else(play):
    ask(play)
    assert ask(play, account=OTHER)["cacheReadInputTokens"] == 0
    assert ask(play, region="us-east-1")["cacheReadInputTokens"] == 0
    assert ask(play, model=CLAUDE)["cacheReadInputTokens"] == 0
    assert ask(play, model=play.aip())["cacheReadInputTokens"] > 0


def test_a_salt_keeps_customers_apart(play):
    ask(play, "acme " + LONG)
    assert ask(play, "globex " + LONG)["cacheReadInputTokens"] == 0


def test_without_a_point_or_with_little_text_nothing_is_cached(play):
    for usage in (ask(play, points=0), ask(play, "short")):
        assert "cacheReadInputTokens" not in usage


def test_a_longer_prefix_reads_the_shorter(play):
    first = ask(play)
    system = [{"text": LONG}, POINT]
    assert ask(play, system=system)["cacheReadInputTokens"] == 0
    again = ask(play, "something else", system=system)
    assert again["cacheReadInputTokens"] >= first["cacheWriteInputTokens"] - 10


@pytest.mark.parametrize(("ttl", "lives"), [("5m", 5), ("1h", 60)])
def test_prefixes_are_forgotten(role, ttl, lives):
    now = [datetime(2026, 11, 24, 10, tzinfo=UTC)]
    bedrock = Bedrock(role, clock=lambda: now[0])
    from support.bedrock import Player

    play = Player(bedrock, role)
    point = {"cachePoint": {"type": "default", "ttl": ttl}}
    messages = [{"role": "user", "content": [{"text": LONG}, point]}]

    def read() -> int:
        usage = play("Converse", modelId=NOVA, messages=messages)["usage"]
        return int(usage["cacheReadInputTokens"])

    assert read() == 0
    now[0] += timedelta(minutes=lives, seconds=-1)
    assert read() > 0  # and lives on, being used
    now[0] += timedelta(minutes=lives)
    assert read() == 0


def test_anthropic_bodies_use_the_same_cache(play):
    block = {"type": "text", "text": LONG, "cache_control": {"type": "ephemeral"}}
    body = {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 10,
        "messages": [{"role": "user", "content": [block]}],
    }

    def usage() -> Any:
        answer = play("InvokeModel", modelId=CLAUDE, body=json.dumps(body).encode())
        return json.loads(answer["body"])["usage"]

    first, second = usage(), usage()
    assert first["cache_creation_input_tokens"] == second["cache_read_input_tokens"] > MINIMUM


def test_what_is_written_is_told_by_how_long_it_is_kept(play):
    hour = {"cachePoint": {"type": "default", "ttl": "1h"}}
    system = [{"text": LONG}, hour]
    usage = ask(play, "wood " * 100 + LONG, system=system)
    by_life = {each["ttl"]: each["inputTokens"] for each in usage["cacheDetails"]}
    assert by_life["1h"] > MINIMUM < by_life["5m"]
    assert sum(by_life.values()) == usage["cacheWriteInputTokens"]
    assert "cacheDetails" not in ask(play, "wood " * 100 + LONG, system=system)
    block = {"type": "text", "text": LONG, "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    body = {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 10,
        "messages": [{"role": "user", "content": [block]}],
    }
    answer = play("InvokeModel", modelId=CLAUDE, body=json.dumps(body).encode())
    told = json.loads(answer["body"])["usage"]
    assert told["cache_creation"]["ephemeral_1h_input_tokens"] > MINIMUM
    assert told["cache_creation"]["ephemeral_5m_input_tokens"] == 0
    assert told["cache_creation_input_tokens"] == sum(told["cache_creation"].values())


def test_too_many_points_and_unknown_times_are_refused(play):
    with pytest.raises(ApiError, match="maximum of 4 cache points"):
        ask(play, points=5)


class Limited:
    """A Bedrock with quotas, and a clock that stands still until it is moved."""

    def __init__(self, role: Any, **quotas: int) -> None:
        from support.bedrock import Player

        self.now = datetime(2026, 11, 24, 10, tzinfo=UTC)
        self.points: list[tuple[Any, ...]] = []
        bedrock = Bedrock(
            role,
            clock=lambda: self.now,
            settings=BedrockSettings(**quotas),
            metrics=lambda *point: self.points.append(point),
        )
        self.play = Player(bedrock, role)

    def ask(self, limit: int | None = 10, model: str = NOVA, **more: Any) -> Any:
        config = {} if limit is None else {"inferenceConfig": {"maxTokens": limit}}
        messages = [{"role": "user", "content": [{"text": "ping"}]}]
        return self.play("Converse", modelId=model, messages=messages, **config, **more)


def test_requests_of_a_minute(role):
    limited = Limited(role, requests_per_minute=2)
    profile = limited.play.aip()
    limited.ask()
    limited.ask(model=profile)
    with pytest.raises(ApiError) as refused:
        limited.ask()
    assert (refused.value.code, refused.value.status) == ("ThrottlingException", 429)
    assert refused.value.message.startswith("Too many requests")
    limited.ask(account=OTHER)
    limited.ask(model=CLAUDE)
    limited.now += timedelta(minutes=1)
    limited.ask()


def test_who_names_no_limit_starves_the_others(role):
    """The reservation counts, not the use: a call without maxTokens takes the model's most."""
    limited = Limited(role, tokens_per_minute=4200)
    limited.ask(100)  # gives back what it did not use
    limited.ask(100)
    limited.ask(None)
    with pytest.raises(ApiError, match="Too many tokens"):
        limited.ask(None)
    limited.ask(100)


def test_an_answer_of_a_newer_claude_takes_five_times_its_tokens(role):
    """So the same limit lets fewer calls through, whatever each of them reserved."""
    newer = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"

    def answered(model: str) -> int:
        limited = Limited(role, tokens_per_minute=1000)
        for count in range(20):
            try:
                limited.ask(100, model=model)
            except ApiError as error:
                assert error.code == "ThrottlingException"
                return count
        return 20

    assert answered(CLAUDE) > 2 * answered(newer) > 2


def test_metrics_are_the_profiles(role):
    limited = Limited(role, requests_per_minute=1)
    profile = limited.play.aip()
    limited.ask(model=profile)
    with pytest.raises(ApiError):
        limited.ask(model=profile)
    with pytest.raises(ApiError):
        limited.ask(model="no.such-model")
    seen = {(name, next(iter(d.values()))): value for _, _, name, value, d, _, _ in limited.points}
    own = profile.rsplit("/", 1)[1]
    assert seen["Invocations", own] == 1
    assert seen["OutputTokenCount", own] > 0
    assert seen["InvocationThrottles", own] == 1
    assert seen["InvocationClientErrors", "no.such-model"] == 1
    assert seen["EstimatedTPMQuotaUsage", own] > seen["OutputTokenCount", own]
    assert ("TimeToFirstToken", own) not in seen
    assert {namespace for _, namespace, *_ in limited.points} == {"AWS/Bedrock"}


def test_streams_tell_when_they_began(role):
    limited = Limited(role)
    messages = [{"role": "user", "content": [{"text": "ping"}]}]
    limited.play("ConverseStream", modelId=NOVA, messages=messages)
    (began,) = [
        (value, unit) for _, _, name, value, _, unit, _ in limited.points if "First" in name
    ]
    assert began == (120, "Milliseconds")


@pytest.mark.parametrize(
    ("kind", "form", "more"), [("image", "png", {}), ("document", "txt", {"name": "one"})]
)
def test_another_image_of_the_same_size_is_not_in_the_cache(play, kind, form, more):
    def asked(content: bytes) -> Any:
        shown = {kind: {"format": form, "source": {"bytes": content}, **more}}
        blocks = [{"text": LONG}, shown, POINT, {"text": "And now?"}]
        messages = [{"role": "user", "content": blocks}]
        return play("Converse", modelId=NOVA, messages=messages)["usage"]

    assert asked(b"acme")["cacheReadInputTokens"] == 0
    assert asked(b"acme")["cacheReadInputTokens"] > 0
    assert asked(b"glob")["cacheReadInputTokens"] == 0
