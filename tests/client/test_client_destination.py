"""The destination guard: the wrong account's credentials never send a byte to CloudWatch Logs."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from bulkhead import (
    Bulkhead,
    BulkheadConfig,
    CloudWatchTransport,
    ConfigError,
    DestinationError,
    DestinationUnknownError,
    LogSession,
    ModelSession,
    RequestRefusedError,
)
from bulkhead.batch import Event
from bulkhead.destination import Destination
from bulkhead.session import _install

RECORD = {"bulkhead.status": "success"}


def now() -> int:
    return int(time.time() * 1000)


def test_the_customers_own_credentials_may_write(
    cloud: Any, session_of: Any, document: Any
) -> None:
    with Bulkhead.from_config(document, session_of("222222222222"), linger=0) as app:
        app.writer.put(RECORD, now())
        assert app.flush(60)
    assert cloud.records() == [RECORD]
    # One question to STS for the one credential, and it came before the first byte of logs.
    operations = [each.operation for each in cloud.seen]
    assert operations == ["GetCallerIdentity", "CreateLogStream", "PutLogEvents"]


@pytest.mark.parametrize("account", ["111111111111", "333333333333"])
def test_another_accounts_credentials_are_refused_at_the_start(
    account: str, cloud: Any, session_of: Any, document: Any
) -> None:
    with pytest.raises(DestinationError, match=account):
        Bulkhead.from_config(document, session_of(account))
    assert not cloud.requests("logs")


def test_the_fleet_roles_credentials_are_refused(
    cloud: Any, session_of: Any, document: Any
) -> None:
    """The mix-up the design fears most: logs written with the model's credentials."""
    config = BulkheadConfig.from_mapping(document)
    model = ModelSession(config, session_of("222222222222"))
    with pytest.raises(DestinationError, match="operations account 111111111111"):
        Bulkhead(config, model._session)
    assert not cloud.requests("logs")


def test_credentials_that_change_later_are_checked_again(
    cloud: Any, session_of: Any, document: Any
) -> None:
    base = session_of("222222222222")
    with Bulkhead.from_config(document, base, linger=0) as app:
        app.writer.put(RECORD, now())
        assert app.flush(60)
        sent = len(cloud.requests("logs"))
        keys = base.get_credentials()
        keys.access_key = cloud.new_key("111111111111")
        app.writer.put(RECORD, now())
        assert app.flush(60)
        assert len(cloud.requests("logs")) == sent
        assert app.stats.dropped_refused == 1
        assert "operations account" in str(app.writer.refusal)
        # And back: another key of the right account is checked and then used.
        keys.access_key = cloud.new_key("222222222222")
        app.writer.put(RECORD, now())
        assert app.flush(60)
        assert app.stats.delivered == 2
    assert len(cloud.requests("sts", "GetCallerIdentity")) == 3


def test_a_client_with_other_credentials_is_stopped_before_it_sends(
    cloud: Any, session_of: Any, document: Any
) -> None:
    logs = LogSession(BulkheadConfig.from_mapping(document), session_of("222222222222"))
    logs.verify()
    good = logs.client()
    good.create_log_stream(logGroupName=document["log_group_name"], logStreamName="a")
    sent = len(cloud.requests("logs"))
    _install(logs._session, Credentials(cloud.new_key("111111111111"), "secret"))
    with pytest.raises(DestinationError, match="unchecked credentials"):
        logs.client().create_log_stream(logGroupName=document["log_group_name"], logStreamName="b")
    assert len(cloud.requests("logs")) == sent


def test_the_very_key_that_signs_is_the_one_sts_is_asked_about(
    cloud: Any, session_of: Any, document: Any
) -> None:
    """Not whatever the session has when STS is asked: keys may change in between."""
    base = session_of("222222222222")
    logs = LogSession(BulkheadConfig.from_mapping(document), base)
    keys = base.get_credentials()
    client = logs.client()
    for number in range(3):
        keys.access_key = cloud.new_key("222222222222")
        client.create_log_stream(logGroupName=document["log_group_name"], logStreamName=str(number))
    asked = [each.key for each in cloud.requests("sts", "GetCallerIdentity")]
    signed = [each.key for each in cloud.requests("logs")]
    assert asked == signed
    assert len(set(signed)) == 3


