"""What the engine does not know is an error at load: random damage never loads as something else.

A condition, element, key or operator that is skipped would turn a denial into a permission.
AWS page: reference_policies_grammar.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.iam import (
    NamedPolicy,
    Outcome,
    Policy,
    PolicyError,
    PolicyKind,
    PolicySet,
    Principal,
    Request,
    decide,
    parse_policy,
)
from harness.iam.operators import OPERATORS
from harness.iam.validate import validate

LAW = settings(derandomize=True, max_examples=150, deadline=None)
A = "111111111111"
ELEMENTS = {
    *("Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction"),
    *("Resource", "NotResource", "Condition"),
}
ASK = Request(
    Principal.from_arn(f"arn:aws:iam::{A}:user/ann"),
    "s3:GetObject",
    "arn:aws:s3:::bkt/a",
    A,
    {"aws:PrincipalTag/team": "red"},
)
ALLOWING: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "One",
            "Effect": "Allow",
            "Action": ["s3:GetObject"],
            "Resource": "arn:aws:s3:::bkt/*",
            "Condition": {"StringEquals": {"aws:PrincipalTag/team": ["red"]}},
        }
    ],
}
SCALARS = st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=6)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=5,
)
NAMES = st.text(min_size=1, max_size=12)
WORDS = st.sampled_from(
    (
        *("Version", "Statement", "Id", "Effect", "Action", "Resource", "Condition", "Principal"),
        *("StringEquals", "ForAllValues:", "ForAnyValue:StringLike", "IfExists", "Null", "Allow"),
        *("NumericLessThan", "Bool", "s3:*", "*", "aws:userid", "arn:aws:s3:::*", "AWS"),
    )
)


def allows(policy: Policy) -> bool:
    named = NamedPolicy(PolicyKind.IDENTITY, "p", policy)
    return decide(ASK, PolicySet(identity=(named,))).outcome is Outcome.ALLOWED


def test_the_undamaged_policy_allows() -> None:
    assert validate(ALLOWING, PolicyKind.IDENTITY) == []
    assert allows(parse_policy(ALLOWING))


def damaged(change: Callable[[dict[str, Any], dict[str, Any]], None]) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(json.dumps(ALLOWING))
    change(document, document["Statement"][0])
    return document


def refused(document: Any) -> bool:
    """Whether it does not load, and AWS's own check refuses it too."""
    problems = validate(document, PolicyKind.IDENTITY)
    try:
        parse_policy(document)
    except PolicyError:
        return bool(problems)
    return False


@LAW
@given(NAMES, JSON)
def test_an_unknown_element_is_an_error(name: str, value: Any) -> None:
    if name not in ELEMENTS:
        assert refused(damaged(lambda _, statement: statement.update({name: value})))
    if name not in ("Version", "Id", "Statement"):
        assert refused(damaged(lambda document, _: document.update({name: value})))


@LAW
@given(st.one_of(NAMES, st.tuples(WORDS, WORDS).map("".join), st.tuples(NAMES, WORDS).map("".join)))
def test_an_unknown_operator_is_an_error(name: str) -> None:
    base = name.removeprefix("ForAllValues:").removeprefix("ForAnyValue:").removesuffix("IfExists")
    if base in OPERATORS or name == "Null":
        return
    for effect in ("Allow", "Deny"):

        def change(_: Any, statement: dict[str, Any], effect: str = effect) -> None:
            statement |= {"Effect": effect, "Condition": {name: {"aws:username": "x"}}}

        assert refused(damaged(change))


@LAW
@given(NAMES.filter(lambda name: not all(name.partition(":")[::2])))
def test_a_key_without_service_is_an_error(key: str) -> None:
    condition = {"StringNotEquals": {key: "x"}}
    assert refused(damaged(lambda _, statement: statement.update(Condition=condition)))


@LAW
@given(JSON.filter(lambda value: isinstance(value, dict | type(None)) or value == [[]]))
def test_a_value_of_another_type_is_an_error(value: Any) -> None:
    for element in ("Action", "Resource", "Sid", "Effect"):
        if element == "Sid" and value is None:
            continue
        assert refused(damaged(lambda _, s, element=element: s.update({element: value})))
    condition = {"StringNotEquals": {"aws:username": value}}
    assert refused(damaged(lambda _, statement: statement.update(Condition=condition)))


PATHS: tuple[tuple[Any, ...], ...] = (
    ("Version",),
    ("Statement",),
    ("Statement", 0),
    ("Statement", 0, "Effect"),
    ("Statement", 0, "Action"),
    ("Statement", 0, "Resource"),
    ("Statement", 0, "Condition"),
    ("Statement", 0, "Condition", "StringEquals"),
    ("Statement", 0, "Condition", "StringEquals", "aws:PrincipalTag/team"),
)


@LAW
@given(st.sampled_from(PATHS), JSON | WORDS)
def test_whatever_stands_anywhere_loads_whole_or_not_at_all(
    path: tuple[Any, ...], value: Any
) -> None:
    """What loads says again what was written, and AWS's check finds nothing to refuse in it that
    the engine then allows by."""
    document: Any = json.loads(json.dumps(ALLOWING))
    place = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    problems = validate(document, PolicyKind.IDENTITY)
    text = json.dumps(document, ensure_ascii=False)
    assert validate(text, PolicyKind.IDENTITY) == problems
    try:
        policy = parse_policy(document)
    except PolicyError:
        assert problems
        return
    written = document["Statement"]
    written = written if isinstance(written, list) else [written]
    assert policy.to_document()["Statement"] == written
    if problems:
        assert not allows(policy)


@LAW
@given(JSON | st.text(max_size=20))
def test_whatever_is_no_policy_is_an_error(document: Any) -> None:
    text = document if isinstance(document, str) else json.dumps(document)
    assert refused(text)
