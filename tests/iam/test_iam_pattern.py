"""Wildcards and variables against slow, obvious references."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.iam.pattern import Dialect, PatternSet, Variable, Wildcard, parse_template

PATTERN = st.text("ab*?:/.[", max_size=8)
TEXT = st.text("ab:/.[\n", max_size=8)


def reference(pattern: str, text: str) -> bool:
    """The definition of wildcards, by recursion."""

    @cache
    def match(i: int, j: int) -> bool:
        if i == len(pattern):
            return j == len(text)
        if pattern[i] == "*":
            return match(i + 1, j) or (j < len(text) and match(i, j + 1))
        return j < len(text) and pattern[i] in ("?", text[j]) and match(i + 1, j + 1)

    return match(0, 0)


def arn_reference(pattern: str, text: str) -> bool:
    """Six components, the last of which holds all further colons, each matched alone."""
    patterns, texts = pattern.split(":", 5), text.split(":", 5)
    return len(texts) == 6 and all(map(reference, patterns, texts))


def matches(pattern: str, text: str, dialect: Dialect, **values: str) -> bool:
    template = parse_template(pattern, variables=True, wildcards=dialect is not Dialect.EXACT)
    return PatternSet([template], dialect).matches(text, values.get)


@settings(derandomize=True, max_examples=600, deadline=None)
@given(PATTERN, TEXT)
def test_glob_equals_the_reference(pattern: str, text: str) -> None:
    assert matches(pattern, text, Dialect.GLOB) == reference(pattern, text)


@settings(derandomize=True, max_examples=300, deadline=None)
@given(PATTERN.filter(bool), TEXT)
def test_glob_matches_what_it_was_made_from(pattern: str, text: str) -> None:
    sample = pattern.replace("*", text).replace("?", "b")
    assert matches(pattern, sample, Dialect.GLOB)
    assert reference(pattern, sample)


COMPONENT = st.text("ab*?", max_size=3)
ARN_TEXT = st.lists(st.text("ab", max_size=3), min_size=5, max_size=8).map(":".join)


@settings(derandomize=True, max_examples=600, deadline=None)
@given(st.lists(COMPONENT, min_size=6, max_size=7).map(":".join), ARN_TEXT)
def test_arn_equals_the_reference(pattern: str, text: str) -> None:
    assert matches(pattern, text, Dialect.ARN) == arn_reference(pattern, text)


@settings(derandomize=True, max_examples=300, deadline=None)
@given(st.lists(PATTERN, max_size=4), TEXT)
def test_a_set_matches_when_one_of_it_does(patterns: list[str], text: str) -> None:
    templates = [parse_template(p, variables=True) for p in patterns]
    found = PatternSet(templates, Dialect.GLOB).matches(text, {}.get)
    assert found == any(reference(p, text) for p in patterns)


@settings(derandomize=True, max_examples=300, deadline=None)
@given(PATTERN, st.text("ab*?:", max_size=4), TEXT)
def test_a_variables_value_is_literal(pattern: str, value: str, text: str) -> None:
    """A dynamic pattern equals the static one in which the value is escaped."""
    dynamic = matches(pattern + "${k:v}", text, Dialect.GLOB, **{"k:v": value})
    escaped = "".join(f"${{{c}}}" if c in "*?" else c for c in value)
    assert dynamic == matches(pattern + escaped, text, Dialect.GLOB)


def test_hostile_patterns_end() -> None:
    pattern = "*a" * 40 + "b"
    assert not matches(pattern, "a" * 4000, Dialect.GLOB)
    assert matches(pattern, "a" * 4000 + "b", Dialect.GLOB)
    arn = "arn:aws:s3:::" + pattern
    assert not matches(arn, "arn:aws:s3:::" + "a" * 4000, Dialect.ARN)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a*b?", ("a", Wildcard.STAR, "b", Wildcard.ONE)),
        ("${aws:UserName}", (Variable("aws:username"),)),
        ("${aws:PrincipalTag/a b, 'x y'}", (Variable("aws:principaltag/a b", "x y"),)),
        ("a${*}b${$}${?}", ("a*b$?",)),
        ("$x{y}", ("$x{y}",)),
        ("", ()),
    ],
)
def test_templates(text: str, parts: tuple[object, ...]) -> None:
    assert parse_template(text, variables=True).parts == parts


def test_without_variables_the_text_is_literal_but_for_wildcards() -> None:
    assert parse_template("${aws:x}*", variables=False).parts == ("${aws:x}", Wildcard.STAR)
    assert parse_template("${", variables=False).parts == ("${",)