def test_an_answer_about_another_key_is_not_taken(
    cloud: Any, session_of: Any, document: Any
) -> None:
    """An STS client that signs with other keys than it was given would vouch for the wrong ones."""
    logs = LogSession(BulkheadConfig.from_mapping(document), session_of("333333333333"))
    other = Credentials(cloud.new_key("222222222222"), "secret")

    def swap(base_classes: list[type], **_: Any) -> None:
        class Swapped:
            def _make_api_call(self, *call: Any) -> Any:
                self._request_signer._credentials = other  # type: ignore[attr-defined]
                return super()._make_api_call(*call)  # type: ignore[misc]

        base_classes.insert(0, Swapped)

    logs._session.register("creating-client-class.sts", swap)
    with pytest.raises(RequestRefusedError, match="another key"):
        logs.verify()
    assert not cloud.seen


def test_no_answer_from_sts_means_not_yet(cloud: Any, session_of: Any, document: Any) -> None:
    document["endpoint_url"] = {"sts": "http://127.0.0.1:9", "logs": cloud.url}
    document["endpoint_url"] |= {"bedrock": cloud.url, "bedrock-runtime": cloud.url}
    with pytest.raises(DestinationUnknownError, match="EndpointConnectionError") as caught:
        Bulkhead.from_config(document, session_of("222222222222"))
    assert not cloud.requests("logs")
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:logs:eu-central-1:333333333333:log-group:/bulkhead/acme/bedrock",
        "arn:aws:logs:us-east-1:222222222222:log-group:/bulkhead/acme/bedrock",
        "arn:aws:logs:eu-central-1:222222222222:log-group:/bulkhead/globex/bedrock",
    ],
)
def test_the_log_group_arn_must_be_the_one_written_to(
    arn: str, cloud: Any, session_of: Any, document: Any
) -> None:
    document["log_group_arn"] = arn
    with pytest.raises(ConfigError, match=r"`log_group_arn` names the .* correct one of them"):
        Bulkhead.from_config(document, session_of("222222222222"))
    assert not cloud.seen
    # The second wall, for whoever comes without a document.
    there = Destination("222222222222", "111111111111", "eu-central-1", "/bulkhead/acme/bedrock")
    with pytest.raises(DestinationError, match="is not /bulkhead/acme/bedrock of account 2222"):
        replace(there, log_group_arn=arn).check()
    own = "arn:aws:logs:eu-central-1:222222222222:log-group:/bulkhead/acme/bedrock"
    replace(there, log_group_arn=own).check()


def test_a_noted_account_id_can_refuse_but_not_allow(cloud: Any, document: Any) -> None:
    config = BulkheadConfig.from_mapping(document)

    def base(key_account: str, noted: str) -> boto3.Session:
        return boto3.Session(
            aws_access_key_id=cloud.new_key(key_account, "AKIA"),
            aws_secret_access_key="secret",
            aws_account_id=noted,
        )

    with pytest.raises(DestinationError):
        LogSession(config, base("222222222222", "333333333333")).verify()
    assert not cloud.seen
    with pytest.raises(DestinationError):
        LogSession(config, base("333333333333", "222222222222")).verify()
    LogSession(config, base("222222222222", "222222222222")).verify()


@pytest.mark.parametrize("code", ["ResourceAlreadyExistsException", "AccessDeniedException"])
def test_a_stream_whose_making_was_not_heard_of_is_used(code: str) -> None:
    """The answer to an attempt is lost, and the SDK's next finds the stream."""

    class Client:
        def create_log_stream(self, **_: str) -> None:
            raise ClientError({"Error": {"Code": code}}, "CreateLogStream")

        def put_log_events(self, **_: Any) -> dict[str, Any]:
            return {}

    transport = CloudWatchTransport(Client, "group", "orders")
    if code == "ResourceAlreadyExistsException":
        assert transport.send([Event.of(1, "{}")]) is None
    else:
        with pytest.raises(ClientError):
            transport.send([Event.of(1, "{}")])
