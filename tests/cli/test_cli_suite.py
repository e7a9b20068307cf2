"""The suite's process: what it is given, and that it ends with whoever wanted it."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console
from support.processes import ends, is_alive

from harness.cli.suite import Reports, Suite
from harness.deploy.workspace import STARTER
from harness.errors import UserError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a suite runs whose Python is a shell script, by the name of `python`."""
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    return tmp_path


def python(folder: Path, script: str) -> None:
    executable = folder / "python"
    executable.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    executable.chmod(0o755)


def suite_of(folder: Path) -> Suite:
    return Suite("embedded", folder / "deployment.json", folder, Reports.into(folder))


def wait_for(path: Path) -> str:
    deadline = time.monotonic() + 10
    while not (path.exists() and path.read_text().endswith("\n")):
        assert time.monotonic() < deadline, f"{path.name} was not written"
        time.sleep(0.01)
    return path.read_text().strip()


def test_what_ends_it_early_ends_it_with_its_workers(folder: Path) -> None:
    python(folder, f"sleep 60 & echo $! > '{folder}/worker'; wait")
    with pytest.raises(UserError, match="the apply failed"), suite_of(folder) as suite:
        suite.start()
        worker = int(wait_for(folder / "worker"))
        assert is_alive(worker)
        raise UserError("the apply failed")
    assert ends(worker)


def test_one_that_never_started_has_nothing_to_end(folder: Path) -> None:
    python(folder, "exit 1")
    with suite_of(folder):
        pass


def test_it_starts_before_its_deployment_is_there_and_knows_who_started_it(folder: Path) -> None:
    python(folder, f'echo "$@" > "{folder}/asked"; echo "${STARTER}" > "{folder}/starter"')
    with suite_of(folder) as suite:
        suite.start()
        asked = wait_for(folder / "asked")
        assert int(wait_for(folder / "starter")) == os.getpid()
    assert f"--environment embedded --deployment {folder}/deployment.json" in asked
    assert "-m pytest tests/security" in asked


def test_what_yesterdays_run_left_is_not_taken_for_todays(folder: Path) -> None:
    (folder / "results.json").write_text("{}", encoding="utf-8")
    python(folder, "exit 0")
    with suite_of(folder) as suite, pytest.raises(UserError, match="did not run"):
        suite.finish(Console(quiet=True))


def test_a_suite_that_does_not_run_says_its_last_line(folder: Path) -> None:
    python(folder, "echo first; echo no such option; exit 4")
    with (
        suite_of(folder) as suite,
        pytest.raises(UserError, match=r"did not run \(no such option\); see .*pytest.log"),
    ):
        suite.finish(Console(quiet=True))
