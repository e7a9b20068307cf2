"""`bulkhead baseline`: what it shows, what it changes, and its exit codes."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from harness.cli import start
from harness.deploy.baseline import Setting

GOOD = Setting("data retention", "1 eu-central-1", "none", "none", "as wanted")
PENDING = Setting("data retention", "1 eu-west-1", "inherit", "none", "to change")
CHANGED = Setting("data retention", "1 eu-west-1", "inherit", "none", "changed")
YOURS = Setting("model access", "m", "no", "available", "left to you", advice="read the terms")

Command = Callable[..., tuple[int, str]]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs the command against a running environment with these settings; says what it did."""

    def run(
        *arguments: str, read: list[Setting], made: list[Setting] | None = None
    ) -> tuple[int, str]:
        def refuse(*_: Any) -> list[Setting]:
            raise AssertionError("something was set")

        monkeypatch.setenv("COLUMNS", "160")
        monkeypatch.setattr(
            "harness.cli.baseline.running", lambda _: SimpleNamespace(target=lambda: None)
        )
        monkeypatch.setattr("harness.cli.baseline.read_baseline", lambda *_: read)
        monkeypatch.setattr(
            "harness.cli.baseline.set_baseline", refuse if made is None else lambda *_: made
        )
        code = start(["baseline", "embedded", *arguments])
        return code, capsys.readouterr().out

    return run


def test_it_shows_and_changes_nothing_unless_told_to(command: Command) -> None:
    code, out = command(read=[GOOD, PENDING])
    assert code == 1
    assert "inherit" in out
    assert "Nothing was changed. 1 to change: run it again with --set." in out


def test_it_sets_when_told_to(command: Command) -> None:
    code, out = command("--set", read=[GOOD, PENDING], made=[GOOD, CHANGED])
    assert code == 0
    assert "changed" in out
    assert "--set" not in out


def test_what_is_right_is_told_as_such(command: Command) -> None:
    assert command(read=[GOOD])[0] == 0


def test_what_is_left_to_a_person_fails_with_what_to_do(command: Command) -> None:
    code, out = command("--set", read=[GOOD, YOURS], made=[GOOD, YOURS])
    assert code == 1
    assert "model access m: read the terms." in out


def test_what_did_not_take_fails(command: Command) -> None:
    code, out = command("--set", read=[PENDING], made=[PENDING])
    assert code == 1
    assert "1 did not take the change" in out


def test_an_environment_that_is_not_running_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("harness.cli.baseline.running", lambda _: None)
    assert start(["baseline", "embedded"]) == 2
    assert "embedded is not running; start it with `bulkhead apply embedded`" in (
        capsys.readouterr().err
    )
