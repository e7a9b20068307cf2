"""S3 URIs, ARNs of guardrails, pages: what fits is read back, what does not is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cloud.bedrock.guardrails import parse_guardrail_arn
from harness.cloud.bedrock.pages import page
from harness.cloud.bedrock.places import parse_place
from harness.cloud.call import ApiError


@pytest.mark.parametrize(
    ("uri", "bucket", "key"),
    [
        ("s3://bucket", "bucket", ""),
        ("s3://bucket/", "bucket", ""),
        ("s3://my.bucket-1/a/b.jsonl", "my.bucket-1", "a/b.jsonl"),
    ],
)
def test_places(uri, bucket, key):
    place = parse_place(uri)
    assert (place.bucket, place.key) == (bucket, key)


def test_names_go_under_a_prefix():
    assert parse_place("s3://bucket").under("x").key == "x"
    assert parse_place("s3://bucket/a/").under("x").under("y").key == "a/x/y"


@pytest.mark.parametrize(
    "uri", ["", "bucket/key", "http://bucket/", "s3://B/x", "s3:///x", "s3://a"]
)
def test_other_uris_are_refused(uri):
    with pytest.raises(ApiError, match="ValidationException"):
        parse_place(uri)


@given(st.text())
def test_any_text_is_a_place_or_refused(text):
    for uri in (text, f"s3://bucket/{text}"):
        try:
            place = parse_place(uri)
        except ApiError:
            continue
        assert uri.rstrip("/") == f"s3://{place.bucket}/{place.key}".rstrip("/")


@given(st.from_regex(r"[a-z0-9]{1,12}", fullmatch=True))
def test_arns_of_guardrails(identifier):
    arn = f"arn:aws:bedrock:eu-central-1:111111111111:guardrail/{identifier}"
    assert parse_guardrail_arn(arn) == (("111111111111", "eu-central-1"), identifier)
    assert parse_guardrail_arn(f"{arn}/x") is None
    assert parse_guardrail_arn(arn.replace("guardrail/", "model/")) is None


@given(st.sets(st.text(min_size=1)), st.integers(1, 5), st.booleans())
def test_pages_have_everything_once_and_in_order(keys, size, descending):
    items = [(key, key) for key in keys]
    seen, token = [], None
    while True:
        params = {"maxResults": size, "nextToken": token}
        found, token = page(params, items, descending=descending)
        seen += found
        if token is None:
            break
        assert len(found) == size
    assert seen == sorted(keys, reverse=descending)


@given(st.text())
def test_tokens_of_others_are_read_or_refused(token):
    try:
        page({"nextToken": token}, [("a", 1)])
    except ApiError as error:
        assert error.code == "ValidationException"
