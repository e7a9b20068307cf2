"""Proof that an account is whose it is said to be: what of a presigned URL is taken, and what not.

That STS really refuses another challenge, host or key is shown in the embedded cloud, beside the
commands (`test_cli_operate`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import boto3
import pytest

from bulkhead.ownership import main, signed
from harness.deploy import ownership
from harness.deploy.ownership import Challenge, challenge, forget, prove, sts_endpoint
from harness.errors import UserError

ACCOUNT, REGION = "333333333333", "eu-central-1"
STS = "https://sts.eu-central-1.amazonaws.com"
ARN = f"arn:aws:iam::{ACCOUNT}:role/owner"
ANSWER = """<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<GetCallerIdentityResult><Arn>{arn}</Arn><UserId>A</UserId><Account>{account}</Account>
</GetCallerIdentityResult></GetCallerIdentityResponse>"""


@pytest.fixture
def asked(tmp_path: Path) -> Challenge:
    return challenge(tmp_path, "production", "globex", ACCOUNT)


@pytest.fixture
def session() -> boto3.Session:
    return boto3.Session("AKIAIOSFODNN7EXAMPLE", "secret", region_name=REGION)


class Sts:
    """Answers as STS would a good signature, and keeps what it was asked."""

    def __init__(self, status: int = 200, arn: str = ARN, account: str = ACCOUNT) -> None:
        self.status, self.body = status, ANSWER.format(arn=arn, account=account).encode()
        self.asked: list[tuple[str, Mapping[str, str]]] = []

    def __call__(self, url: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
        self.asked.append((url, headers))
        return self.status, self.body


def test_a_good_proof_is_asked_of_sts_with_our_host_and_challenge_and_kept(
    tmp_path: Path, asked: Challenge, session: boto3.Session
) -> None:
    sts, url = Sts(), signed(asked.text, REGION, session)
    proved = prove(tmp_path, asked, f"{url}\n", STS, REGION, fetch=sts)
    assert proved.proved_by == ARN
    ((target, headers),) = sts.asked
    assert headers == {"Host": urlsplit(STS).netloc, "x-bulkhead-challenge": asked.text}
    assert dict(parse_qsl(urlsplit(target).query)) == dict(parse_qsl(urlsplit(url).query))
    assert challenge(tmp_path, "production", "globex", ACCOUNT) == proved
    forget(tmp_path, "globex", ACCOUNT)
    assert challenge(tmp_path, "production", "globex", ACCOUNT).nonce != asked.nonce


def test_a_challenge_is_for_one_place_and_one_day(tmp_path: Path, asked: Challenge) -> None:
    assert asked.text.startswith(f"bulkhead/production/globex/{ACCOUNT}/")
    assert challenge(tmp_path, "production", "globex", ACCOUNT) == asked
    assert challenge(tmp_path, "sandbox", "globex", ACCOUNT).nonce != asked.nonce
    later = datetime.now(UTC) + timedelta(days=1, seconds=1)
    assert challenge(tmp_path, "sandbox", "globex", ACCOUNT, later).issued == later
    files = list((tmp_path / "challenges").iterdir())
    assert all(file.stat().st_mode & 0o077 == 0 for file in files)


@pytest.mark.parametrize("customer", ["../globex", "globex\n", "Globex", "", "a" * 33])
def test_what_can_be_no_customer_names_no_file(tmp_path: Path, customer: str) -> None:
    with pytest.raises(UserError, match="can be no customer"):
        challenge(tmp_path / "run", "production", customer, ACCOUNT)
    assert list(tmp_path.iterdir()) == []


def test_a_customer_is_what_the_schema_says() -> None:
    root = Path(__file__).parents[2]
    for file in root.glob("environments/*/customers.schema.json"):
        schema = json.loads(file.read_text(encoding="utf-8"))
        names = schema["properties"]["customers"]["propertyNames"]
        assert names["pattern"] == f"^{ownership._CUSTOMER.pattern}$"
        assert names["maxLength"] == ownership._LONGEST_CUSTOMER
    ownership.check_customer("globex-2")


def with_query(url: str, **changed: str | None) -> str:
    query = dict(parse_qsl(urlsplit(url).query))
    for field, value in changed.items():
        name = field.replace("_", "-")
        if value is None:
            del query[name]
        else:
            query[name] = value
    return f"{STS}/?{urlencode(query)}"


BAD = {
    "another host": (
        lambda url: url.replace("sts.eu", "sts.evil.eu"),
        "it was signed for sts.evil",
    ),
    "a port": (
        lambda url: url.replace(".com/", ".com:8443/"),
        "signed for sts.eu-central-1.amazonaws",
    ),
    "a user": (lambda url: url.replace("https://", "https://me@"), "it was signed for me@sts"),
    "no TLS": (lambda url: url.replace("https", "http"), "it was signed for sts.eu-central-1"),
    "a path": (lambda url: url.replace(".com/", ".com/x"), "it asks for a path"),
    "a fragment": (lambda url: url + "#x", "it asks for a path"),
    "no URL": (lambda _: "hello", "signed for no host"),
    "nothing": (lambda _: "", "signed for no host"),
    "another action": (lambda url: with_query(url, Action="AssumeRole"), "Action must be Get"),
    "another version": (lambda url: with_query(url, Version="2010-01-01"), "Version must be"),
    "one more parameter": (lambda url: url + "&RoleArn=x", "RoleArn must not be in it"),
    "one twice": (lambda url: url + "&Action=GetCallerIdentity", "stands in it twice"),
    "no signature": (lambda url: with_query(url, X_Amz_Signature=None), "Signature is missing"),
    "the challenge unsigned": (
        lambda url: with_query(url, X_Amz_SignedHeaders="host"),
        "X-Amz-SignedHeaders must be host;x-bulkhead-challenge",
    ),
    "the host unsigned": (
        lambda url: with_query(url, X_Amz_SignedHeaders="x-bulkhead-challenge"),
        "X-Amz-SignedHeaders must be",
    ),
    "another Region": (
        lambda url: url.replace("%2Feu-central-1%2F", "%2Feu-west-1%2F"),
        "another Reg",
    ),
    "another service": (lambda url: url.replace("%2Fsts%2F", "%2Fs3%2F"), "another Region or serv"),
    "a host that steers a terminal": (
        lambda url: url.replace("//sts", "//\x1b7;sts"),
        r"it was signed for \?7\?sts\.eu-central-1\.amazonaws\.com;",
    ),
    "a parameter that steers a terminal": (
        lambda url: url + "&%1b%5b2JX=x",
        r"\?\?2JX must not be in it",
    ),
    "no time": (lambda url: with_query(url, X_Amz_Date="today"), "is no time"),
    "a week": (lambda url: with_query(url, X_Amz_Expires="604800"), "an hour at most"),
    "no lifetime": (lambda url: with_query(url, X_Amz_Expires="0"), "an hour at most"),
    "before the challenge": (
        lambda url: with_query(url, X_Amz_Date="20200101T000000Z"),
        "signed at another time",
    ),
    "the future": (lambda url: with_query(url, X_Amz_Date="20990101T000000Z"), "at another time"),
}


@pytest.mark.parametrize("what", BAD)
def test_any_other_url_is_refused_and_sts_not_asked(
    tmp_path: Path, asked: Challenge, session: boto3.Session, what: str
) -> None:
    change, said = BAD[what]
    sts = Sts()
    with pytest.raises(UserError, match=f"^proof of account {ACCOUNT}: .*{said}") as error:
        prove(tmp_path, asked, change(signed(asked.text, REGION, session)), STS, REGION, fetch=sts)
    assert sts.asked == []
    assert "Signature=" not in str(error.value)
    assert challenge(tmp_path, "production", "globex", ACCOUNT).proved_by == ""


def test_a_proof_is_as_fresh_as_its_signature_and_its_challenge(
    tmp_path: Path, asked: Challenge, session: boto3.Session
) -> None:
    url = signed(asked.text, REGION, session, valid=60)
    for minutes, said in ((2, "it has expired"), (24 * 60 + 1, "older than a day")):
        with pytest.raises(UserError, match=said):
            now = datetime.now(UTC) + timedelta(minutes=minutes)
            prove(tmp_path, asked, url, STS, REGION, fetch=Sts(), now=now)


@pytest.mark.parametrize(
    ("sts", "said"),
    [
        (Sts(account="444444444444", arn="arn:aws:iam::444444444444:user/x"), "in account 444444"),
        (Sts(account=ACCOUNT, arn="arn:aws:iam::444444444444:user/x"), "gave no identity"),
        (Sts(status=403), r"refuses the signature \(no code\)"),
        (Sts(status=302), "refuses the signature"),
    ],
)
def test_what_sts_says_counts(
    tmp_path: Path, asked: Challenge, session: boto3.Session, sts: Sts, said: str
) -> None:
    with pytest.raises(UserError, match=said):
        prove(tmp_path, asked, signed(asked.text, REGION, session), STS, REGION, fetch=sts)
    assert challenge(tmp_path, "production", "globex", ACCOUNT).proved_by == ""


def test_the_sts_of_a_region_is_one_host() -> None:
    assert sts_endpoint("eu-central-1") == STS
    assert sts_endpoint("us-gov-west-1", "aws-us-gov") == "https://sts.us-gov-west-1.amazonaws.com"
    for region, partition in (("evil.com/", "aws"), ("cn-north-1", "aws-cn")):
        with pytest.raises(UserError, match="there is no STS"):
            sts_endpoint(region, partition)


def test_an_owner_signs_with_one_command(
    asked: Challenge, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    assert main([asked.text, "--region", REGION]) == 0
    assert capsys.readouterr().out.startswith(f"{STS}/?Action=GetCallerIdentity")
    assert main(["something else", "--region", REGION]) == 2
    assert "copy it whole" in capsys.readouterr().err
