"""Proof that whoever asks for an account to be let in can act in it.

We make a challenge that names environment, customer and account. Somebody of the account presigns
`sts:GetCallerIdentity`, which needs no right, with the challenge as a signed header, and sends the
URL back. Nothing of the URL is trusted but its signature: the request is built anew for the one
host of STS in our Region, and host and challenge are signed, so a URL made for another host,
another purpose or another challenge is no signature of this request. STS says whose it is.
https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html
"""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit
from xml.etree import ElementTree

from harness.deploy.workspace import write_private
from harness.errors import UserError

HEADER = "x-bulkhead-challenge"
FOLDER = "challenges"
VALID = timedelta(days=1)
"""How long a challenge, and what was proved by it, is good for."""
LONGEST = timedelta(hours=1)
"""How long a URL may say that it is valid."""
_SKEW = timedelta(minutes=5)
_ANSWER = 1 << 16
_STAMP = "%Y%m%dT%H%M%SZ"
_CUSTOMER = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LONGEST_CUSTOMER = 32
_FIXED = {
    "Action": "GetCallerIdentity",
    "Version": "2011-06-15",
    "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
    "X-Amz-SignedHeaders": f"host;{HEADER}",
}
_SIGNED = {"X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-Signature"}
_TOKEN = "X-Amz-Security-Token"
_NAMESPACE = "{https://sts.amazonaws.com/doc/2011-06-15/}"

Fetch = Callable[[str, Mapping[str, str]], tuple[int, bytes]]
"""Asks a URL with these headers, following nothing; returns status and body."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """What an account is asked to sign. It is no secret, and good for nothing else."""

    environment: str
    customer: str
    account: str
    nonce: str
    issued: datetime
    proved_by: str = ""
    """The ARN that signed it; empty while nobody has."""

    @property
    def text(self) -> str:
        """What is signed, so that whoever signs sees what for."""
        return f"bulkhead/{self.environment}/{self.customer}/{self.account}/{self.nonce}"

    def fresh(self, now: datetime) -> bool:
        return now - self.issued < VALID


def challenge(
    run_dir: Path, environment: str, customer: str, account: str, now: datetime | None = None
) -> Challenge:
    """The challenge of an account: the one that is open, proved or not, or a new one."""
    now = now or datetime.now(UTC)
    known = _load(run_dir, customer, account)
    if known is not None and known.environment == environment and known.fresh(now):
        return known
    made = Challenge(environment, customer, account, secrets.token_urlsafe(32), now)
    _save(run_dir, made)
    return made


def prove(
    run_dir: Path,
    asked: Challenge,
    url: str,
    endpoint: str,
    region: str,
    *,
    fetch: Fetch | None = None,
    now: datetime | None = None,
) -> Challenge:
    """The challenge, proved by a presigned URL; kept, so that it need not be proved again today.

    `endpoint` is the STS of `region`, such as `https://sts.eu-central-1.amazonaws.com`. Raises
    `UserError` that says what of the URL is wrong, or that it was signed by another account.
    """
    now = now or datetime.now(UTC)
    query = _checked(url, asked, endpoint, region, now)
    host = urlsplit(endpoint).netloc
    target = f"{endpoint}/?{urlencode(query, quote_via=quote, safe='-_.~')}"
    status, body = (fetch or _fetch)(target, {"Host": host, HEADER: asked.text})
    if status != 200:
        raise UserError(
            f"proof of account {asked.account}: STS refuses the signature ({_code(body)}); sign "
            f"the challenge {asked.text} again, for {host}"
        )
    account, arn = _identity(body)
    if account != asked.account:
        raise UserError(
            f"proof of account {asked.account}: it was signed in account {account}; sign it with "
            f"credentials of {asked.account}"
        )
    proved = Challenge(
        asked.environment, asked.customer, asked.account, asked.nonce, asked.issued, arn
    )
    _save(run_dir, proved)
    return proved


def forget(run_dir: Path, customer: str, account: str) -> None:
    """Ends a challenge, proved or not: what was signed for it is good for nothing more."""
    _file(run_dir, customer, account).unlink(missing_ok=True)


def check_customer(customer: str) -> None:
    """Raises `UserError` where that can be no customer's key, which names a file here."""
    if len(customer) > _LONGEST_CUSTOMER or not _CUSTOMER.fullmatch(customer):
        raise UserError(
            f"{customer!r} can be no customer: a key starts with a letter and has only lower-case "
            "letters, digits and single hyphens between them, at most 32"
        )


def sts_endpoint(region: str, partition: str = "aws") -> str:
    """The STS of a Region of AWS, in the partitions that have Amazon Bedrock."""
    if partition not in ("aws", "aws-us-gov") or not re.fullmatch(r"[a-z0-9-]+", region):
        raise UserError(f"there is no STS known of {region} in partition {partition}")
    return f"https://sts.{region}.amazonaws.com"


