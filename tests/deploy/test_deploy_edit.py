"""Edits of `customers.yaml`: what they say, and all that they leave alone."""

from __future__ import annotations

import copy
import errno
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.deploy import edit
from harness.deploy.environment import environment_of
from harness.errors import UserError

ROOT = Path(__file__).parents[2]
FILE = ROOT / "environments" / "embedded" / "customers.yaml"
TEXT = FILE.read_text(encoding="utf-8")
NEW = {
    "accounts": [{"account_id": "012345678901", "caller": "lambda"}],
    "models": ["amazon.nova-lite-v1:0"],
    "regions": ["eu-central-1"],
}


def test_a_new_customer_stands_behind_the_last_and_before_the_comment_on_what_follows() -> None:
    after = edit.put(TEXT, ["customers", "newco"], NEW)
    assert environment_of(FILE, after.encode()).customers["newco"].models == tuple(NEW["models"])
    added = after.index("  newco:\n")
    assert added < after.index("# Accounts that play attackers")
    block = "  newco:\n    accounts:\n" + '      - { account_id: "012345678901", caller: lambda }\n'
    assert after.replace("\n" + after[added : after.index("\n# Accounts that")], "", 1) == TEXT
    assert block in after


def test_what_is_added_and_removed_leaves_the_text_as_it_was() -> None:
    after = edit.remove(edit.put(TEXT, ["customers", "newco"], NEW), ["customers", "newco"])
    assert after == TEXT


def test_a_customer_leaves_with_the_comment_right_above_it_and_no_other() -> None:
    text = TEXT.replace("  globex:", "  # Pays late.\n  globex:")
    assert edit.remove(text, ["customers", "globex"]) == edit.remove(TEXT, ["customers", "globex"])
    text = TEXT.replace("  globex:", "  # A word to all.\n\n  globex:")
    assert "# A word to all." in edit.remove(text, ["customers", "globex"])


@pytest.mark.parametrize(
    ("text", "path", "value", "result"),
    [
        ("a: [x, y] # why\n", ["a"], ["x", "z"], "a: [x, z] # why\n"),
        ("a:\n  - x # first\n  - y\nb: 1\n", ["a"], ["x", "z"], "a:\n  - x # first\n  - z\nb: 1\n"),
        ("a:\n- x\n- y\n", ["a"], ["y"], "a:\n- y\n"),
        (
            "a: [\n  x, # why x\n  y, # why y\n  z # why z\n] # end\n",
            ["a"],
            ["x", "z", "new"],
            "a: [\n  x, # why x\n  z, new # why z\n] # end\n",
        ),
        ("a: [ # all\n  x,\n  y,\n]\n", ["a"], ["x"], "a: [ # all\n  x,\n  \n]\n"),
        ("a: [\n  x, # why\n  y\n]\n", ["a"], ["x", "z"], "a: [\n  x, # why\n  z\n]\n"),
        ("a: ['x#y', z]\n", ["a"], ["x#y", "new"], "a: ['x#y', new]\n"),
        ("a: 'x'   # why\n", ["a"], "z", "a: z   # why\n"),
        ("c:\n  a: 1", ["c", "b"], True, "c:\n  a: 1\n  b: true\n"),
        ("c:\r\n  a: 1\r\n", ["c", "b"], 2, "c:\r\n  a: 1\r\n  b: 2\r\n"),
        (
            "c:\n  a: |\n    long\n    text\n",
            ["c", "b"],
            2,
            "c:\n  a: |\n    long\n    text\n  b: 2\n",
        ),
        ("a: 1\n", ["b"], "yes", 'a: 1\nb: "yes"\n'),
        ("a: 1\n", ["b"], "0123", 'a: 1\nb: "0123"\n'),
        (
            "a:\n  - i: x # why\n    # in it\n    c: y\n  # behind\nb: 1 # one\n",
            ["a"],
            [{"i": "x", "c": "y"}, {"i": "z"}],
            "a:\n  - i: x # why\n    # in it\n    c: y\n  - { i: z }\n  # behind\nb: 1 # one\n",
        ),
        (
            "a:\n  # all\n  - x\n  # behind\n\n# next\nb: 1\n",
            ["a"],
            ["z"],
            "a:\n  # all\n  - z\n  # behind\n\n# next\nb: 1\n",
        ),
        ("a: [ # all\n  x, # why\n]\n", ["a"], ["z"], "a: [ # all\n  z, # why\n]\n"),
        (
            "c: { # all\n  a: [x], # why\n  # own\n} # end\n",
            ["c", "b"],
            True,
            "c: { # all\n  a: [x], b: true, # why\n  # own\n} # end\n",
        ),
        ("c: &c # all\n  a: 1\nd: *c # two\n", ["d"], 2, "c: &c # all\n  a: 1\nd: 2 # two\n"),
        (
            "m: &m [x]\nc:\n  a: *m # why\nd: 1\n",
            ["c", "b"],
            True,
            "m: &m [x]\nc:\n  a: *m # why\n  b: true\nd: 1\n",
        ),
    ],
)
def test_only_what_is_meant_is_written(text: str, path: list[str], value: Any, result: str) -> None:
    assert edit.put(text, path, value) == result


