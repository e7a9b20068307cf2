"""How the fleet role is assumed: what is asked of STS, what is taken from it, what is kept."""

from __future__ import annotations

import datetime
import http.client
import json
import logging
import os
import pickle
import time
import traceback
from typing import Any

import pytest
from botocore.credentials import RefreshableCredentials
from botocore.exceptions import ParamValidationError
from botocore.session import Session as BotocoreSession

from bulkhead import (
    AssumeRoleError,
    BulkheadConfig,
    BulkheadError,
    ConfigError,
    DestinationError,
    InvalidRequestError,
    LogSession,
    ModelSession,
    NotSentError,
    QuotaError,
    Walls,
)
from bulkhead.fleet import session_policy

MODEL = "anthropic.claude-3-5-sonnet-20240620-v1:0"
CANARY = "canary-5d10"
PROMPT = [{"role": "user", "content": [{"text": CANARY}]}]
SECRETS = ("external-id-3f1c9a7e5b", "caller-secret", "fleet-secret", "fleet-token")


@pytest.fixture
def make(cloud: Any, session_of: Any, document: Any) -> Any:
    """Make a model session with these choices."""

    def make(**choices: Any) -> ModelSession:
        config = BulkheadConfig.from_mapping(document)
        return ModelSession(config, session_of("222222222222"), walls=Walls(**choices))

    return make


def converse(session: ModelSession, **changes: Any) -> Any:
    call = {"modelId": session.inference_profile(MODEL), "messages": PROMPT, **changes}
    return session.runtime.converse(**call)


def test_what_is_asked_of_sts(make: Any, cloud: Any) -> None:
    session = make()
    converse(session)
    (asked,) = cloud.requests("sts")
    assert asked.operation == "AssumeRole"
    assert "SourceIdentity" not in asked.body
    assert asked.body["Policy"] == session.policy
    assert set(asked.body) == {
        *("Action", "Version", "RoleArn", "RoleSessionName", "ExternalId", "DurationSeconds"),
        "Policy",
    }


def test_what_the_application_chooses(make: Any, cloud: Any) -> None:
    session = make(session_seconds=900, source_identity="orders@acme")
    converse(session)
    (asked,) = cloud.requests("sts")
    assert asked.body["DurationSeconds"] == "900"
    assert asked.body["SourceIdentity"] == "orders@acme"
    left = session._credentials._issued.expires - time.time()
    assert 880 < left <= 900


