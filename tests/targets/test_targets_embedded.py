"""Sessions, clients and environments of the embedded target, without a cloud."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.errors import UserError
from harness.targets.base import clean_environ
from harness.targets.embedded import EmbeddedTarget


@dataclass
class Cloud:
    endpoint: str
    credentials: Path
    control: Path


@pytest.fixture
def target(tmp_path: Path) -> EmbeddedTarget:
    path = tmp_path / "credentials"
    path.write_text(
        "[222222222222]\naws_access_key_id = AKIATWO\naws_secret_access_key = se%cret\n",
        encoding="utf-8",
    )
    return EmbeddedTarget(Cloud("http://127.0.0.1:9", path, tmp_path / "control"))


def test_a_session_has_the_accounts_keys(target: EmbeddedTarget) -> None:
    session = target.session("222222222222")
    credentials = session.get_credentials()
    assert credentials is not None
    assert (credentials.access_key, credentials.secret_key) == ("AKIATWO", "se%cret")
    assert target.session("222222222222") is session


def test_an_unknown_account_is_an_error(target: EmbeddedTarget) -> None:
    with pytest.raises(UserError, match=r"no profile \[333333333333\]"):
        target.session("333333333333")


def test_an_unknown_caller_is_an_error(target: EmbeddedTarget) -> None:
    with pytest.raises(UserError, match="lambda, ecs, ec2"):
        target.caller_session("arn:aws:iam::222222222222:role/r", "vm", region="eu-west-1")


def test_the_persons_own_settings_do_not_matter(
    target: EmbeddedTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody-knows-this")
    monkeypatch.setenv("AWS_REGION", "ap-south-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIASTRAY")
    client = target.client(target.session("222222222222"), "logs", "eu-west-1")
    assert client.meta.endpoint_url == "http://127.0.0.1:9"
    assert client.meta.region_name == "eu-west-1"
    assert client._request_signer._credentials.access_key == "AKIATWO"


def test_clients_are_kept_apart_by_session_service_region_and_settings(
    target: EmbeddedTarget,
) -> None:
    session = target.session("222222222222")
    other = target.assumed({"AccessKeyId": "ASIA", "SecretAccessKey": "s", "SessionToken": "t"})
    client = target.client(session, "logs", "eu-west-1")
    assert target.client(session, "logs", "eu-west-1") is client
    different = [
        target.client(session, "logs", "us-east-1"),
        target.client(session, "sts", "eu-west-1"),
        target.client(session, "logs", "eu-west-1", read_timeout=1),
        target.client(other, "logs", "eu-west-1"),
    ]
    assert client not in different
    assert len({id(c) for c in different}) == len(different)


def test_an_environment_leads_to_the_cloud_and_nowhere_else(
    target: EmbeddedTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "stray")
    monkeypatch.setenv("TF_VAR_profile", "stray")
    monkeypatch.setenv("NO_PROXY", "example.com")
    environ = target.environ("222222222222")
    assert "stray" not in environ.values()
    assert environ["AWS_PROFILE"] == "222222222222"
    assert environ["AWS_ENDPOINT_URL"] == "http://127.0.0.1:9"
    assert environ["AWS_SHARED_CREDENTIALS_FILE"] == str(target.credentials)
    assert environ["AWS_CONFIG_FILE"] == str(target.credentials.with_name("config"))
    assert environ["NO_PROXY"] == "example.com,127.0.0.1,localhost"
    assert "AWS_PROFILE" not in target.environ(None)


def test_clean_environ_keeps_the_rest() -> None:
    assert clean_environ({"PATH": "/bin", "AWS_PROFILE": "x", "TF_LOG": "x"}) == {"PATH": "/bin"}
