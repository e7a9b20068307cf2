"""The example application, run as a program with a configuration file and a profile."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

APPLICATION = Path(__file__).parents[2] / "client" / "examples" / "application.py"


@pytest.fixture
def run(cloud: Any, document: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    (tmp_path / "app.json").write_text(json.dumps(document))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))

    def run(account: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        key = cloud.new_key(account, "AKIA")
        (tmp_path / "credentials").write_text(
            f"[orders]\naws_access_key_id = {key}\naws_secret_access_key = secret\n"
        )
        command = [sys.executable, str(APPLICATION), "--config", str(tmp_path / "app.json")]
        return subprocess.run(
            [*command, "--profile", "orders", *arguments],
            timeout=60,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
        )

    return run


def test_sync_stream_and_async_each_leave_their_records(run: Any, cloud: Any) -> None:
    done = run("222222222222", "--prompt", "hello")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "sync: a canary completion",
        "stream: a canary completion",
        "async: a canary completion",
        "records: 4 of 4 delivered",
    ]
    assert len(cloud.records()) == 4


def test_an_unknown_profile_ends_with_one_clear_line(run: Any, cloud: Any) -> None:
    done = run("222222222222", "--way", "sync", "--profile", "nobody")
    assert done.returncode == 1
    assert done.stderr.splitlines() == ["The config profile (nobody) could not be found"]
    assert not cloud.seen


def test_the_wrong_account_ends_with_one_clear_line(run: Any, cloud: Any) -> None:
    done = run("111111111111", "--way", "sync")
    assert done.returncode == 1
    assert "operations account 111111111111" in done.stderr
    assert "Traceback" not in done.stderr
    assert {each.operation for each in cloud.seen} == {"GetCallerIdentity"}
