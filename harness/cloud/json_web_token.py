"""Verifies a JSON Web Token against a key set: RFC 7515 (signature), 7517 (keys), 7519 (claims).

Only the algorithms that STS takes from OpenID Connect providers; no `none`, no shared secrets.
https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm

LONGEST = 20_000
_HASHES: Mapping[str, HashAlgorithm] = {"256": SHA256(), "384": SHA384(), "512": SHA512()}
_CURVES: Mapping[str, tuple[str, ec.EllipticCurve]] = {
    "ES256": ("P-256", ec.SECP256R1()),
    "ES384": ("P-384", ec.SECP384R1()),
    "ES512": ("P-521", ec.SECP521R1()),
}
_RSA = frozenset({"RS256", "RS384", "RS512"})
_SHORTEST_RSA = 2048


class TokenError(Exception):
    """The token is malformed, or no key of the set signed it."""


def unverified_issuer(token: str) -> str:
    """The `iss` that a token claims, to find the keys by. Raises `TokenError`."""
    issuer = _object(_parts(token)[1]).get("iss")
    if not isinstance(issuer, str) or not issuer:
        raise TokenError("Missing a required claim: iss")
    return issuer


def verified_claims(token: str, keys: Mapping[str, Any]) -> Mapping[str, Any]:
    """The claims of a token that one key of `keys` (a JWKS) signed. Raises `TokenError`.

    Times and audience are not looked at.
    """
    head, body, signature = _parts(token)
    header = _object(head)
    algorithm = header.get("alg")
    if "crit" in header:
        raise TokenError("The token has an extension that must be understood and is not.")
    signed = f"{head}.{body}".encode()
    for key in keys.get("keys") or ():
        if not isinstance(key, Mapping) or key.get("use", "sig") != "sig":
            continue
        if "kid" in header and key.get("kid") != header["kid"]:
            continue
        if key.get("alg", algorithm) == algorithm and _signed(
            str(algorithm), key, signed, signature
        ):
            return _object(body)
    raise TokenError("The token's signature is not that of a key of its provider.")


def _signed(algorithm: str, key: Mapping[str, Any], text: bytes, encoded: str) -> bool:
    signature = _bytes(encoded)
    try:
        if algorithm in _RSA and key.get("kty") == "RSA":
            numbers = rsa.RSAPublicNumbers(_number(key["e"]), _number(key["n"]))
            public = numbers.public_key()
            if public.key_size < _SHORTEST_RSA:
                return False
            public.verify(signature, text, padding.PKCS1v15(), _HASHES[algorithm[2:]])
            return True
        if algorithm in _CURVES and key.get("kty") == "EC":
            name, curve = _CURVES[algorithm]
            size = (curve.key_size + 7) // 8
            if key.get("crv") != name or len(signature) != 2 * size:
                return False
            point = ec.EllipticCurvePublicNumbers(_number(key["x"]), _number(key["y"]), curve)
            halves = (int.from_bytes(signature[:size]), int.from_bytes(signature[size:]))
            hashed = ec.ECDSA(_HASHES[algorithm[2:]])
            point.public_key().verify(encode_dss_signature(*halves), text, hashed)
            return True
    except (InvalidSignature, KeyError, ValueError):
        return False
    return False


def _parts(token: str) -> tuple[str, str, str]:
    parts = token.split(".")
    if len(token) > LONGEST or len(parts) != 3 or not all(parts):
        raise TokenError("The token is not a signed JSON Web Token.")
    return parts[0], parts[1], parts[2]


def _object(encoded: str) -> Mapping[str, Any]:
    try:
        found = json.loads(_bytes(encoded))
    except (ValueError, RecursionError):
        raise TokenError("The token is not a signed JSON Web Token.") from None
    if not isinstance(found, dict):
        raise TokenError("The token is not a signed JSON Web Token.")
    return found


def _bytes(encoded: str) -> bytes:
    try:
        return base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise TokenError("The token is not a signed JSON Web Token.") from None


def _number(encoded: Any) -> int:
    try:
        return int.from_bytes(_bytes(str(encoded)))
    except TokenError as error:
        raise ValueError(str(error)) from None
