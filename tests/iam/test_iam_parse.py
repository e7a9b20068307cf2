"""The parser refuses whatever it does not know, and says what."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harness.iam import PolicyError, parse_policy

GOOD: dict[str, Any] = {
    "Sid": "One",
    "Effect": "Allow",
    "Action": ["s3:GetObject", "s3:List*"],
    "Resource": "arn:aws:s3:::bkt/*",
    "Condition": {"StringEquals": {"aws:PrincipalAccount": "111111111111"}},
}


def document(**changes: Any) -> dict[str, Any]:
    """The good statement with changes; a value of None takes the element away."""
    statement = {k: v for k, v in {**GOOD, **changes}.items() if v is not None}
    return {"Version": "2012-10-17", "Statement": [statement]}


def test_the_good_document_parses() -> None:
    parsed = parse_policy(document())
    assert parsed.version == "2012-10-17"
    (statement,) = parsed.statements
    assert statement.label == "One"
    assert statement.actions == ("s3:GetObject", "s3:List*")
    assert statement.conditions[0].operator == "StringEquals"


def condition(operator: str, value: Any, key: str = "aws:x") -> dict[str, Any]:
    return document(Condition={operator: {key: value}})


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"Version": "2012-10-18", "Statement": []}, "unknown policy version"),
        ({"Version": ["2012-10-17"], "Statement": []}, "unknown policy version"),
        ({"Version": "2012-10-17"}, "no Statement"),
        ({"Statement": "x"}, "Statement must be"),
        ({"Statement": ["x"]}, "statement 0 is not an object"),
        ({"Statement": [], "Extra": 1}, "unknown element 'Extra'"),
        (document(Extra=1), r"statement 0 \(One\): unknown element 'Extra'"),
        (document(Effect="allow"), "Effect must be"),
        (document(Effect=None), "Effect must be"),
        (document(Action=None), "Action or NotAction is missing"),
        (document(NotAction="s3:*"), "exclude each other"),
        (document(NotResource="*"), "exclude each other"),
        (document(Principal="*", NotPrincipal="*"), "exclude each other"),
        (document(NotPrincipal={"AWS": "111111111111"}), "goes with Deny only"),
        (document(Action="GetObject"), "is not an action"),
        (document(Action="s3:${aws:x}"), "is not an action"),
        (document(Action="s*:Get"), "is not an action"),
        (document(Action="s3:"), "is not an action"),
        (document(Action=[1]), "Action must be text"),
        (document(Resource="bkt/*"), "must be an ARN"),
        (document(Resource={"a": 1}), "Resource must be text"),
        (document(Resource="arn:aws:s3:::${aws:username"), "malformed policy variable"),
        (document(Resource="arn:aws:s3:::${}"), "malformed policy variable"),
        (document(Resource="arn:aws:s3:::${aws:x,'y'}"), "malformed policy variable"),
        (document(Resource="arn:aws:s3:::${ aws:x }"), "malformed policy variable"),
        (document(Condition=[]), "Condition must be an object"),
        (document(Condition={"StringEquals": []}), "must be an object"),
        (condition("StringEqual", "a"), "unknown condition operator"),
        (condition("stringequals", "a"), "unknown condition operator"),
        (condition("ForSomeValues:StringEquals", "a"), "unknown condition operator"),
        (condition("NullIfExists", "true"), "unknown condition operator"),
        (condition("ForAnyValue:Null", "true"), "unknown condition operator"),
        (condition("StringLikeIgnoreCase", "a"), "unknown condition operator"),
        (condition("StringEquals", "a", key="username"), "must have the form service:name"),
        (condition("StringEquals", None), "is not text"),
        (condition("StringEquals", [{}]), "is not text"),
        (condition("Null", "maybe"), "Null on"),
        (condition("Bool", "yes"), "Bool takes"),
        (condition("NumericEquals", "ten"), "is not a number"),
        (condition("NumericEquals", "nan"), "is not a number"),
        (condition("NumericLessThan", "${aws:x}"), "is not a number"),
        (condition("DateLessThan", "2026-13-01"), "is not a date"),
        (condition("DateLessThan", "tomorrow"), "is not a date"),
        (condition("IpAddress", "10.0.0.0/33"), "is not an IP address"),
        (condition("IpAddress", "${aws:SourceIp}"), "is not an IP address"),
        (condition("BinaryEquals", "%"), "takes base64"),
        (condition("ArnLike", "arn:aws:iam"), "six components"),
        (document(Principal={"AWS": "arn:aws:iam::111111111111:role/*"}), "wildcard must be"),
        (document(Principal={"AWS": "arn:aws:sts::111111111111:assumed-role/a/*"}), "wildcard"),
        (document(Principal={"AWS": "${aws:x}"}), "policy variables have no effect"),
        (document(Principal={"AWS": "alice"}), "invalid principal"),
        (document(Principal={"AWS": 1}), "must be text"),
        (document(Principal={"Service": "*"}), "invalid principal"),
        (document(Principal={"Federated": "*"}), "invalid principal"),
        (document(Principal={"Everyone": "*"}), "invalid principal"),
        (document(Principal="alice"), "Principal must be"),
    ],
)
def test_what_has_no_meaning_is_an_error(bad: dict[str, Any], message: str) -> None:
    with pytest.raises(PolicyError, match=message):
        parse_policy(bad)
    with pytest.raises(PolicyError, match=message):
        parse_policy(json.dumps(bad))


@pytest.mark.parametrize(
    "good",
    [
        document(Sid=None),
        document(Action="*"),
        document(Action="*:*"),
        document(Action=None, NotAction="iam:*"),
        document(Resource=None, NotResource="arn:aws:s3:::x"),
        document(Resource=None),
        document(Resource="*"),
        document(Resource="arn:aws:s3:::${aws:PrincipalTag/cost center, 'no team'}/${*}"),
        document(Condition={}),
        document(Effect="Deny", NotPrincipal={"AWS": ["111111111111"]}),
        document(Principal={"AWS": ["111111111111", "AROAEXAMPLE0000001"], "Service": "x.aws.com"}),
        document(Principal={"Federated": "arn:aws:iam::111111111111:saml-provider/corp"}),
        condition("ForAllValues:ArnNotLikeIfExists", "arn:*:*:*:*:*"),
        condition("ArnLike", "${aws:PrincipalArn}"),
        condition("NumericLessThanEqualsIfExists", [1, 2.5, "1e3"]),
        condition("DateGreaterThan", "2026-01-01T00:00:00.123Z"),
        condition("Null", True),
        condition("StringEquals", []),
        {"Statement": GOOD},
        {"Version": "2008-10-17", "Id": "old", "Statement": []},
    ],
)
def test_what_has_a_meaning_parses_and_round_trips(good: dict[str, Any]) -> None:
    parsed = parse_policy(good)
    assert parse_policy(json.dumps(parsed.to_document())) == parsed


@pytest.mark.parametrize("text", ["", "{", "[]", '"x"', "null", "[" * 100_000])
def test_text_that_is_no_policy_is_an_error(text: str) -> None:
    with pytest.raises(PolicyError):
        parse_policy(text)


def test_a_repeated_element_is_an_error() -> None:
    text = '{"Statement": [{"Effect": "Deny", "Effect": "Allow", "Action": "*", "Resource": "*"}]}'
    with pytest.raises(PolicyError, match="'Effect' twice"):
        parse_policy(text)


def test_the_same_text_is_parsed_once_and_data_is_not_kept() -> None:
    text = json.dumps(document())
    assert parse_policy(text) is parse_policy(text)
    data = document()
    parsed = parse_policy(data)
    data["Statement"][0]["Action"] = "nonsense"
    assert parse_policy(parsed.to_document()) == parsed
