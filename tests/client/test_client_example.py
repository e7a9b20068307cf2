"""The example applications, run as programs with a configuration file and a profile."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parents[2] / "client" / "examples"


@pytest.fixture
def run(cloud: Any, document: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    (tmp_path / "app.json").write_text(json.dumps(document))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))

    def run(
        account: str, *arguments: str, program: str = "application.py"
    ) -> subprocess.CompletedProcess[str]:
        key = cloud.new_key(account, "AKIA")
        (tmp_path / "credentials").write_text(
            f"[orders]\naws_access_key_id = {key}\naws_secret_access_key = secret\n"
        )
        program = str(EXAMPLES / program)
        command = [sys.executable, program, "--config", str(tmp_path / "app.json")]
        return subprocess.run(
            [*command, "--profile", "orders", *arguments],
            timeout=60,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
        )

    return run


def test_every_way_of_the_application_leaves_its_record(run: Any, cloud: Any) -> None:
    done = run("222222222222", "--prompt", "hello")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "invoke: a canary completion",
        "stream: a canary completion",
        "boto3: a canary completion",
        "records: 3 of 3 delivered",
    ]
    sources = [record["bulkhead.source"] for record in cloud.records()]
    assert sources == ["langchain", "langchain", "boto3"]


def test_the_async_application_records_what_it_gives_up(run: Any, cloud: Any) -> None:
    cloud.delay = 0.5
    arguments = ("--seconds", "0.2", "one", "two")
    done = run("222222222222", *arguments, program="async_application.py")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:3] == ["one: (too late)", "two: (too late)", "summary: a canary completion"]
    records = cloud.records()
    # The first calls may have waited for the role so long that they were never sent.
    late = [each for each in records if each["bulkhead.status"] == "cancelled"]
    assert len(records) == len(cloud.requests("bedrock")) == len(late) + 1
    assert lines[3] == f"records: {len(records)} of {len(records)} delivered"
    # Those that were answered before the application closed say so.
    assert all(each.get("gen_ai.usage.output_tokens", 11) == 11 for each in late)


def test_an_unknown_profile_ends_with_one_clear_line(run: Any, cloud: Any) -> None:
    done = run("222222222222", "--way", "invoke", "--profile", "nobody")
    assert done.returncode == 1
    assert done.stderr.splitlines() == ["The config profile (nobody) could not be found"]
    assert not cloud.seen


def test_the_wrong_account_ends_with_one_clear_line(run: Any, cloud: Any) -> None:
    done = run("111111111111", "--way", "invoke")
    assert done.returncode == 1
    assert "operations account 111111111111" in done.stderr
    assert "Traceback" not in done.stderr
    assert {each.operation for each in cloud.seen} == {"GetCallerIdentity"}
