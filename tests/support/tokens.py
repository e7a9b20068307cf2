"""An OpenID Connect issuer of the tests: its keys, and tokens that it signs."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

HOST = "issuer.example.com/tenant"
URL = f"https://{HOST}"
GOOGLE = "accounts.google.com"
AUDIENCE = "sts.amazonaws.com"


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _number(value: int) -> str:
    return encoded(value.to_bytes((value.bit_length() + 7) // 8))


class Issuer:
    """Signs tokens with RSA or, with `curve`, with an elliptic curve."""

    def __init__(self, *, curve: bool = False, bits: int = 2048) -> None:
        self._rsa = None if curve else rsa.generate_private_key(65537, bits)
        self._ec = ec.generate_private_key(ec.SECP256R1()) if curve else None
        self.kid = "key-1"

    @property
    def keys(self) -> dict[str, Any]:
        if self._rsa is not None:
            public = self._rsa.public_key().public_numbers()
            key = {"kty": "RSA", "n": _number(public.n), "e": _number(public.e)}
        else:
            assert self._ec is not None
            point = self._ec.public_key().public_numbers()
            x, y = (encoded(n.to_bytes(32)) for n in (point.x, point.y))
            key = {"kty": "EC", "crv": "P-256", "x": x, "y": y}
        return {"keys": [{**key, "kid": self.kid, "use": "sig"}]}

    def token(self, *, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """A token with the usual claims; None takes one away."""
        now = int(time.time())
        told = {
            **{"iss": URL, "sub": "app", "aud": AUDIENCE, "iat": now, "exp": now + 600},
            **claims,
        }
        algorithm = "RS256" if self._rsa is not None else "ES256"
        head = {"alg": algorithm, "kid": self.kid, **(header or {})}
        body = {name: value for name, value in told.items() if value is not None}
        signed = ".".join(encoded(json.dumps(part).encode()) for part in (head, body))
        return f"{signed}.{encoded(self._sign(signed.encode()))}"

    def _sign(self, text: bytes) -> bytes:
        if self._rsa is not None:
            return self._rsa.sign(text, padding.PKCS1v15(), SHA256())
        assert self._ec is not None
        halves = decode_dss_signature(self._ec.sign(text, ec.ECDSA(SHA256())))
        return b"".join(half.to_bytes(32) for half in halves)
