"""What is kept of a rotation of external ids, wherever it was interrupted."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from harness.deploy import rotation
from harness.deploy.secrets import external_ids
from harness.errors import UserError

HOUR = timedelta(hours=1)


@pytest.fixture
def ids(tmp_path: Path) -> Path:
    file = tmp_path / "external-ids.json"
    file.write_text(json.dumps({"acme": "a" * 43, "globex": "g" * 43}), encoding="utf-8")
    return file


def current(ids: Path) -> str:
    found: str = json.loads(ids.read_text(encoding="utf-8"))["globex"]
    return found


def test_a_rotation_keeps_the_old_id_and_is_not_begun_twice(tmp_path: Path, ids: Path) -> None:
    end = rotation.rotate(tmp_path, ids, "globex", HOUR)
    new = current(ids)
    assert new != "g" * 43
    assert rotation.previous_ids(tmp_path, ["globex"])["globex"]["external_id"] == "g" * 43
    assert rotation.rotate(tmp_path, ids, "globex", HOUR) == end
    assert current(ids) == new


def test_a_rotation_that_made_no_id_is_told_from_one_that_did(
    tmp_path: Path, ids: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not rotation.none_made(tmp_path, ids, "globex")

    def killed() -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(rotation, "new_external_id", killed)
        rotation.rotate(tmp_path, ids, "globex", HOUR)
    assert rotation.none_made(tmp_path, ids, "globex")
    assert not rotation.none_made(tmp_path, ids, "acme")
    rotation.rotate(tmp_path, ids, "globex", HOUR)
    assert not rotation.none_made(tmp_path, ids, "globex")


def test_an_id_that_is_ended_is_in_no_trust_and_known_until_it_is_forgotten(
    tmp_path: Path, ids: Path
) -> None:
    end = rotation.rotate(tmp_path, ids, "globex", HOUR)
    rotation.end_grace(tmp_path, "globex")
    assert rotation.previous_ids(tmp_path, ["globex"]) == {}
    known = rotation.known_ids(tmp_path, ["globex"])
    over = rotation.until(known, "globex")
    assert known["globex"]["external_id"] == "g" * 43 and over is not None and over < end - HOUR
    rotation.forget(tmp_path, "globex")
    assert rotation.known_ids(tmp_path, ["globex"]) == {}


def test_a_damaged_file_of_ids_is_told_of_without_what_it_holds(tmp_path: Path, ids: Path) -> None:
    ids.write_text('{"globex": "very-secret"', encoding="utf-8")
    for attempt in (
        lambda: rotation.rotate(tmp_path, ids, "globex", HOUR),
        lambda: external_ids(ids, ["globex"]),
    ):
        with pytest.raises(UserError) as error:
            attempt()
        # A debugger or a report of a crash would show the cause, and with it the text.
        assert error.value.__cause__ is None and error.value.__suppress_context__
        assert "very-secret" not in str(error.value)
