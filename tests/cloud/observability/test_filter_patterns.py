"""Filter patterns are read as CloudWatch Logs documents them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cloud.observability.patterns import PatternError, parse

RECORD = json.dumps(
    {
        "eventType": "UpdateTrail",
        "latency": 50,
        "nothing": None,
        "on": True,
        "users": [{"id": 1, "name": "Jane"}, {"id": 2, "name": "Joe"}],
        "cluster.name": "c",
    }
)


@pytest.mark.parametrize(
    ("pattern", "message", "expected"),
    [
        ("", "anything", True),
        ("ERROR", "[ERROR 400] BAD", True),
        ("ERROR", "[error 400] BAD", False),
        ("ERROR BAD", "[ERROR 400] BAD", True),
        ("ERROR GOOD", "[ERROR 400] BAD", False),
        ('"ERROR 400"', "[ERROR 400] BAD", True),
        ('"400 ERROR"', "[ERROR 400] BAD", False),
        (r'"a \"b\""', 'it is a "b" c', True),
        ("?GOOD ?BAD", "[ERROR 400] BAD", True),
        ("?GOOD ?UGLY", "[ERROR 400] BAD", False),
        ("ERROR ?GOOD", "[ERROR 400] BAD", True),
        ("ERROR -BAD", "[ERROR 400] BAD", False),
        ("ERROR -GOOD", "[ERROR 400] BAD", True),
        ('-"BAD"', "fine", True),
        ("%4[0-9]{2}%", "[ERROR 400] BAD", True),
        ("%5[0-9]{2}%", "[ERROR 400] BAD", False),
        ('{ $.eventType = "UpdateTrail" }', RECORD, True),
        ('{ $.eventType = "Update*" }', RECORD, True),
        ("{ $.eventType = UpdateTrail }", RECORD, True),
        ("{ $.eventType = %^Update% }", RECORD, True),
        ('{ $.eventType != "Update*" }', RECORD, False),
        ('{ $.missing != "Update*" }', RECORD, False),
        ("{ $.latency > 49 }", RECORD, True),
        ("{ $.latency >= 50.5 }", RECORD, False),
        ("{ $.latency = 50 }", RECORD, True),
        ("{ $.latency = 5e1 }", RECORD, True),
        ("{ $.on IS TRUE }", RECORD, True),
        ("{ $.on IS FALSE }", RECORD, False),
        ("{ $.nothing IS NULL }", RECORD, True),
        ("{ $.nothing NOT EXISTS }", RECORD, False),
        ("{ $.missing NOT EXISTS }", RECORD, True),
        ("{ $.users[1].id = 2 }", RECORD, True),
        ("{ $.users[0].id = 2 }", RECORD, False),
        ('{ $.users[*].name = "Joe" }', RECORD, True),
        ("{ $['cluster.name'] = c }", RECORD, True),
        ('{ ($.latency = 1 || $.latency = 50) && $.eventType = "U*" }', RECORD, True),
        ('{ $.latency = 50 || $.latency = 1 && $.eventType = "x" }', RECORD, True),
        ('{ $.eventType = "UpdateTrail" }', "no JSON: UpdateTrail", False),
        ("[ip, user, status = 4*, size]", "10.0.0.1 frank 404 12", True),
        ("[ip, user, status = 4*, size]", "10.0.0.1 frank 200 12", False),
        ("[ip, user, status = 4*, size]", "10.0.0.1 frank 404", False),
        ("[ip, ..., size > 10]", "10.0.0.1 frank x y 404 12", True),
        ("[ip, ..., size > 10]", "10.0.0.1 frank x y 404 9", False),
        ("[w1=ERROR || w1=WARN, ...]", "WARN x", True),
        ('[time, request = "GET *", ...]', '[now] "GET /a b" 1', True),
    ],
)
def test_patterns(pattern: str, message: str, expected: bool) -> None:
    assert parse(pattern).matches(message) is expected


@pytest.mark.parametrize(
    "pattern",
    [
        "ERR!OR",
        '"open',
        "%(a)%",
        "%[%",
        "{ $.a }",
        "{ $.a = }",
        "{ $.a = 1",
        "{ a = 1 }",
        "{ $.['a'] = 1 }",
        "{ $.a > x }",
        "{ ($.a = 1 }",
        "{ $.a = 1 } x",
        "{ $.a = 1 && }",
        "[a, b",
        "[..., a, ...]",
        "[a ! b]",
        "[]",
        "{" + "(" * 500 + "$.a = 1" + ")" * 500 + "}",
    ],
)
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        parse(pattern)


def test_what_was_extracted() -> None:
    assert parse('{ $.latency > 1 && $.eventType = "*" }').match(RECORD) == {
        "$.latency": "50",
        "$.eventType": "UpdateTrail",
    }
    assert parse("[ip, user=f*]").match("1.2.3.4 frank") == {"$ip": "1.2.3.4", "$user": "frank"}
    assert parse("x").match("xyz") == {}


@given(st.text(alphabet=st.sampled_from('{}[]()$.="%!&|<>?-* \\ab1,\n'), max_size=40))
def test_reading_never_fails_otherwise(text: str) -> None:
    try:
        pattern = parse(text)
    except PatternError:
        return
    for message in ("", "a b 1", '{"a": {"b": [1, "a"]}}', text):
        assert pattern.match(message) is None or pattern.matches(message)


@given(st.lists(st.from_regex(r"[a-z]{1,6}", fullmatch=True), min_size=1, max_size=4), st.text())
def test_all_terms_must_be_there(terms: list[str], message: str) -> None:
    assert parse(" ".join(terms)).matches(message) is all(term in message for term in terms)
    assert parse(" ".join(f"?{t}" for t in terms)).matches(message) is any(
        term in message for term in terms
    )
    assert parse(" ".join(f"-{t}" for t in terms)).matches(message) is not any(
        term in message for term in terms
    )


@given(
    st.dictionaries(
        st.from_regex(r"[a-z]{1,5}", fullmatch=True),
        st.one_of(st.integers(-999, 999), st.from_regex(r"[A-Za-z ]{0,8}", fullmatch=True)),
        min_size=1,
        max_size=4,
    )
)
def test_a_condition_on_every_field_of_a_record_matches_it(record: dict[str, object]) -> None:
    conditions = [
        f"$.{name} = {json.dumps(value) if isinstance(value, str) else value}"
        for name, value in record.items()
    ]
    message = json.dumps(record)
    assert parse("{ " + " && ".join(conditions) + " }").matches(message)
    assert not parse("{ " + " && ".join([*conditions, "$.Z = 1"]) + " }").matches(message)
    assert parse("{ ( $.Z = 1 ) || ( " + " && ".join(conditions) + " ) }").matches(message)


@given(st.text(max_size=20))
def test_a_quoted_phrase_matches_what_contains_it(phrase: str) -> None:
    escaped = phrase.replace("\\", "\\\\").replace('"', '\\"')
    assert parse(f'"{escaped}"').matches(f"before {phrase} after")
