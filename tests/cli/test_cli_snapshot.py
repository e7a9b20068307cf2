"""`bulkhead snapshot` and `bulkhead diff`: what they write and say, and their exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.snapshots import ACME, NOBODY, OPERATIONS, STOP, fleet_arn, key_arn, small

from harness.cli import start
from harness.deploy.journal import Journal
from harness.snapshot.files import load, save

Said = tuple[int, str, str]
Command = Callable[..., Said]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs a command line; returns exit code, output and errors."""

    def run(*arguments: str | Path) -> Said:
        monkeypatch.setenv("COLUMNS", "200")
        code = start([str(each) for each in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def files(tmp_path: Path) -> Callable[..., tuple[Path, Path]]:
    """The small snapshot twice, as files, the second one edited."""

    def made(*edits: Callable[[dict[str, Any]], object]) -> tuple[Path, Path]:
        before, after = tmp_path / "a.json", tmp_path / "b.json"
        save(small(), before)
        document = small()
        for edit in edits:
            edit(document)
        save(document, after)
        return before, after

    return made


def opened(document: dict[str, Any]) -> None:
    role = document["accounts"][OPERATIONS]["identity"]["roles"][fleet_arn("acme")]
    role["trust"]["Statement"].append(
        {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{NOBODY}:root"},
            "Action": "sts:AssumeRole",
        }
    )


def stopped(document: dict[str, Any]) -> None:
    roles = document["accounts"][OPERATIONS]["identity"]["roles"]
    roles[fleet_arn("acme")]["attached"].append(STOP)


def test_alike_is_exit_code_0(command: Command, files: Any) -> None:
    code, out, err = command("diff", *files())
    assert (code, err) == (0, "")
    assert out.startswith("No difference. ")
    assert json.loads(command("diff", *files(), "--json")[1])["equal"] is True


def test_access_gained_is_said_in_words(command: Command, files: Any) -> None:
    code, out, _ = command("diff", *files(opened))
    assert code == 1
    assert "Access gained (1)" in out and "Access lost" not in out
    assert f"any role of {NOBODY} that may do anything there may now become a role:" in out
    assert f"become {fleet_arn('acme')}" in out
    assert "the statement that allows sts:AssumeRole for" in out
    assert "1 request newly allowed, 0 allowed no more, 1 change" in out


def test_access_lost_is_said_in_words(command: Command, files: Any) -> None:
    code, out, _ = command("diff", *files(stopped))
    assert code == 1
    assert "Access lost" in out and "Access gained" not in out
    assert f"{fleet_arn('acme')} may no more call models:" in out
    assert f"attached got {STOP}" in out
    assert "explicitly denied by statement Stop" in out


def test_as_json_each_answer_has_its_reasons(command: Command, files: Any) -> None:
    code, out, _ = command("diff", *files(opened, stopped), "--json")
    told = json.loads(out)
    assert code == 1 and told["equal"] is False
    assert told["external_ids_compared"] is True and told["requests"] > 500
    gained = [each for each in told["answers"] if each["after"] == "allowed"]
    assert [(each["action"], each["resource"]) for each in gained] == [
        ("sts:AssumeRole", fleet_arn("acme"))
    ]
    assert "trust policy" in gained[0]["why_after"] and gained[0]["before"] == "denied"
    assert {change["effect"] for change in told["changes"]} == {"gained", "lost"}


def test_what_one_of_them_could_not_read_is_said(command: Command, files: Any) -> None:
    def refused(document: dict[str, Any]) -> None:
        gap = {
            "account": ACME,
            "region": "eu-central-1",
            "section": "keys",
            "resource": key_arn(ACME),
            "call": "kms:get_key_policy",
            "code": "AccessDeniedException",
        }
        document["unreadable"].append(gap)
        document["accounts"][ACME]["regions"]["eu-central-1"]["keys"][key_arn(ACME)]["policy"] = (
            None
        )

    code, out, _ = command("diff", *files(refused))
    assert code == 1
    assert "Access gained" not in out and "Access lost" not in out
    assert "Not decided both times" in out and "(allowed then unknown)" in out
    assert "could not be read the second time: kms:get_key_policy answered AccessDenied" in out


def test_changed_requests_are_cases_for_decide(
    command: Command, files: Any, tmp_path: Path
) -> None:
    cases = tmp_path / "cases.jsonl"
    assert command("diff", *files(opened, stopped), "--cases", cases)[0] == 1
    lines = [json.loads(line) for line in cases.read_text("utf-8").splitlines()]
    assert len(lines) >= 4 and {line["id"].split(":")[0] for line in lines} == {"before", "after"}
    code, out, err = command("decide", cases)
    assert (code, err) == (0, "")
    answers = [json.loads(line) for line in out.splitlines()]
    assert [answer["agrees"] for answer in answers] == [True] * len(lines)
    assert {answer["decision"] for answer in answers} >= {"Allowed", "ImplicitlyDenied"}
    assert cases.stat().st_mode & 0o077 == 0


def test_different_keys_are_said(command: Command, files: Any) -> None:
    code, out, _ = command("diff", *files(lambda d: d.update(key_id="f" * 16)))
    assert code == 0
    assert "different keys, so external ids were not compared" in out


@pytest.mark.parametrize("wrong", ["a.json", "b.json"])
def test_a_file_that_is_no_snapshot_is_exit_code_2(
    command: Command, files: Any, wrong: str
) -> None:
    before, after = files()
    (before.parent / wrong).write_text("{}", encoding="utf-8")
    code, out, err = command("diff", before, after)
    assert (code, out) == (2, "")
    assert err.startswith(f"bulkhead: {before.parent / wrong}: is no snapshot of this release")
    assert err.count("\n") == 1 and "Traceback" not in err


def test_a_file_that_is_not_there_is_exit_code_2(command: Command, tmp_path: Path) -> None:
    code, _, err = command("diff", tmp_path / "a.json", tmp_path / "b.json")
    assert code == 2
    assert f"bulkhead: {tmp_path / 'a.json'}: cannot be read: No such file or directory" in err


# --- snapshot ------------------------------------------------------------------------------------


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What is read of a running environment, and by which key."""
    asked: dict[str, Any] = {"document": small()}

    def take(_deployment: Any, _target: Any, key: bytes) -> dict[str, Any]:
        asked["key"] = key
        document: dict[str, Any] = asked["document"]
        return document

    monkeypatch.setattr(
        "harness.cli.watched.running", lambda _: SimpleNamespace(target=lambda: None)
    )
    monkeypatch.setattr("harness.cli.snapshot.take", take)
    return asked


def test_a_snapshot_is_written_where_it_is_asked_for(
    command: Command, taken: dict[str, Any], tmp_path: Path
) -> None:
    out, key = tmp_path / "new" / "s.json", tmp_path / "key"
    code, said, err = command("snapshot", "embedded", "--out", out, "--key", key)
    assert (code, said) == (0, f"{out}\n")
    assert "Reading 6 accounts." in err and "unreadable" not in err
    assert load(out) == small()
    assert taken["key"] == bytes.fromhex(key.read_text("ascii").strip())
    command("snapshot", "embedded", "--out", out, "--key", key)
    assert taken["key"] == bytes.fromhex(key.read_text("ascii").strip())


def test_what_could_not_be_read_is_said(
    command: Command, taken: dict[str, Any], tmp_path: Path
) -> None:
    gap = {
        "account": OPERATIONS,
        "region": "eu-central-1",
        "section": "sinks",
        "resource": "",
        "call": "oam:list_sinks",
        "code": "AccessDenied",
    }
    taken["document"]["unreadable"].append(gap)
    code, _, err = command(
        *("snapshot", "embedded", "--out", tmp_path / "s.json", "--key", tmp_path / "key")
    )
    assert code == 0
    assert f"unreadable: sinks of {OPERATIONS} eu-central-1: oam:list_sinks AccessDenied" in err


def test_without_a_place_each_snapshot_is_a_new_file(
    command: Command, taken: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert taken
    for module in ("clouds", "environments", "snapshot"):
        monkeypatch.setattr(f"harness.cli.{module}.runs_folder", lambda: tmp_path)
    names = [Path(command("snapshot", "embedded")[1].strip()) for _ in range(2)]
    folder = tmp_path / "embedded"
    assert names == [folder / "snapshot-1.json", folder / "snapshot-2.json"]
    assert (tmp_path / "snapshot.key").exists()
    assert command("diff", *names)[0] == 0


def test_a_snapshot_says_what_is_being_changed(
    command: Command, taken: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert taken
    for module in ("clouds", "environments", "snapshot"):
        monkeypatch.setattr(f"harness.cli.{module}.runs_folder", lambda: tmp_path)
    assert "come to its end" not in command("snapshot", "embedded")[2]
    journal = Journal(tmp_path / "embedded" / "unfinished.json", "apply")
    journal.begin(["operations", "acme 222222222222"], [], whole=True)
    journal.finish("operations")
    code, _, err = command("snapshot", "embedded")
    assert code == 0
    assert "The apply of acme 222222222222 has not come to its end" in err


def test_ctrl_c_leaves_no_file(
    command: Command, taken: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert taken

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("harness.cli.snapshot.take", interrupted)
    code, out, err = command(
        *("snapshot", "embedded", "--out", tmp_path / "s.json", "--key", tmp_path / "key")
    )
    assert (code, out) == (130, "")
    assert err.endswith("bulkhead: interrupted\n") and "Traceback" not in err
    assert not (tmp_path / "s.json").exists()


def test_a_damaged_key_is_exit_code_2(
    command: Command, taken: dict[str, Any], tmp_path: Path
) -> None:
    assert taken
    (tmp_path / "key").write_text("no", encoding="ascii")
    code, _, err = command(
        *("snapshot", "embedded", "--out", tmp_path / "s.json", "--key", tmp_path / "key")
    )
    assert code == 2 and "is no snapshot key" in err
    assert not (tmp_path / "s.json").exists()


@pytest.mark.parametrize("name", ["snapshot", "audit", "drift"])
def test_an_environment_that_is_not_running_is_named(
    command: Command, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr("harness.cli.watched.running", lambda _: None)
    code, _, err = command(name, "embedded")
    assert code == 2
    assert "embedded is not running; start it with `bulkhead apply embedded`" in err
