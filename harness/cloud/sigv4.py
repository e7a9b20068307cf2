"""Verifies AWS Signature Version 4, in the header and in presigned URLs.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
It tells who signed; it does not know what the signer may do.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from urllib.parse import quote, unquote

from botocore.utils import normalize_url_path

from harness.cloud.http_request import HttpRequest

ALGORITHM = "AWS4-HMAC-SHA256"
MAX_SKEW = timedelta(minutes=15)
MAX_PRESIGNED = 7 * 24 * 3600
_EMPTY_HASH = hashlib.sha256(b"").hexdigest()
_UNSIGNED_S3 = frozenset({"UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"})
_TIMESTAMP = re.compile(r"^[0-9]{8}T[0-9]{6}Z\Z")
# Neither normalizing nor encoding changes such a path.
_PLAIN_PATH = re.compile(r"^(?:/[A-Za-z0-9_~-][A-Za-z0-9_.~-]*)*/?\Z")
_HEX64 = re.compile(r"[0-9a-f]{64}")


class Fault(Enum):
    """What is wrong with a request's authentication; each protocol has its own code for it."""

    MISSING = "missing"
    INCOMPLETE = "incomplete"
    UNKNOWN_KEY = "unknown key"
    WRONG_SIGNATURE = "wrong signature"
    EXPIRED_SIGNATURE = "expired signature"
    EXPIRED_SESSION = "expired session"
    WRONG_TOKEN = "wrong token"
    WRONG_BODY = "wrong body hash"


class AuthenticationError(Exception):
    """The request is not what its signer signed, or nobody known signed it."""

    def __init__(self, fault: Fault, message: str) -> None:
        super().__init__(message)
        self.fault = fault
        self.message = message


@dataclass(frozen=True, slots=True)
class Signature:
    """What a request claims about its signature."""

    access_key_id: str
    date: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    signature: str
    timestamp: str
    token: str
    presigned: bool
    lifetime: int = 0


def read_signature(request: HttpRequest) -> Signature:
    """The signature of a request. Raises `AuthenticationError` where there is none or half."""
    header = request.headers.get("authorization", "")
    if header:
        if not header.startswith(ALGORITHM + " "):
            raise AuthenticationError(
                Fault.INCOMPLETE, "Authorization header requires AWS Signature Version 4."
            )
        fields: dict[str, str] = {}
        for part in header[len(ALGORITHM) :].split(","):
            name, _, value = part.strip().partition("=")
            fields[name] = value
        return _signature(
            fields.get("Credential", ""),
            fields.get("SignedHeaders", ""),
            fields.get("Signature", ""),
            request.headers.get("x-amz-date", ""),
            request.headers.get("x-amz-security-token", ""),
        )
    query = _query_parameters(request.query)
    if query.get("X-Amz-Algorithm") == ALGORITHM:
        lifetime = query.get("X-Amz-Expires", "")
        if not lifetime.isdigit() or not 1 <= int(lifetime) <= MAX_PRESIGNED:
            raise AuthenticationError(Fault.INCOMPLETE, "X-Amz-Expires is not a valid lifetime.")
        return _signature(
            query.get("X-Amz-Credential", ""),
            query.get("X-Amz-SignedHeaders", ""),
            query.get("X-Amz-Signature", ""),
            query.get("X-Amz-Date", ""),
            query.get("X-Amz-Security-Token", ""),
            presigned=True,
            lifetime=int(lifetime),
        )
    raise AuthenticationError(Fault.MISSING, "Missing Authentication Token")


def _signature(
    credential: str,
    signed_headers: str,
    signature: str,
    timestamp: str,
    token: str,
    *,
    presigned: bool = False,
    lifetime: int = 0,
) -> Signature:
    scope = credential.split("/")
    if len(scope) != 5 or scope[4] != "aws4_request" or not signed_headers or not signature:
        raise AuthenticationError(
            Fault.INCOMPLETE, "The signature needs a credential scope, signed headers and a value."
        )
    if not timestamp:
        raise AuthenticationError(Fault.INCOMPLETE, "The request carries no x-amz-date.")
    return Signature(
        access_key_id=scope[0],
        date=scope[1],
        region=scope[2],
        service=scope[3].lower(),
        signed_headers=tuple(signed_headers.lower().split(";")),
        signature=signature,
        timestamp=timestamp,
        token=token,
        presigned=presigned,
        lifetime=lifetime,
    )


