"""External ids in snapshots: a change shows, the value does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import UserError
from harness.snapshot.hidden import Hider, snapshot_key
from harness.snapshot.parsed import parsed

KEY = bytes(range(32))
IDS = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", min_size=12)


def trust(operator: str, value: Any) -> dict[str, Any]:
    return {
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "sts:AssumeRole",
                "Condition": {operator: {"STS:ExternalId": value, "aws:PrincipalArn": "kept"}},
            }
        ]
    }


def asked(hidden: Any) -> Any:
    (statement,) = hidden["Statement"]
    (tests,) = statement["Condition"].values()
    assert tests["aws:PrincipalArn"] == "kept"
    return tests["STS:ExternalId"]


@given(first=IDS, second=IDS)
def test_an_id_leaves_as_a_digest_that_tells_ids_apart(first: str, second: str) -> None:
    hider = Hider(KEY, [])
    shown = [asked(hider.hidden(trust("StringEquals", each))) for each in (first, second)]
    assert (shown[0] == shown[1]) is (first == second)
    assert all(each.startswith("hidden-") and first not in each for each in shown)
    assert asked(hider.hidden(trust("StringEquals", [first, second]))) == shown
    other = Hider(bytes(32), [])
    assert asked(other.hidden(trust("StringEquals", first))) != shown[0]
    assert other.key_id != hider.key_id


@given(secret=IDS)
def test_a_known_id_is_found_wherever_it_stands(secret: str) -> None:
    hider = Hider(KEY, [secret])
    data = {"tags": {secret: [f"x{secret}y"]}, "n": 1, "none": None}
    hidden = hider.hidden(data)
    assert secret not in json.dumps(hidden)
    assert hidden["n"] == 1 and hidden["none"] is None
    assert list(hidden["tags"]) == [hider.of(secret)]


@pytest.mark.parametrize(
    ("value", "kept"),
    [("*", "*"), ("?*", "?*"), ("${aws:PrincipalTag/id}", "${aws:PrincipalTag/id}")],
)
def test_what_is_no_secret_of_a_pattern_is_kept(value: str, kept: str) -> None:
    """Hidden, an id that anything satisfies would look like one that nobody knows."""
    assert asked(Hider(KEY, []).hidden(trust("StringLike", value))) == kept


def test_the_rest_of_a_pattern_is_hidden() -> None:
    shown = asked(Hider(KEY, []).hidden(trust("StringLike", "secret-*")))
    assert shown.endswith("*") and "secret" not in shown


def test_whether_an_id_is_wanted_at_all_is_kept() -> None:
    assert asked(Hider(KEY, []).hidden(trust("Null", "false"))) == "false"


def test_a_policy_that_is_no_json_leaves_as_a_digest() -> None:
    shown = parsed('{"Condition": "my-external-id",')
    assert shown.startswith("not JSON: ") and "external" not in shown


def test_a_key_is_made_once_and_for_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "snapshot.key"
    key = snapshot_key(path)
    assert key == snapshot_key(path) and len(key) == 32
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("content", [b"", b"short\n", b"\xff" * 64, b"g" * 64])
def test_a_file_that_is_no_key_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "snapshot.key"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"snapshot\.key: .*snapshot key"):
        snapshot_key(path)