def _checked(
    url: str, asked: Challenge, endpoint: str, region: str, now: datetime
) -> dict[str, str]:
    """The query of a URL that is what it must be."""

    def wrong(what: str) -> UserError:
        return UserError(f"proof of account {asked.account}: {what}")

    if not asked.fresh(now):
        raise wrong("the challenge is older than a day; ask for a new one")
    try:
        parts, wanted = urlsplit(url.strip()), urlsplit(endpoint)
        pairs = parse_qsl(
            parts.query, keep_blank_values=True, strict_parsing=True, max_num_fields=16
        )
    except ValueError:
        raise wrong("this is no presigned URL") from None
    if (parts.scheme, parts.netloc) != (wanted.scheme, wanted.netloc):
        raise wrong(
            f"it was signed for {_shown(parts.netloc) or 'no host'}; sign it for {wanted.netloc}, "
            f"the STS of {region}"
        )
    if parts.path not in ("", "/") or parts.fragment:
        raise wrong("it asks for a path of STS, which has none")
    query = dict(pairs)
    if len(query) != len(pairs):
        raise wrong("a parameter stands in it twice")
    if missing := sorted((_FIXED.keys() | _SIGNED) - query.keys()):
        raise wrong(f"{', '.join(missing)} is missing; sign GetCallerIdentity as documented")
    if more := sorted(query.keys() - _FIXED.keys() - _SIGNED - {_TOKEN}):
        raise wrong(f"{', '.join(map(_shown, more))} must not be in it")
    for name, value in _FIXED.items():
        if query[name] != value:
            raise wrong(f"{name} must be {value}")
    scope = query["X-Amz-Credential"].split("/")
    if scope[2:] != [region, "sts", "aws4_request"]:
        raise wrong(f"it was signed for another Region or service than sts in {region}")
    try:
        signed = datetime.strptime(query["X-Amz-Date"], _STAMP).replace(tzinfo=UTC)
        lifetime = timedelta(seconds=int(query["X-Amz-Expires"]))
    except (ValueError, OverflowError):
        raise wrong("X-Amz-Date or X-Amz-Expires is no time") from None
    if not timedelta(0) < lifetime <= LONGEST:
        raise wrong("it must be valid for an hour at most")
    if signed < asked.issued - _SKEW or signed > now + _SKEW:
        raise wrong("it was signed at another time than that of the challenge")
    if now > signed + lifetime:
        raise wrong("it has expired; sign again")
    return query


def _shown(text: str) -> str:
    """What somebody sent, as it may be printed: nothing in it can steer a terminal."""
    return re.sub(r"[^A-Za-z0-9.:@_-]", "?", text[:100])


def _identity(body: bytes) -> tuple[str, str]:
    """Account and ARN, as STS answers."""
    try:
        result = ElementTree.fromstring(body).find(f"{_NAMESPACE}GetCallerIdentityResult")
        assert result is not None
        account = result.findtext(f"{_NAMESPACE}Account") or ""
        arn = result.findtext(f"{_NAMESPACE}Arn") or ""
    except (ElementTree.ParseError, AssertionError):
        raise UserError("STS gave no identity; try again") from None
    if not re.fullmatch(r"[0-9]{12}", account) or arn.split(":")[4:5] != [account]:
        raise UserError("STS gave no identity; try again")
    return account, arn


def _code(body: bytes) -> str:
    found = re.search(rb"<Code>([A-Za-z0-9.]{1,64})</Code>", body)
    return found[1].decode() if found else "no code"


def fetch_as_configured(url: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
    """Asks as every other call to real accounts does: `HTTPS_PROXY` and `AWS_CA_BUNDLE` are
    honoured, so a proof is worth what these are."""
    from botocore.utils import get_environ_proxies

    verify = os.environ.get("AWS_CA_BUNDLE") or True
    return _fetch(url, headers, verify=verify, proxies=get_environ_proxies(url))


def _fetch(
    url: str,
    headers: Mapping[str, str],
    *,
    verify: bool | str = True,
    proxies: Mapping[str, str] | None = None,
) -> tuple[int, bytes]:
    from botocore.awsrequest import AWSRequest
    from botocore.exceptions import BotoCoreError
    from botocore.httpsession import URLLib3Session

    # Follows no redirect.
    trusted: Any = verify  # the stubs know of no bundle
    session = URLLib3Session(verify=trusted, proxies=dict(proxies or {}), timeout=10)
    try:
        answer = session.send(AWSRequest("GET", url, dict(headers)).prepare())
    except BotoCoreError as error:
        # The text of the error would name the URL.
        raise UserError(f"STS cannot be asked: {type(error).__name__}") from None
    return answer.status_code, answer.content[:_ANSWER]


def _file(run_dir: Path, customer: str, account: str) -> Path:
    check_customer(customer)
    return run_dir / FOLDER / f"{customer}-{account}.json"


def _load(run_dir: Path, customer: str, account: str) -> Challenge | None:
    try:
        said = json.loads(_file(run_dir, customer, account).read_text(encoding="utf-8"))
        issued = datetime.fromisoformat(said.pop("issued"))
        return Challenge(**said, issued=issued)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        # A challenge that nobody can read is none; a new one is asked.
        return None


def _save(run_dir: Path, made: Challenge) -> None:
    document = {
        "environment": made.environment,
        "customer": made.customer,
        "account": made.account,
        "nonce": made.nonce,
        "issued": made.issued.isoformat(),
        "proved_by": made.proved_by,
    }
    text = json.dumps(document, indent=2)
    write_private(_file(run_dir, made.customer, made.account), text + "\n")
