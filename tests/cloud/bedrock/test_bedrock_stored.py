"""Stored responses: how long, and what bodies come to."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.bedrock import Player

from harness.cloud.bedrock import Bedrock
from harness.cloud.call import ApiError

ASK = {"model": "us.openai.gpt-5.6-sol", "input": "canary"}
HERE = "us-east-1"


def test_a_response_is_kept_for_thirty_days(role, play):
    now = [datetime(2026, 11, 24, tzinfo=UTC)]
    play.bedrock = Bedrock(role, clock=lambda: now[0])
    made = play("CreateResponse", region=HERE, **ASK)
    now[0] += timedelta(days=30)
    assert play("GetResponse", region=HERE, response_id=made["id"]) == made
    now[0] += timedelta(seconds=1)
    error = play.fails("GetResponse", region=HERE, response_id=made["id"])
    assert (error.code, error.status) == ("ResourceNotFoundException", 404)


def test_a_response_is_logged_as_other_calls_are(role, play):
    role.groups.add("/bedrock")
    logged = {"logGroupName": "/bedrock", "roleArn": "arn:aws:iam::111111111111:role/logs"}
    play(
        "PutModelInvocationLoggingConfiguration",
        region=HERE,
        loggingConfig={"cloudWatchConfig": logged},
    )
    play("CreateResponse", region=HERE, **ASK)
    (record,) = role.records
    assert (record["operation"], record["modelId"]) == ("CreateResponse", ASK["model"])
    assert record["input"]["inputBodyJson"]["input"] == "canary"
    assert "canary" in str(record["output"]["outputBodyJson"])


_TEXT = st.text(max_size=8)
_ITEMS = st.dictionaries(
    st.sampled_from(["type", "role", "content", "text"]),
    _TEXT
    | st.sampled_from(["user", "assistant", "message", "input_text"])
    | st.lists(st.dictionaries(st.sampled_from(["type", "text"]), _TEXT | st.none())),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.none() | _TEXT | st.integers() | st.lists(_ITEMS | _TEXT, max_size=3))
def test_any_input_is_answered_or_refused(play, given_input):
    with suppress(ApiError):
        made = play("CreateResponse", region=HERE, **{**ASK, "input": given_input})
        assert made["status"] == "completed"


def test_too_much_metadata_is_refused(play):
    metadata = {str(number): "x" for number in range(17)}
    for bad in (metadata, "x", {"a": 1}):
        assert play.fails("CreateResponse", region=HERE, **ASK, metadata=bad).status == 400
    fewer = dict(list(metadata.items())[:16])
    assert play("CreateResponse", region=HERE, **ASK, metadata=fewer)["metadata"] == fewer


def test_a_response_is_counted_and_one_that_fails_is_told(role):
    points = []
    play = Player(Bedrock(role, metrics=lambda *point: points.append(point)), role)
    role.groups.add("/bedrock")
    logged = {"logGroupName": "/bedrock", "roleArn": "arn:aws:iam::111111111111:role/logs"}
    play(
        "PutModelInvocationLoggingConfiguration",
        region=HERE,
        loggingConfig={"cloudWatchConfig": logged},
    )
    made = play("CreateResponse", region=HERE, **ASK)
    assert play.fails("CreateResponse", region=HERE, **ASK, tools=[{"type": "x"}]).status == 400
    counted = {name: value for _, _, name, value, *_ in points}
    assert {place for place, *_ in points} == {("111111111111", HERE)}
    assert {tuple(point[4].items()) for point in points} == {(("ModelId", ASK["model"]),)}
    assert counted["Invocations"] == counted["InvocationClientErrors"] == 1
    assert counted["InputTokenCount"] == made["usage"]["input_tokens"]
    assert counted["OutputTokenCount"] == made["usage"]["output_tokens"]
    assert [record.get("errorCode") for record in role.records] == [None, "ValidationException"]
