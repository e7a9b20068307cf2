"""Parts of the gateway by themselves: ages of sessions, sizes of bodies, what fails inside."""

from __future__ import annotations

import io
import json
import logging
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support.cloud import LONER, A

from harness.cloud import http_request
from harness.cloud.call import ApiError, Call, Caller
from harness.cloud.http_request import read_request
from harness.cloud.inner import MotoApp
from harness.cloud.keyring import Credential, KeyRing
from harness.cloud.plan import CloudPlan
from harness.cloud.process import CloudProcess
from harness.errors import UserError
from harness.targets.embedded import EmbeddedTarget

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ANN = f"arn:aws:iam::{A}:user/ann"


def test_ageing_moves_all_times_of_a_session_and_none_of_a_key() -> None:
    ring = KeyRing(lambda: NOON)
    session = Caller("user", A, ANN, ANN, "AIDA1", issued_at=NOON, expires_at=NOON + HOUR)
    ring.add(Credential("ASIA1", "s", session, "token", NOON + HOUR))
    key = ring.add(Credential("AKIA1", "s", Caller("user", A, ANN, ANN, "AIDA1")))
    ring.age(HOUR)
    aged = ring.get("ASIA1")
    assert aged is not None
    assert (aged.expires_at, aged.caller.expires_at) == (NOON, NOON)
    assert aged.caller.issued_at == NOON - HOUR
    assert ring.get("AKIA1") == key


def _chunked(body: bytes) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/",
        "HTTP_TRANSFER_ENCODING": "chunked",
        "wsgi.input": io.BytesIO(body),
    }


def test_a_chunked_body_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_request, "MAX_BODY", 16)
    assert read_request(_chunked(b"x" * 16)).body == b"x" * 16
    with pytest.raises(ApiError) as caught:
        read_request(_chunked(b"x" * 17))
    assert (caught.value.code, caught.value.status) == ("RequestEntityTooLarge", 413)


class _Operation:
    service, name, protocol = "sqs", "ListQueues", "json"

    class request:
        environ: dict[str, Any] = {}  # noqa: RUF012
        body = b""


@pytest.mark.parametrize(("error", "said"), [(KeyError, 1), (NotImplementedError, 0)])
def test_what_the_inner_app_raises_is_a_501(
    caplog: pytest.LogCaptureFixture, error: type[Exception], said: int
) -> None:
    app = MotoApp()

    def fail(_environ: Any, _start: Any) -> Any:
        raise error("prompt")

    app._app = fail  # type: ignore[assignment]
    operation: Any = _Operation()
    call = Call("sqs", "ListQueues", "eu-central-1", {}, Caller("user", A, ANN, ANN, "AIDA1"))
    with caplog.at_level(logging.ERROR):
        answer = app.handle(operation, call, A)
    assert (answer.status, answer.body) == (501, b"")
    assert [r.getMessage() for r in caplog.records] == [
        "sqs:ListQueues failed in the inner app"
    ] * said


def test_a_taken_port_leaves_the_credentials_of_who_has_it(tmp_path: Path) -> None:
    credentials, plan = tmp_path / "credentials", CloudPlan((LONER,))
    credentials.write_text("of the other cloud")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match="did not start"):
            CloudProcess.start(plan, credentials=credentials, port=port)
    assert credentials.read_text() == "of the other cloud"
    with CloudProcess.start(plan, credentials=credentials):
        assert LONER in credentials.read_text()


def test_an_administrator_may_be_a_role(tmp_path: Path) -> None:
    """Its credentials are a session that can do all, and that a trust names as the role."""
    name, role = "role/team/Owner", f"arn:aws:iam::{LONER}:role/team/Owner"
    plan = CloudPlan((LONER,), administrator=name)
    with CloudProcess.start(plan, credentials=tmp_path / "credentials") as cloud:
        target = EmbeddedTarget(cloud)
        session = target.session(LONER)
        sts, iam = (target.client(session, service, "us-east-1") for service in ("sts", "iam"))
        assert ":assumed-role/Owner/" in sts.get_caller_identity()["Arn"]
        assert iam.get_role(RoleName="Owner")["Role"]["Arn"] == role
        for wanted, operator in (("mine", "StringEquals"), ("others", "StringNotEquals")):
            trusted = {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{LONER}:root"},
                "Action": "sts:AssumeRole",
                "Condition": {operator: {"aws:PrincipalArn": role}},
            }
            document = json.dumps({"Version": "2012-10-17", "Statement": [trusted]})
            arn = iam.create_role(RoleName=wanted, AssumeRolePolicyDocument=document)["Role"]["Arn"]
            if wanted == "mine":
                assert sts.assume_role(RoleArn=arn, RoleSessionName="test")["AssumedRoleUser"]
            else:
                with pytest.raises(ClientError, match="AccessDenied"):
                    sts.assume_role(RoleArn=arn, RoleSessionName="test")