@pytest.mark.parametrize(
    ("inner", "left"),
    [
        ("{a: 1, b: 2, c: 3}", "{a: 1, c: 3}"),
        ("{b: 2, c: 3}", "{c: 3}"),
        ("{a: 1, b: 2}", "{a: 1}"),
        ("{b: 2}", "{}"),
        ("{ # all\n  a: 1, # one\n  b: 2, # two\n}", "{ # all\n  a: 1, # one\n  # two\n}"),
        ("{ # all\n  a: 1, # one\n  b: 2 # two\n}", "{ # all\n  a: 1, # one\n   # two\n}"),
    ],
)
def test_what_stands_in_braces_leaves_by_itself(inner: str, left: str) -> None:
    after = edit.remove(f"# All.\nx: {inner} # x\nd: 1 # one\n", ["x", "b"])
    assert after == f"# All.\nx: {left} # x\nd: 1 # one\n"


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_what_has_no_lines_of_its_own_is_written_anew_with_its_comments(newline: str) -> None:
    text = "# All.\nc:\n  a: &all [x] # two\n  b: *all\nd: 1 # one\n".replace("\n", newline)
    after = edit.put(text, ["c", "a"], ["y"])
    assert edit.read(after) == {"c": {"a": ["y"], "b": ["x"]}, "d": 1}
    assert all(comment in after for comment in ("# All.", "# two", "# one"))
    assert after.count("\n") == after.count(newline)


def test_what_would_lose_a_comment_is_refused() -> None:
    text = "c: {\n  a: &all [x], # why\n  # own\n  b: *all,\n}\n"
    with pytest.raises(UserError, match=r"c\.a cannot be edited without the loss of a comment"):
        edit.put(text, ["c", "a"], ["y"])
    assert edit.read(edit.put(text, ["c", "b"], ["y"]))["c"]["b"] == ["y"]


def test_an_anchor_that_others_share_is_not_changed_for_them() -> None:
    text = "c:\n  a: &all [x]\n  b: *all\n"
    assert edit.read(edit.put(text, ["c", "b"], ["y"])) == {"c": {"a": ["x"], "b": ["y"]}}


def test_nowhere_to_put_it_is_said() -> None:
    with pytest.raises(UserError, match=r"there is no customers\.nobody\.models to edit"):
        edit.put(TEXT, ["customers", "nobody", "models"], ["x"])
    with pytest.raises(UserError, match=r"there is no customers\.nobody to edit"):
        edit.remove(TEXT, ["customers", "nobody"])


def test_a_file_that_somebody_edited_meanwhile_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "customers.yaml"
    file.write_text("a: 1\n", encoding="utf-8")
    file.chmod(0o640)
    edit.write(file, "a: 1\n", "a: 2\n")
    assert file.read_text(encoding="utf-8") == "a: 2\n"
    assert file.stat().st_mode & 0o777 == 0o640
    with pytest.raises(UserError, match="was edited meanwhile"):
        edit.write(file, "a: 1\n", "a: 3\n")
    assert [each.name for each in tmp_path.iterdir()] == ["customers.yaml"]