@pytest.mark.parametrize(
    ("choice", "problem"),
    [
        ({"session_seconds": 3601}, "from 900 to 3600"),
        ({"session_seconds": 60}, "from 900 to 3600"),
        ({"source_identity": "aws:orders"}, "not begin with aws:"),
        ({"source_identity": "a b"}, "2 to 64 letters"),
        ({"session_actions": {"bedrock:*"}}, r"session_actions` has 'bedrock:\*'"),
        ({"cache_salt": "never"}, "marked or always"),
        ({"quota_wait": -1}, "must not be negative"),
        ({"quota_share": 0}, "more than 0"),
    ],
)
def test_choices_that_are_none_are_refused(choice: Any, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        Walls(**choice)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("assumed-role/bulkhead-acme/", "assumed-role/bulkhead-globex/"),
        ("sts::111111111111:", "sts::333333333333:"),
        ("/t-222222222222-orders", "/t-333333333333-orders"),
    ],
)
def test_the_session_of_another_role_is_not_used(
    old: str, new: str, make: Any, cloud: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = cloud._assumerole

    def other(seen: Any) -> tuple[str, bytes]:
        kind, body = usual(seen)
        assert old.encode() in body
        return kind, body.replace(old.encode(), new.encode())

    monkeypatch.setattr(cloud, "_assumerole", other, raising=False)
    with pytest.raises(AssumeRoleError, match="the session of another role"):
        converse(make())
    assert not cloud.requests("bedrock")


def test_a_source_identity_that_sts_did_not_take_is_an_error(
    make: Any, cloud: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = cloud._assumerole

    def forgetful(seen: Any) -> tuple[str, bytes]:
        del seen.body["SourceIdentity"]
        answer: tuple[str, bytes] = usual(seen)
        return answer

    monkeypatch.setattr(cloud, "_assumerole", forgetful, raising=False)
    with pytest.raises(AssumeRoleError, match="another source identity"):
        converse(make(source_identity="orders"))
    assert not cloud.requests("bedrock")


def test_the_session_policy_names_the_configured_profiles_only(document: Any) -> None:
    config = BulkheadConfig.from_mapping(document)
    first, second = json.loads(session_policy(config, Walls()))["Statement"]
    assert first["Resource"] == [document["inference_profiles"][MODEL]]
    assert first["Action"] == ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]
    assert second["Condition"]["ArnLike"]["bedrock:InferenceProfileArn"]
    conditions = {"StringEquals": {"aws:SourceVpce": "vpce-1"}, "ArnLike": {"aws:x": "y"}}
    walls = Walls(session_conditions=conditions, session_actions={"bedrock:CountTokens"})
    statements = json.loads(session_policy(config, walls))["Statement"]
    assert len(statements) == 3
    for statement in statements:
        assert statement["Condition"]["StringEquals"] == {"aws:SourceVpce": "vpce-1"}
        assert statement["Condition"]["ArnLike"]["aws:x"] == "y"


def test_a_session_keeps_the_actions_that_are_asked_for(document: Any) -> None:
    config = BulkheadConfig.from_mapping(document)
    actions = {"bedrock:ApplyGuardrail", "bedrock:CountTokens", "bedrock:GetInferenceProfile"}
    policy = session_policy(config, Walls(session_actions=actions))
    kept = {each["Action"][0]: each["Resource"] for each in json.loads(policy)["Statement"][2:]}
    assert set(kept) == actions
    assert kept["bedrock:ApplyGuardrail"] == [
        "arn:aws:bedrock:*:111111111111:guardrail/*",
        "arn:aws:bedrock:*:111111111111:guardrail-profile/*",
    ]
    assert kept["bedrock:GetInferenceProfile"] == [document["inference_profiles"][MODEL]]


@pytest.mark.parametrize(
    ("models", "kept", "exact"),
    [(18, 0, True), (19, 0, False), (40, 0, False), (7, 3, True), (8, 3, False)],
)
def test_the_session_policy_fits_with_many_models(
    models: int, kept: int, exact: bool, document: Any
) -> None:
    """As many as the README says."""
    profile = document["inference_profiles"][MODEL][:-11]
    document["inference_profiles"] = {
        f"anthropic.model-{number:04}": f"{profile}{number:012}" for number in range(models)
    }
    config = BulkheadConfig.from_mapping(document)
    actions = ["bedrock:ApplyGuardrail", "bedrock:CountTokens", "bedrock:GetInferenceProfile"]
    policy = session_policy(config, Walls(session_actions=actions[:kept]))
    assert len(policy) <= 2048
    assert (f"{profile}{0:012}" in policy) is exact
    long = {"StringEquals": {"aws:SourceVpce": [f"vpce-{number:017}" for number in range(90)]}}
    with pytest.raises(AssumeRoleError, match="shorten `session_conditions`"):
        session_policy(config, Walls(session_conditions=long))


def test_a_failure_of_the_applications_own_credentials_shows_no_text_of_theirs(
    make: Any, cloud: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A credential process or plugin may put anything into its exceptions."""
    session = make()

    def broken() -> None:
        raise RuntimeError(f"leaked caller-secret {CANARY}")

    monkeypatch.setattr(session._fleet._source, "get_frozen_credentials", broken)
    with pytest.raises(AssumeRoleError, match="RuntimeError; no model was called") as caught:
        converse(session)
    assert "leaked" not in text_of(caught.value)
    assert not cloud.requests("bedrock")


def text_of(error: BaseException) -> str:
    """All that a careless tool would print of an exception, except the test's own frame."""
    text = [str(error), repr(error), str(vars(error))]
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    frames = [frame for frame in shown.stack if not frame.filename.endswith(__file__[-20:])]
    text += [f"{frame.locals}" for frame in frames if "botocore" not in frame.filename]
    text += shown.format_exception_only()
    chained: list[BaseException | None] = [error.__cause__, error.__context__]
    text += [f"{each!r} {vars(each)}" for each in chained if each is not None]
    return "\n".join(text)


@pytest.mark.parametrize("failure", ["AccessDenied", "PackedPolicyTooLarge", "unreachable"])
def test_no_part_of_an_error_shows_a_secret(
    failure: str, make: Any, cloud: Any, document: Any, fault: Any
) -> None:
    if failure == "unreachable":
        others = dict.fromkeys(("bedrock", "bedrock-runtime", "logs"), cloud.url)
        document["endpoint_url"] = {"sts": "http://127.0.0.1:9", **others}
    else:
        message = f"denied for external id {document['external_id']}"
        cloud.faults["AssumeRole"] = [fault(403, failure, message)]
    session = make()
    with pytest.raises(AssumeRoleError) as caught:
        converse(session)
    text = text_of(caught.value)
    assert not [secret for secret in SECRETS if secret in text]
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.code) == (str(caught.value), caught.value.code)


def test_an_error_of_ours_does_not_hold_on_to_botocores_frames(make: Any, cloud: Any) -> None:
    """They hold the request that was about to leave, prompt and all."""
    session = make()
    cloud.keys.clear()
    with pytest.raises(AssumeRoleError) as caught:
        converse(session)
    names = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    # The application's own call, and the way to ours; nothing that prepared or signed.
    assert names[-1] == "call"
    assert not {"_make_request", "_send_request", "sign", "handler"} & set(names)


@pytest.mark.parametrize(
    "wrong",
    [
        {"messages": CANARY},
        {"messages": [{"role": "user", "content": CANARY}]},
        {"messages": [{"role": "user", "content": [{"text": [CANARY]}]}]},
        {"system": [{"text": 5, CANARY: "x"}]},
        {"requestMetadata": {CANARY: 5}},
        {CANARY: "x"},
        {"messages": [{"content": [{"text": CANARY}]}]},
    ],
)
def test_parameters_that_do_not_fit_are_not_quoted(wrong: Any, make: Any, cloud: Any) -> None:
    session = make()
    with pytest.raises(ParamValidationError) as caught:
        converse(session, **wrong)
    assert isinstance(caught.value, InvalidRequestError)
    assert CANARY not in str(caught.value) + repr(caught.value) + str(vars(caught.value))
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    assert "Converse: " in str(caught.value)
    assert not cloud.requests("bedrock")
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value)


