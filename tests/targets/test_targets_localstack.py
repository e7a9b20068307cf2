"""The target `localstack`, as far as it needs none that runs."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from harness.cli.clouds import Kind
from harness.cli.serve import wait_for_end
from harness.cloud.process import CloudProcess
from harness.errors import UserError
from harness.targets.base import Place
from harness.targets.localstack import HOST_VARIABLE, LocalStackTarget, host_of, python, running
from harness.targets.reach import reach


@pytest.mark.parametrize(
    ("given", "host"),
    [
        ("http://localhost:4566", "localhost:4566"),
        ("localhost:4566/", "localhost:4566"),
        ("10.0.0.1", "10.0.0.1:4566"),
    ],
)
def test_an_endpoint_is_taken_in_either_form(given: str, host: str) -> None:
    assert host_of(given) == host


@pytest.mark.parametrize("given", ["", "http://", "https://x", "host:port", "host:0", "host/path"])
def test_what_is_no_endpoint_is_refused(given: str) -> None:
    with pytest.raises(UserError, match="write http://HOST:PORT"):
        host_of(given)


def test_the_environment_names_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HOST_VARIABLE, "localhost:4567")
    assert Kind.of("localstack", None).host == "localhost:4567"
    assert Kind.of("localstack", "http://localhost:4568").host == "localhost:4568"
    assert Kind.of("embedded", None) == Kind()


def test_an_endpoint_without_the_target_is_refused() -> None:
    with pytest.raises(UserError, match="give --target localstack"):
        Kind.of("embedded", "http://localhost:4566")


def test_where_it_is_not_installed_the_way_to_get_it_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"make localstack.*Python 3\.13.*--endpoint"):
        python(tmp_path)


def test_one_that_does_not_start_is_told(tmp_path: Path) -> None:
    """Any other Python has no LocalStack."""
    venv = tmp_path / ".venv-localstack"
    (venv / "bin").mkdir(parents=True)
    (venv / ".installed").touch()
    other = venv / "bin" / "python"
    other.write_text("#!/bin/sh\necho no module named localstack\nexit 1\n", encoding="utf-8")
    other.chmod(0o755)
    with (
        pytest.raises(UserError, match=r"did not start \(no module named localstack\); see "),
        running(tmp_path, tmp_path / "run"),
    ):
        pass


def test_nobody_can_have_it_keep_what_it_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    venv = tmp_path / ".venv-localstack"
    (venv / "bin").mkdir(parents=True)
    (venv / ".installed").touch()
    other = venv / "bin" / "python"
    other.write_text("#!/bin/sh\nenv\nexit 1\n", encoding="utf-8")
    other.chmod(0o755)
    for name in ("DEBUG", "LS_LOG", "PERSISTENCE", "AWS_PROFILE", "KEPT"):
        monkeypatch.setenv(name, "trace")
    with pytest.raises(UserError, match="did not start"), running(tmp_path, tmp_path / "run"):
        pass
    log = (tmp_path / "run" / "localstack.log").read_text(encoding="utf-8")
    assert [line for line in log.splitlines() if line.endswith("=trace")] == ["KEPT=trace"]


def test_it_is_reached_again(tmp_path: Path) -> None:
    place = Place("localstack", "http://127.0.0.1:9", tmp_path / "credentials", tmp_path / "c")
    target = reach(place)
    assert isinstance(target, LocalStackTarget)
    assert target.place == place
    assert not target.real


def test_an_apply_ends_when_the_localstack_behind_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def listening() -> socket.socket:
        return socket.create_server(("127.0.0.1", 0))

    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    with listening() as gateway, listening() as behind:
        here, there = (f"127.0.0.1:{each.getsockname()[1]}" for each in (gateway, behind))
        cloud = CloudProcess(f"http://{here}", tmp_path / "keys", tmp_path / "c", None, there)
        monkeypatch.setattr("harness.cli.serve.time.sleep", interrupt)
        wait_for_end(cloud)  # until Ctrl-C
        monkeypatch.setattr("harness.cli.serve.time.sleep", lambda _seconds: behind.close())
        with pytest.raises(UserError, match=f"the LocalStack at {there} answers no more"):
            wait_for_end(cloud)


def test_what_must_be_installed_is_asked_for_before_anything_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.cli.clouds.project_root", lambda: tmp_path)
    with pytest.raises(UserError, match="make localstack"):
        Kind(localstack=True).need()
    Kind(localstack=True, host="localhost:4566").need()
    Kind().need()