def test_a_full_disk_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "customers.yaml"
    file.write_text("a: 1\n", encoding="utf-8")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(UserError, match=r"customers\.yaml: nothing was written: No space left"):
        edit.write(file, "a: 1\n", "a: 2\n")
    assert file.read_text(encoding="utf-8") == "a: 1\n"
    assert [each.name for each in tmp_path.iterdir()] == ["customers.yaml"]


def test_a_byte_order_mark_stays(tmp_path: Path) -> None:
    file = tmp_path / "customers.yaml"
    file.write_bytes(b"\xef\xbb\xbfa: 1\n")
    edit.write(file, "a: 1\n", "a: 2\n")
    assert file.read_bytes() == b"\xef\xbb\xbfa: 2\n"
    with pytest.raises(UserError, match="was edited meanwhile"):
        edit.write(file, "a: 1\n", "a: 3\n")


NAMES = st.from_regex(r"[a-z][a-z0-9]{0,5}(-[a-z0-9]{1,3})?", fullmatch=True)
TEXTS = st.one_of(NAMES, st.sampled_from(["yes", "null", "0123", "a: b", "é", "a#b", "x.y:0", ""]))
LISTS = st.lists(TEXTS, max_size=3, unique=True)
COMMENTS = st.sampled_from(["", " # why", '  # it\'s: "so"'])


@st.composite
def documents(draw: st.DrawFn) -> str:
    """Customers as people write them: comments anywhere, lists in either style."""
    lines = [
        *draw(st.lists(st.sampled_from(["# head", ""]), max_size=2)),
        "before: 1",
        "customers:",
    ]
    for name in draw(st.lists(NAMES, min_size=1, max_size=3, unique=True)):
        if draw(st.booleans()):
            lines.append("")
        if draw(st.booleans()):
            lines.append(f"  # about {name}")
        lines.append(f"  {name}:" + draw(COMMENTS))
        for field in draw(
            st.lists(st.sampled_from(["models", "regions"]), min_size=1, unique=True)
        ):
            values = [edit._flow(each) for each in draw(LISTS)]
            if values and draw(st.booleans()):
                column = draw(st.sampled_from(["    ", "      "]))
                lines.append(f"    {field}:")
                lines += [f"{column}- {each}" + draw(COMMENTS) for each in values]
            else:
                lines.append(f"    {field}: [{', '.join(values)}]" + draw(COMMENTS))
    lines += draw(st.sampled_from([[], ["# tail"], ["", "# what follows", "after: [1]"]]))
    return "\n".join(lines) + draw(st.sampled_from(["", "\n"]))


def comments(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.lstrip().startswith("#")]


@settings(max_examples=40, deadline=None)
@given(documents(), NAMES, st.sampled_from(["models", "regions"]), LISTS)
def test_a_put_says_what_is_meant_and_no_other_line_is_touched(
    text: str, name: str, field: str, values: list[str]
) -> None:
    wanted = copy.deepcopy(edit.read(text))
    path = ["customers", name]
    if name in wanted["customers"]:
        path.append(field)
        wanted["customers"][name][field] = values
        after = edit.put(text, path, values)
    else:
        wanted["customers"][name] = {field: values}
        after = edit.put(text, path, {field: values})
    assert edit.read(after) == wanted
    assert comments(after) == comments(text)
    # A line of the old text is in the new one, but for those of the list that was changed.
    left = iter(after.splitlines())
    own = {line for line in text.splitlines() if line.lstrip().startswith(("-", field))}
    assert all(any(line == each for each in left) for line in text.splitlines() if line not in own)


@settings(max_examples=40, deadline=None)
@given(documents(), st.data())
def test_a_removal_takes_one_customer_and_nothing_else(text: str, data: st.DataObject) -> None:
    wanted = copy.deepcopy(edit.read(text))
    name = data.draw(st.sampled_from(sorted(wanted["customers"])))
    del wanted["customers"][name]
    if not wanted["customers"]:
        return  # the schema wants one
    after = edit.remove(text, ["customers", name])
    assert edit.read(after) == wanted
    gone = [each for each in comments(text) if each not in comments(after)]
    assert set(gone) <= {f"# about {name}"}
