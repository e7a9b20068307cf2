"""Snapshots as files: private, whole, the same each time, and refused where they are none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.snapshots import ACME, small

from harness.errors import UserError
from harness.snapshot.files import load, save

CUSTOMERS = Path(__file__).parents[2] / "environments" / "embedded" / "customers.schema.json"
ACCOUNT = json.loads(CUSTOMERS.read_text())["$defs"]["customer"]["properties"]["accounts"]["items"]
CALLERS = ACCOUNT["properties"]["caller"]["enum"]


def test_a_snapshot_comes_back_and_is_for_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "new" / "snapshot.json"
    save(small(), path)
    assert load(path) == small()
    assert path.stat().st_mode & 0o077 == 0
    first = path.read_bytes()
    save(dict(reversed(list(small().items()))), path)
    assert path.read_bytes() == first
    assert [file.name for file in path.parent.iterdir()] == ["snapshot.json"]


def test_what_cannot_be_written_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "snapshot.json"
    save(small(), path)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(UserError, match=r"snapshot\.json: cannot be written: No space left"):
        save({**small(), "taken_at": "2027-01-01T00:00:00Z"}, path)
    assert load(path) == small()
    assert [file.name for file in tmp_path.iterdir()] == ["snapshot.json"]


def broken(**members: Any) -> str:
    return json.dumps({**small(), **members})


def without(member: str) -> str:
    document = small()
    del document["accounts"][ACME]["identity"][member]
    return json.dumps(document)


def lacking(account: str) -> str:
    document = small()
    del document["accounts"][account]
    return json.dumps(document)


def trusting(**members: Any) -> str:
    document = small()
    roles = document["accounts"][ACME]["identity"]["roles"]
    next(iter(roles.values()))["trust"].update(members)
    return json.dumps(document)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it is not JSON"),
        ("{", "it is not JSON"),
        ("[" * 100_000, "it is not JSON"),
        ("[]", "`format` must be 'bulkhead-snapshot/1'"),
        ('{"format": "bulkhead-snapshot/99"}', "`format` must be 'bulkhead-snapshot/1'"),
        (broken(taken_at="yesterday"), "taken_at: 'yesterday' does not match"),
        (broken(more=1), "Additional properties are not allowed ('more' was unexpected)"),
        (without("roles"), f"accounts.{ACME}.identity: 'roles' is a required property"),
        (trusting(Statement=[{"Effect": "Maybe"}]), "trust"),
        (trusting(Statement=[{"Effect": "Allow", "Condition": ["x"]}]), "trust"),
        (trusting(Statement=["x"]), "trust"),
        (lacking(ACME), f"accounts: {ACME} is missing, which the environment names"),
    ],
    ids=[
        *("empty", "half", "deep", "list", "another format", "no time", "more", "less"),
        *("no effect", "no condition", "no statement", "no account"),
    ],
)
def test_what_is_no_snapshot_is_refused_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as refused:
        load(path)
    assert str(refused.value).startswith(f"{path}: ") and said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there_or_is_no_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"x\.json: cannot be read: No such file"):
        load(tmp_path / "x.json")
    (tmp_path / "y.json").write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match=r"y\.json: .*not UTF-8"):
        load(tmp_path / "y.json")


@pytest.mark.parametrize("caller", CALLERS)
def test_whatever_runs_an_application_may_be_in_a_snapshot(tmp_path: Path, caller: str) -> None:
    document = small()
    document["environment"]["homes"][ACME]["caller"] = caller
    save(document, tmp_path / "snapshot.json")
    assert load(tmp_path / "snapshot.json") == document