def refused_for(session: ModelSession, patch: pytest.MonkeyPatch, why: str) -> None:
    """Make a call that this library or AWS refuses."""
    if why == "leak":
        patch.setattr(http.client.HTTPConnection, "debuglevel", 1)
        converse(session)
    elif why == "parameters":
        converse(session, system=CANARY)
    elif why == "salt":
        converse(session, messages=[], system=[], requestMetadata={"cachePoint": CANARY})
    elif why == "wrapped":
        runtime = session.runtime
        patch.setattr(runtime, "converse_stream", None)
        converse(session)
    else:
        converse(session, inferenceConfig={"maxTokens": 10 if why == "aws" else 2000})


@pytest.mark.parametrize("why", ["leak", "parameters", "salt", "wrapped", "quota", "aws"])
def test_no_frame_of_ours_keeps_a_prompt(
    why: str, make: Any, cloud: Any, document: Any, fault: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of botocore and of the application do: an exception passes them on its way up."""
    document["quotas"] = {MODEL: {"tokens_per_minute": 1000}}
    cloud.faults["Converse"] = [fault(400, "ValidationException")]
    session = make(quota_wait=0)
    with monkeypatch.context() as patch, pytest.raises(Exception) as caught:
        refused_for(session, patch, why)
    error = caught.value
    assert isinstance(error, NotSentError) is (why != "aws")
    own, others = "", ""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if f"{os.sep}client{os.sep}bulkhead{os.sep}" in frame.f_code.co_filename:
            own += repr(frame.f_locals)
        else:
            others += repr(frame.f_locals)
    assert own
    assert CANARY not in own
    assert CANARY in others
    if why != "aws":
        assert (error.__cause__, error.__context__) == (None, None)
        assert CANARY not in f"{error!r} {vars(error)}"
        assert not cloud.requests("bedrock")


def test_parameters_of_log_calls_are_not_quoted_either(
    cloud: Any, session_of: Any, document: Any
) -> None:
    logs = LogSession(BulkheadConfig.from_mapping(document), session_of("222222222222"))
    with pytest.raises(InvalidRequestError) as caught:
        logs.client().put_log_events(
            logGroupName="g", logStreamName="s", logEvents=[{"timestamp": 1, "message": [CANARY]}]
        )
    assert CANARY not in str(caught.value)
    assert "logEvents" in str(caught.value)


def test_all_errors_can_be_pickled() -> None:
    def kinds(of: type[BulkheadError]) -> list[type[BulkheadError]]:
        return [of, *(each for kind in of.__subclasses__() for each in kinds(kind))]

    made = {
        AssumeRoleError: lambda: AssumeRoleError("text", "code"),
        QuotaError: lambda: QuotaError("text", model="m", needed=3),
    }
    found = kinds(BulkheadError)
    assert DestinationError in found
    for kind in found:
        error = made.get(kind, lambda kind=kind: kind("text"))()
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is kind
        assert (str(again), vars(again)) == (str(error), vars(error))


def test_nothing_that_holds_keys_shows_or_gives_them(make: Any, document: Any) -> None:
    session = make()
    converse(session)
    logs = LogSession(BulkheadConfig.from_mapping(document), session._session)
    chat = session.chat(MODEL)
    shown = "".join(map(repr, (session, logs, chat, session._credentials, session._fleet)))
    shown += str(chat.model_dump()) + str(session._config)
    assert not [secret for secret in SECRETS if secret in shown]
    for thing in (session, session._credentials, session._config, session._config.external_id):
        with pytest.raises(TypeError):
            pickle.dumps(thing)


@pytest.mark.parametrize("allow", [(), ("debug-logs",)])
def test_no_log_line_shows_a_secret(
    allow: Any, make: Any, cloud: Any, caplog: pytest.LogCaptureFixture, fault: Any
) -> None:
    cloud.faults["AssumeRole"] = [fault(403, "AccessDenied")]
    with caplog.at_level(logging.DEBUG):
        session = make(allow=allow)
        with pytest.raises(AssumeRoleError):
            converse(session)
        session._credentials._not_before = 0.0
        converse(session)
    # A session token, which is of no use without its secret key, is part of what botocore signs.
    secrets = SECRETS[:3] if allow else SECRETS
    assert not [secret for secret in secrets if secret in caplog.text]
    assert (CANARY in caplog.text) is bool(allow)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_calls_over_connections_of_its_own(make: Any, cloud: Any) -> None:
    """With the parent's model client, and its session, while the parent goes on with both."""
    session = make()
    runtime = session.runtime
    converse(session)
    manager = runtime._endpoint.http_session._manager
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            own = runtime._endpoint.http_session._manager is not manager
            converse(session)
            code = 0 if own else 2
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    converse(session)
    assert runtime._endpoint.http_session._manager is manager
    assert len(cloud.requests("bedrock")) == 3
    assert len(cloud.requests("sts")) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_is_not_held_up_by_a_refresh_of_the_applications_own_keys(
    make: Any, cloud: Any, document: Any
) -> None:
    expires = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)
    own = RefreshableCredentials(
        cloud.new_key("222222222222"), "caller-secret", "t", expires, lambda: {}, "test"
    )
    base = BotocoreSession()
    base._credentials = own  # type: ignore[attr-defined]
    config = BulkheadConfig.from_mapping(document)
    models, logs = ModelSession(config, base), LogSession(config, base)
    held = own._refresh_lock  # type: ignore[attr-defined]
    assert held.acquire()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            free = own._refresh_lock.acquire(blocking=False)  # type: ignore[attr-defined]
            code = 0 if free else 2
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert own._refresh_lock is held  # type: ignore[attr-defined]
    del models, logs
