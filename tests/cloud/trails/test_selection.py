"""Selection criteria of links and rules."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cloud.trails.selection import SelectionError, selection

_TEXT = st.text(st.characters(exclude_characters="'%"), max_size=12)


@pytest.mark.parametrize(
    ("text", "yes", "no"),
    [
        ("", "anything", None),
        ("*", "anything", None),
        ("LogGroupName = '/a'", "/a", "/A"),
        ("LogGroupName != '/a'", "/b", "/a"),
        ("loggroupname LIKE '/app/%'", "/app/x", "/apps"),
        ("LogGroupName NOT LIKE '%b%'", "aca", "abc"),
        ("LogGroupName IN ('a', 'b')", "b", "c"),
        ("LogGroupName NOT IN ('a', 'b')", "c", "a"),
        ("LogGroupName LIKE 'a%' AND LogGroupName LIKE '%z' OR LogGroupName='q'", "q", "ab"),
        ("LogGroupName LIKE 'a%' AND (LogGroupName='ab' OR LogGroupName='c')", "ab", "c"),
        ("LogGroupName = 'a.c'", "a.c", "abc"),
        ("LogGroupName LIKE 'a.c'", "a.c", "abc"),
    ],
)
def test_what_is_selected(text: str, yes: str, no: str | None) -> None:
    chosen = selection(text, "LogGroupName")
    assert chosen(yes)
    assert no is None or not chosen(no)


@pytest.mark.parametrize(
    "text",
    [
        "LogGroupName",
        "Namespace = 'x'",
        "LogGroupName = x",
        "LogGroupName IN ()",
        "= 'x'",
        "'x'",
        "LogGroupName = 'x' LogGroupName = 'y'",
        "(LogGroupName = 'x'",
        "LogGroupName = 'x",
    ],
)
def test_what_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(SelectionError):
        selection(text, "LogGroupName")


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        chosen = selection(text, "LogGroupName")
    except SelectionError:
        return
    assert chosen("x") in (True, False)


@given(_TEXT, _TEXT)
def test_a_value_selects_itself_and_not_has_the_opposite(value: str, other: str) -> None:
    for operator in ("=", "LIKE"):
        assert selection(f"F {operator} '{value}'", "F")(value)
    chosen = selection(f"F IN ('{value}')", "F")(other)
    assert chosen is (value == other)
    assert selection(f"F NOT IN ('{value}')", "F")(other) is not chosen
    assert selection(f"F LIKE '{value}%'", "F")(value + other)