def verify(request: HttpRequest, signature: Signature, secret: str, now: datetime) -> None:
    """Check time, signed headers, body hash and signature. Raises `AuthenticationError`."""
    _check_time(signature, now)
    _check_signed_headers(request, signature)
    payload = _payload_hash(request, signature)
    key = _signing_key(secret, signature.date, signature.region, signature.service)
    scope = f"{signature.date}/{signature.region}/{signature.service}/aws4_request"
    headers = _canonical_headers(request.headers, signature.signed_headers)
    query = _canonical_query(request.query, signature.presigned)
    signed = ";".join(signature.signed_headers)
    for path in _canonical_paths(request.path, signature.service):
        canonical = "\n".join((request.method, path, query, headers, signed, payload))
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        to_sign = f"{ALGORITHM}\n{signature.timestamp}\n{scope}\n{digest}"
        expected = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
        if hmac.compare_digest(expected, signature.signature):
            return
    raise AuthenticationError(
        Fault.WRONG_SIGNATURE,
        "The request signature we calculated does not match the signature you provided. "
        "Check your AWS Secret Access Key and signing method.",
    )


def _check_time(signature: Signature, now: datetime) -> None:
    signed_at = _moment(signature.timestamp)
    if signed_at is None:
        raise AuthenticationError(Fault.INCOMPLETE, "x-amz-date is not a valid date.")
    if signature.timestamp[:8] != signature.date:
        raise AuthenticationError(
            Fault.WRONG_SIGNATURE, "The date of the credential scope is not that of x-amz-date."
        )
    if signed_at - now > MAX_SKEW:
        raise AuthenticationError(
            Fault.EXPIRED_SIGNATURE, f"Signature not yet current: {signature.timestamp}."
        )
    lifetime = timedelta(seconds=signature.lifetime) if signature.presigned else MAX_SKEW
    if now - signed_at > lifetime:
        raise AuthenticationError(
            Fault.EXPIRED_SIGNATURE, f"Signature expired: {signature.timestamp} is too old."
        )


def _moment(text: str) -> datetime | None:
    """The time of an `x-amz-date`; strptime would take four times as long, once a request."""
    if not _TIMESTAMP.match(text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _check_signed_headers(request: HttpRequest, signature: Signature) -> None:
    signed = set(signature.signed_headers)
    required = {"host", *(name for name in request.headers if name.startswith("x-amz-"))}
    unsigned = sorted(required - signed)
    if unsigned:
        raise AuthenticationError(
            Fault.WRONG_SIGNATURE, f"There were headers that must be signed: {', '.join(unsigned)}."
        )


def _payload_hash(request: HttpRequest, signature: Signature) -> str:
    """The payload hash that the signature covers, after checking it against the body."""
    declared = request.headers.get("x-amz-content-sha256", "")
    if signature.service == "s3":
        if signature.presigned and not declared:
            return "UNSIGNED-PAYLOAD"
        if declared in _UNSIGNED_S3:
            return declared
    elif signature.presigned and not declared and not request.body:
        return _EMPTY_HASH
    actual = hashlib.sha256(request.body).hexdigest()
    if declared and (not _HEX64.fullmatch(declared) or not hmac.compare_digest(declared, actual)):
        raise AuthenticationError(
            Fault.WRONG_BODY, "x-amz-content-sha256 is not the hash of the body."
        )
    return actual


@functools.lru_cache(maxsize=4096)
def _signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def _canonical_paths(path: str, service: str) -> tuple[str, ...]:
    if service == "s3" or _PLAIN_PATH.match(path):
        return (path,)
    # Every other service signs the normalized path, encoded a second time. An SDK that does not
    # normalize signs the path as it stands; both name the same resource here.
    normalized = quote(normalize_url_path(path), safe="/~")
    raw = quote(path, safe="/~")
    return (normalized,) if raw == normalized else (normalized, raw)


def _canonical_query(query: str, presigned: bool) -> str:
    pairs = []
    for pair in query.split("&") if query else ():
        name, _, value = pair.partition("=")
        name, value = unquote(name), unquote(value)
        if presigned and name == "X-Amz-Signature":
            continue
        pairs.append((quote(name, safe="-_.~"), quote(value, safe="-_.~")))
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def _canonical_headers(headers: Mapping[str, str], signed: tuple[str, ...]) -> str:
    lines = [f"{name}:{' '.join(headers.get(name, '').split())}" for name in signed]
    return "\n".join(lines) + "\n"


def _query_parameters(query: str) -> dict[str, str]:
    return {
        unquote(name): unquote(value)
        for name, _, value in (pair.partition("=") for pair in query.split("&") if pair)
    }
