"""What is to be found out first on real accounts, tried against both readings of AWS."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.real_accounts import open_accounts, sandbox

from harness.cli import accounts as cli
from harness.cloud.process import CloudProcess
from harness.deploy.embedded_plan import cloud_plan
from harness.deploy.environment import Environment
from harness.deploy.sweep import find
from harness.targets.aws import AwsTarget
from scripts import first_on_aws
from scripts.first_on_aws import CHECKS, main

PAGE = Path(__file__).parents[2] / "docs" / "real-aws.md"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return sandbox(tmp_path_factory.mktemp("sandbox"))


@pytest.fixture(params=["application", "system-too"])
def reading(
    request: pytest.FixtureRequest,
    environment: Environment,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[str]:
    """A cloud that plays one reading, and is reached as AWS."""
    plan = dataclasses.replace(cloud_plan(environment), inference_profile_key=request.param)
    monkeypatch.setattr(cli, "run_folder", lambda _: tmp_path)
    monkeypatch.setattr(first_on_aws, "run_folder", lambda _: tmp_path)
    monkeypatch.setattr(first_on_aws, "_PAUSE", 0.05)
    monkeypatch.setattr(AwsTarget, "patience", 0.5)
    with (
        CloudProcess.start(plan, credentials=tmp_path / "keys") as cloud,
        open_accounts(cloud, tmp_path, monkeypatch, {}),
    ):
        yield request.param


def left(environment: Environment, folder: Path) -> list[str]:
    access, _ = cli.access_of(environment, folder, ())
    return [str(e) for e in find(environment, AwsTarget(access)) if e.name != "bulkhead-owner"]


def test_the_value_of_the_profile_key_is_told_and_nothing_is_left(
    reading: str, environment: Environment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main([str(environment.path), "--changing", "--only", "profile-key"])
    said = capsys.readouterr().out
    if reading == "application":
        assert (code, said) == (
            0,
            "profile-key: as assumed: it is the application profile's own ARN: `application`\n",
        )
    else:
        assert code == 1
        assert said.startswith("profile-key: OTHERWISE: the system profile is authorized, too")
    assert left(environment, tmp_path) == []


@pytest.mark.parametrize("reading", ["application"], indirect=True)
def test_what_only_reads_changes_nothing_and_every_check_is_told(
    reading: str,
    environment: Environment,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    main([str(environment.path)])
    said = dict(line.split(": ", 1) for line in capsys.readouterr().out.splitlines())
    assert list(said) == [check.identifier for check in CHECKS]
    for check in CHECKS:
        if check.kind == "changes":
            assert said[check.identifier].startswith("not known: not asked for (--changing)")
        if check.kind == "person":
            assert said[check.identifier].startswith("not known: for a person: ")
    assert left(environment, tmp_path) == []

    # A check that lies about what it does is held back.
    lying: Any = dataclasses.replace(CHECKS[0], kind="reads")
    monkeypatch.setattr(first_on_aws, "CHECKS", (lying,))
    main([str(environment.path)])
    assert "could change a real account and was not sent" in capsys.readouterr().out
    assert left(environment, tmp_path) == []


def test_the_page_lists_every_check_in_order() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| (.*) \| (.*) \|$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert [row[0] for row in rows] == [check.identifier for check in CHECKS]
    for (name, _, who), check in zip(rows, CHECKS, strict=True):
        assert (who == "you") == (check.kind == "person"), name
        assert (who == "reads") == (check.kind == "reads"), name
    assert "Nothing on this page was run on real AWS." in PAGE.read_text("utf-8")
