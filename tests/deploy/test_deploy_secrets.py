"""External ids: made once, kept private, never shown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.deploy.secrets import external_ids, new_external_id, redact
from harness.errors import UserError


def test_an_external_id_fits_sts_and_is_new_each_time() -> None:
    made = {new_external_id() for _ in range(200)}
    assert len(made) == 200
    # https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
    assert all(re.fullmatch(r"[\w+=,.@:/-]{2,1224}", value) for value in made)
    assert all(len(value) == 43 and not value.startswith("-") for value in made)


def test_ids_are_kept_and_private(tmp_path: Path) -> None:
    path = tmp_path / "run" / "ids.json"
    first = external_ids(path, ["acme"])
    both = external_ids(path, ["acme", "globex"])
    assert both["acme"] == first["acme"] != both["globex"]
    assert external_ids(path, ["acme", "globex"]) == both
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("text", ["{", "[]", '{"acme": 1}'])
def test_a_damaged_file_is_not_replaced(tmp_path: Path, text: str) -> None:
    path = tmp_path / "ids.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match="restore"):
        external_ids(path, ["acme"])
    assert path.read_text(encoding="utf-8") == text


def test_redact_hides_the_longest_first() -> None:
    assert redact("abcdef and abc", ["abc", "abcdef", ""]) == "[redacted] and [redacted]"
    assert redact("nothing here", {"acme": "secret"}) == "nothing here"
