"""Calls of a service through a role: quick, and never with rights that the role has lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support.cloud import REGION, A, Clients, allow, document, trust

from harness.cloud.call import Caller
from harness.cloud.keyring import Credential
from harness.cloud.process import CloudProcess
from harness.cloud.service_role import InProcessServiceRole
from harness.estate import RoleRecord

GROUP = "/invocations"
BEDROCK = {"Service": "bedrock.amazonaws.com"}
ASK: dict[str, Any] = {
    "modelId": "amazon.nova-lite-v1:0",
    "messages": [{"role": "user", "content": [{"text": "hello"}]}],
}


@pytest.fixture
def logging(cloud: CloudProcess) -> Iterator[Clients]:
    """A copy of the cloud where Bedrock writes an invocation log."""
    copy = cloud.fork()
    try:
        clients = Clients(copy)
        clients(A, "logs").create_log_group(logGroupName=GROUP)
        _make_role(clients)
        config = {"logGroupName": GROUP, "roleArn": f"arn:aws:iam::{A}:role/writer"}
        clients(A, "bedrock").put_model_invocation_logging_configuration(
            loggingConfig={"cloudWatchConfig": config}
        )
        yield clients
    finally:
        copy.stop()


def _make_role(clients: Clients) -> None:
    iam = clients(A, "iam")
    iam.create_role(RoleName="writer", AssumeRolePolicyDocument=trust(BEDROCK))
    iam.put_role_policy(
        RoleName="writer", PolicyName="logs", PolicyDocument=document(allow("logs:*"))
    )


def _converse(clients: Clients) -> int:
    """Call a model; returns how many records there are then."""
    clients(A, "bedrock-runtime").converse(**ASK)
    events = clients(A, "logs").filter_log_events(logGroupName=GROUP)["events"]
    return sum(event["message"].startswith("{") for event in events)


def test_records_stop_when_the_role_stops_trusting(logging: Clients) -> None:
    iam = logging(A, "iam")
    assert [_converse(logging), _converse(logging)] == [1, 2]
    other = trust({"Service": "lambda.amazonaws.com"})
    iam.update_assume_role_policy(RoleName="writer", PolicyDocument=other)
    assert _converse(logging) == 2
    iam.update_assume_role_policy(RoleName="writer", PolicyDocument=trust(BEDROCK))
    assert _converse(logging) == 3


def test_records_stop_when_the_role_loses_its_rights(logging: Clients) -> None:
    iam = logging(A, "iam")
    assert _converse(logging) == 1
    iam.delete_role_policy(RoleName="writer", PolicyName="logs")
    assert _converse(logging) == 1
    iam.delete_role(RoleName="writer")
    assert _converse(logging) == 1
    # Another role of the name serves: the configuration names it by its ARN.
    _make_role(logging)
    assert _converse(logging) == 2


def test_records_go_on_when_the_session_has_expired(logging: Clients) -> None:
    assert _converse(logging) == 1
    logging.cloud.age_sessions(1000)
    assert _converse(logging) == 2


def test_a_client_is_kept_while_its_session_lives() -> None:
    alive: set[str] = set()
    unused: Any = None

    def issue(caller: Caller, _seconds: int) -> Credential:
        key = f"ASIA{len(alive)}{caller.entity_id}"
        alive.add(key)
        return Credential(key, "secret", caller, "token")

    roles = InProcessServiceRole(unused, unused, issue, lambda key: key in alive, unused)
    one, other = (
        RoleRecord(f"arn:aws:iam::{A}:role/r", "r", role_id, unused, 3600)
        for role_id in ("AROA1", "AROA2")
    )
    client: Callable[..., Any] = roles._client
    first = client(one, "logs", REGION)
    assert client(one, "logs", REGION) is first
    assert client(one, "logs", "us-east-1") is not first
    assert client(other, "logs", REGION) is not first
    alive.clear()
    assert client(one, "logs", REGION) is not first


def test_a_role_that_trusts_nobody_cannot_be_configured(logging: Clients) -> None:
    config = {"logGroupName": GROUP, "roleArn": f"arn:aws:iam::{A}:role/other"}
    iam = logging(A, "iam")
    iam.create_role(
        RoleName="other", AssumeRolePolicyDocument=trust({"AWS": f"arn:aws:iam::{A}:root"})
    )
    with pytest.raises(ClientError, match="Failed to validate permissions"):
        logging(A, "bedrock").put_model_invocation_logging_configuration(
            loggingConfig={"cloudWatchConfig": config}
        )
