"""Lines that are no case are refused with one clear error, whatever is in them."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.iam import Outcome, PolicyError
from harness.iam.cases import answer, load_case, read_case

POLICY: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "Read",
            "Effect": "Allow",
            "Action": ["s3:GetObject"],
            "Resource": "arn:aws:s3:::bkt/${aws:PrincipalTag/team}/*",
            "Condition": {
                "StringEquals": {"aws:PrincipalOrgID": "o-1"},
                "NumericLessThan": {"s3:max-keys": 10},
                "DateGreaterThan": {"aws:CurrentTime": "2026-01-01T00:00:00Z"},
                "IpAddress": {"aws:SourceIp": ["10.0.0.0/8"]},
            },
        }
    ],
}
BUCKET = {
    "Statement": {
        "Effect": "Allow",
        "Principal": {"AWS": "111111111111"},
        "Action": "s3:*",
        "Resource": "arn:aws:s3:::bkt/*",
    }
}
GUARD = {
    "Version": "2012-10-17",
    "Statement": {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": "*",
        "Condition": {"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-1"}},
    },
}
CASE: dict[str, Any] = {
    "id": "full",
    "request": {
        "principal": "arn:aws:sts::111111111111:assumed-role/app/s1",
        "action": "s3:GetObject",
        "resource": "arn:aws:s3:::bkt/red/k",
        "resourceAccount": "222222222222",
        "context": {
            "aws:PrincipalOrgID": "o-1",
            "aws:PrincipalTag/team": "red",
            "s3:max-keys": 5,
            "aws:CurrentTime": "2026-06-01T00:00:00Z",
            "aws:SourceIp": "10.1.1.1",
        },
    },
    "identityPolicies": [POLICY],
    "resourcePolicy": BUCKET,
    "permissionsBoundary": POLICY,
    "sessionPolicy": [POLICY],
    "scps": [[POLICY], [POLICY]],
    "rcps": [[GUARD]],
    "expected": "Allowed",
}


def decided(text: str) -> dict[str, Any]:
    return answer(read_case(load_case(text)))


def test_the_full_case_is_allowed() -> None:
    answered = decided(json.dumps(CASE))
    assert answered["decision"] == "Allowed"
    assert answered["agrees"] is True


def test_policies_may_be_given_as_the_text_of_their_json() -> None:
    text = {**CASE, "identityPolicies": [json.dumps(POLICY)], "resourcePolicy": json.dumps(BUCKET)}
    assert decided(json.dumps(text)) == decided(json.dumps(CASE))
    with pytest.raises(PolicyError, match=r"identityPolicies\[0\]: the policy has the element"):
        read_case({**CASE, "identityPolicies": ['{"Version": 1, "Version": 2}']})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "the line is not valid JSON"),
        ("[]", "the line must be a JSON object"),
        ("null", "the line must be a JSON object"),
        ("{} {}", "the line is not valid JSON"),
        ("{}", "id: missing"),
        ('{"id": 1}', "id: missing, or not text"),
        ('{"id": "a", "id": "b"}', "the line has the element 'id' twice"),
        ('{"id": "a", "request": {"action": "x", "action": "y"}}', "'action' twice"),
        ('{"id": NaN}', "the number NaN"),
        ('{"id": -Infinity}', "the number -Infinity"),
        ('{"id": 1e999}', "the number 1e999, which is too large"),
        ('{"id": ' + "9" * 5000 + "}", "a number of 5000 digits"),
        ('{"id": ' + "[" * 100_000, "the line is nested too deeply"),
        ('{"id": "a", "expected": ' + "[" * 900 + "]" * 900 + "}", "nested too deeply|request"),
    ],
)
def test_what_is_no_case_is_refused(text: str, message: str) -> None:
    with pytest.raises(PolicyError, match=message):
        read_case(load_case(text))


def nested(depth: int) -> Any:
    value: Any = "x"
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("request", "principal"), "alice", r"request\.principal: principal 'alice' is neither"),
        (("request", "principal"), "arn:aws:iam::1:root", "has no account of 12 digits"),
        (("request", "principal"), "arn:aws:s3:::bkt", "not the ARN of a principal"),
        (("request", "principal"), 7, r"request\.principal: missing, or not text"),
        (("request", "action"), "s3:*", r"request\.action: 's3:\*' is not one action"),
        (("request", "action"), "GetObject", "is not one action"),
        (("request", "resource"), "bkt/k", r"request\.resource: 'bkt/k' is neither"),
        (("request", "resourceAccount"), "1234", "'1234' is not an account"),
        (("request", "resourceAccount"), 222222222222, "is not an account"),
        (("request", "parent"), None, r"request\.parent: not text"),
        (("request", "parent"), "arn:aws:iam::1:user/a", "only the session of a federated user"),
        (("request", "context"), [], r"request\.context: not an object"),
        (("request", "context"), {"orgid": "o-1"}, "must have the form service:name"),
        (("request", "context"), {"aws:a": "1", "AWS:A": "2"}, "twice, but for letter case"),
        (("request", "context"), {"aws:a": None}, "aws:a is not text, a number"),
        (("request", "context"), {"aws:a": [["x"]]}, "aws:a is not text, a number"),
        (("request", "Context"), {}, "request has an unknown key 'Context'"),
        (("Scps",), [], "the case has an unknown key 'Scps'"),
        (("sessionPolicy",), 5, "sessionPolicy: neither a policy nor a list"),
        (("sessionPolicy",), [5], r"sessionPolicy\[0\]: the policy must be a JSON object"),
        (("resourcePolicy",), [], "resourcePolicy: the policy must be a JSON object"),
        (("scps",), [[POLICY], [[]]], r"scps\[1\]\[0\]: the policy must be"),
        (("rcps",), [POLICY], r"rcps\[0\]: not a list of policies"),
        (("rcps",), [[POLICY]], r"rcps\[0\]\[0\]: statement Read must have a Principal"),
        (("permissionsBoundary",), BUCKET, "statement 0 must not have a Principal"),
        (("permissionsBoundary",), nested(900), "must be a JSON object|nested too deeply"),
        (("identityPolicies", 0, "Statement", 0, "Condition"), nested(900), "nested too deeply"),
        (("identityPolicies", 0, "Statement", 0, "Surprise"), 1, "unknown element 'Surprise'"),
        (("identityPolicies", 0, "Surprise"), 1, "unknown element 'Surprise' in the policy"),
        (
            ("identityPolicies", 0, "Statement", 0, "Condition", "StringMatches"),
            {"aws:a": "b"},
            r"identityPolicies\[0\]: statement 0 \(Read\): unknown condition operator 'StringMat",
        ),
        (
            ("identityPolicies", 0, "Statement", 0, "Condition", "NumericEquals"),
            {"aws:a": "9" * 5000},
            "is not a number",
        ),
        (("expected",), "allowed", "expected: 'allowed' is not one of"),
    ],
)
def test_the_error_names_what_is_wrong(path: tuple[Any, ...], value: Any, message: str) -> None:
    case = copy.deepcopy(CASE)
    place: Any = case
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(PolicyError, match=message):
        read_case(case)


@pytest.mark.parametrize(
    ("element", "message"),
    [("Resource", "must have a Resource"), ("Action", "Action or NotAction is missing")],
)
def test_a_policy_that_aws_would_not_save_is_refused(element: str, message: str) -> None:
    """Without Resource, an identity policy would otherwise be about every resource."""
    case = copy.deepcopy(CASE)
    del case["identityPolicies"][0]["Statement"][0][element]
    with pytest.raises(PolicyError, match=message):
        read_case(case)


def test_rcps_deny_only_but_for_the_one_that_aws_attaches() -> None:
    full = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}
    read_case({**CASE, "rcps": [[{"Version": "2012-10-17", "Statement": [full]}]]})
    with pytest.raises(PolicyError, match=r"rcps\[0\]\[0\]: .*Deny statements only"):
        read_case(
            {
                **CASE,
                "rcps": [[{"Version": "2012-10-17", "Statement": [{**full, "Action": "s3:*"}]}]],
            }
        )


@pytest.mark.parametrize("operator", ["NumericGreaterThan", "DateGreaterThan"])
@pytest.mark.parametrize(("value", "allowed"), [("99999", True), ("9" * 5000, False)])
def test_a_number_too_long_to_read_matches_nothing(
    operator: str, value: str, allowed: bool
) -> None:
    statement = {**POLICY["Statement"][0], "Condition": {operator: {"aws:n": "12345"}}}
    case = {**CASE, "identityPolicies": [{"Version": "2012-10-17", "Statement": statement}]}
    context = {**CASE["request"]["context"], "aws:n": value}
    outcome = answer(read_case({**case, "request": {**CASE["request"], "context": context}}))
    assert (outcome["decision"] == Outcome.ALLOWED) is allowed


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(
        ("*", "?", "${a", "${*}", "arn:aws:::", "\ud800", "\0", "9" * 5000, "0001-01-01", "1e999")
    )
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ("Statement", "Action", "AWS", "Service", "Null", "StringLike", "aws:a")
            )
            | st.text(max_size=4),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) in a JSON value."""
    keys = value if isinstance(value, dict) else range(len(value))
    if not isinstance(value, dict | list):
        return []
    found = [(value, key) for key in keys]
    return found + [place for key in keys for place in _below(value[key])]


def _below(value: Any) -> list[tuple[Any, Any]]:
    return places(value) if isinstance(value, dict | list) else []


@st.composite
def broken_cases(draw: st.DrawFn) -> dict[str, Any]:
    """The full case with a few of its parts replaced."""
    case = copy.deepcopy(CASE)
    for _ in range(draw(st.integers(1, 3))):
        container, key = draw(st.sampled_from(places(case)))
        if isinstance(container, dict) and draw(st.booleans()):
            key = draw(st.text(max_size=4) | st.sampled_from(sorted(container)))
        container[key] = draw(VALUES)
    return case


@settings(derandomize=True, max_examples=400, deadline=None)
@given(broken_cases())
def test_any_case_is_answered_or_refused(case: dict[str, Any]) -> None:
    """Nothing but PolicyError comes out of reading, deciding and explaining; answers are JSON."""
    try:
        answered = decided(json.dumps(case))
    except PolicyError as error:
        assert str(error)
        return
    assert answered["decision"] in tuple(Outcome)
    assert json.loads(json.dumps(answered)) == answered
