"""The model session: becomes the fleet role with the caller's own keys, or fails; nothing else."""

from __future__ import annotations

import dataclasses
import logging
import socket
import threading
import time
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, InvalidEndpointConfigurationError
from pydantic import BaseModel

from bulkhead import AssumeRoleError, BulkheadConfig, ModelSession, SessionError, UnknownModelError
from bulkhead.session import LogSession, without_bearer

MODEL = "anthropic.claude-3-5-sonnet-20240620-v1:0"
PROMPT = [{"role": "user", "content": [{"text": "a canary prompt"}]}]


@pytest.fixture
def session(cloud: Any, session_of: Any, document: dict[str, Any]) -> ModelSession:
    return ModelSession(BulkheadConfig.from_mapping(document), session_of("222222222222"))


def converse(session: ModelSession) -> Any:
    return session.runtime.converse(modelId=session.inference_profile(MODEL), messages=PROMPT)


def test_the_fleet_role_is_assumed_once_and_signs_the_call(
    session: ModelSession, cloud: Any, document: dict[str, Any]
) -> None:
    assert not cloud.seen
    converse(session)
    converse(session)
    (assumed,) = cloud.requests("sts")
    assert cloud.keys[assumed.key] == "222222222222"
    assert assumed.body["RoleArn"] == document["fleet_role_arn"]
    assert assumed.body["RoleSessionName"] == "t-222222222222-orders"
    assert assumed.body["DurationSeconds"] == "3600"
    calls = cloud.requests("bedrock")
    assert [cloud.keys[call.key] for call in calls] == ["111111111111"] * 2
    assert {call.region for call in calls} == {"eu-central-1"}


def test_one_assume_role_however_many_threads_ask(session: ModelSession, cloud: Any) -> None:
    threads = [threading.Thread(target=lambda: converse(session)) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(cloud.requests("bedrock")) == 50
    assert len(cloud.requests("sts")) == 1


def test_an_expired_session_is_replaced(session: ModelSession, cloud: Any) -> None:
    converse(session)
    credentials = session._credentials
    credentials._issued = dataclasses.replace(credentials._issued, expires=time.time() - 1)
    converse(session)
    assert len(cloud.requests("sts", "AssumeRole")) == 2
    first, second = cloud.requests("bedrock")
    assert first.key != second.key


def test_a_session_that_aws_calls_expired_is_replaced_at_the_next_call(
    session: ModelSession, cloud: Any, fault: Any
) -> None:
    cloud.faults["Converse"] = [fault(403, "ExpiredTokenException")]
    with pytest.raises(ClientError, match="ExpiredTokenException"):
        converse(session)
    converse(session)
    assert len(cloud.requests("sts", "AssumeRole")) == 2


@pytest.mark.parametrize("broken", ["external id", "sts"])
def test_no_role_no_model_call(
    broken: str,
    cloud: Any,
    session_of: Any,
    document: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Also with other credentials lying around: there is no second chain to fall back to."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", cloud.new_key("111111111111", "AKIA"))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "tempting")
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "tempting-token")
    if broken == "external id":
        document["external_id"] = "another-external-id"
    else:
        document["endpoint_url"] = {"sts": "http://127.0.0.1:9"} | dict.fromkeys(
            ("bedrock", "bedrock-runtime", "logs"), cloud.url
        )
    session = ModelSession(BulkheadConfig.from_mapping(document), session_of("222222222222"))
    with caplog.at_level(logging.DEBUG), pytest.raises(AssumeRoleError) as caught:
        converse(session)
    assert "no model was called" in str(caught.value)
    assert caught.value.code in ("AccessDenied", "EndpointConnectionError")
    assert not cloud.requests("bedrock")
    assert document["external_id"] not in caplog.text + str(caught.value) + repr(session)


def test_debug_logs_hold_no_secret(
    session: ModelSession, document: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        converse(session)
    assert "botocore" in {record.name.partition(".")[0] for record in caplog.records}
    assert document["external_id"] not in caplog.text
    assert "fleet-secret" not in caplog.text


def test_a_bearer_token_in_the_environment_is_ignored(
    session: ModelSession, cloud: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "tempting-token")
    converse(session)
    (call,) = cloud.requests("bedrock")
    assert call.headers["authorization"].startswith("AWS4-HMAC-SHA256")
    # The twin: a plain client would use it, and botocore then insists on HTTPS.
    plain = boto3.client("bedrock-runtime", region_name="eu-central-1")
    with pytest.raises(InvalidEndpointConfigurationError, match="Bearer authorization"):
        plain.converse(modelId="m", messages=PROMPT)


def test_client_side_monitoring_is_told_nothing(
    cloud: Any, session_of: Any, document: Any, fault: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would have the session token, and the texts of errors, which may quote what was asked."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as monitor:
        monitor.bind(("127.0.0.1", 0))
        monitor.setblocking(False)
        monkeypatch.setenv("AWS_CSM_ENABLED", "true")
        monkeypatch.setenv("AWS_CSM_PORT", str(monitor.getsockname()[1]))
        base = session_of("222222222222")
        config = BulkheadConfig.from_mapping(document)
        session = ModelSession(config, base)
        cloud.faults["Converse"] = [fault(400, "ValidationException", "what is a canary prompt?")]
        with pytest.raises(ClientError):
            converse(session)
        logs = LogSession(config, base).client()
        logs.create_log_stream(logGroupName=config.log_group_name, logStreamName="s")
        with pytest.raises(BlockingIOError):
            monitor.recv(65_536)
        # The twin: a plain client of the same environment reports.
        base.client("sts", region_name="eu-central-1").get_caller_identity()
        monitor.settimeout(10)
        assert b"GetCallerIdentity" in monitor.recv(65_536)


def test_models_of_older_and_newer_releases_of_langchain_aws_keep_no_bearer_token() -> None:
    class Older(BaseModel):
        model_id: str = "m"

    class Newer(Older):
        bedrock_api_key: str | None = "tempting-token"

    older = without_bearer(Older())
    assert older == Older()
    assert without_bearer(Newer()) == Newer(bedrock_api_key=None)


def test_an_application_without_credentials_is_told_so(cloud: Any, document: Any) -> None:
    with pytest.raises(SessionError, match="no AWS credentials of its own"):
        ModelSession(BulkheadConfig.from_mapping(document), boto3.Session())


def test_chat_needs_no_lookup_and_no_default_client(
    session: ModelSession, cloud: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("langchain-aws made a client of its own")

    monkeypatch.setattr("langchain_aws.chat_models.bedrock_converse.create_aws_client", refuse)
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "tempting-token")
    monkeypatch.setenv("LANGSMITH_GATEWAY", "true")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "environment-secret")
    chat = session.chat(MODEL, max_tokens=64)
    chat.invoke("hello")
    (call,) = cloud.requests("bedrock")
    assert call.operation == "Converse"
    assert call.body["modelId"] == session.inference_profile(MODEL)
    assert chat.base_model_id == MODEL
    assert chat.provider == "anthropic"
    assert chat.bedrock_api_key is None
    assert chat.endpoint_url == cloud.url
    assert chat.aws_secret_access_key is None


def test_chat_refuses_other_models_and_other_credentials(session: ModelSession) -> None:
    with pytest.raises(UnknownModelError, match=r"the configuration has anthropic\.claude"):
        session.chat("amazon.nova-lite-v1:0")
    with pytest.raises(TypeError, match="endpoint_url"):
        session.chat(MODEL, endpoint_url="https://example.com")
