"""Web identities: who the bearer of an OpenID Connect token is, for AssumeRoleWithWebIdentity.

AWS fetches an issuer's keys from the issuer; here they are part of the cloud's plan. A token of an
issuer whose keys are not there is refused, as are OAuth 2.0 access tokens and SAML assertions,
which nothing here can verify.
https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

from harness.cloud.call import ApiError, Call, Caller
from harness.cloud.http_request import HttpRequest
from harness.cloud.json_web_token import TokenError, unverified_issuer, verified_claims
from harness.cloud.moto_estate import MotoEstate
from harness.iam.principal import BUILT_IN_PROVIDERS

UNSIGNED = frozenset({"AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"})
"""Operations that take an assertion in place of a signature, and heed no signature."""
GLOBAL_REGION = "us-east-1"
"""Where an unsigned request is taken to go: it names no Region."""
NOBODY = Caller("web-identity", "", "anonymous", "anonymous", "")
_ACCESS_TOKENS = frozenset({"graph.facebook.com", "www.amazon.com"})
_TAGS = "https://aws.amazon.com/tags"
_SOURCE_IDENTITY = "https://aws.amazon.com/source_identity"
# Claims that become condition keys PROVIDER:CLAIM, and those that the session keeps.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html
_CLAIMS = ("amr", "email", "sub")
_KEPT = ("amr", "aud", "sub")
_OF_PROVIDER: Mapping[str, tuple[str, ...]] = {
    "token.actions.githubusercontent.com": (
        *("actor", "actor_id", "enterprise_id", "environment", "job_workflow_ref", "ref"),
        *("repository", "repository_id", "workflow"),
    ),
}


def comes_unsigned(request: HttpRequest) -> bool:
    """Whether a request has no signature and seems to ask for one of `UNSIGNED`."""
    if request.headers.get("authorization") or "x-amz-" in request.query.lower():
        return False
    form = parse_qs(request.query) | parse_qs(request.body[:200_000].decode("ascii", "replace"))
    return form.get("Action", [""])[0] in UNSIGNED


class WebIdentities:
    """Tells from a token who calls. `issuers` are key sets (JWKS) by the issuer's URL."""

    def __init__(
        self,
        estate: MotoEstate,
        issuers: Mapping[str, Mapping[str, Any]],
        now: Callable[[], datetime],
    ) -> None:
        self._estate = estate
        self._issuers = {_without_scheme(url): keys for url, keys in issuers.items()}
        self._now = now

    def identified(self, call: Call) -> Call:
        """The call as made by the token's bearer; other calls than AssumeRoleWith… unchanged.

        What the token says of tags and source identity becomes parameters, as they are of
        AssumeRole. Raises `ApiError` (InvalidIdentityToken, ExpiredTokenException).
        """
        if call.service != "sts" or call.operation not in UNSIGNED:
            return call
        if call.operation == "AssumeRoleWithSAML":
            raise ApiError("InvalidAction", "SAML assertions cannot be verified here.")
        if call.params.get("ProviderId"):
            raise _invalid("OAuth 2.0 access tokens cannot be verified here.")
        account = str(call.params.get("RoleArn") or "::::").split(":")[4]
        token = str(call.params.get("WebIdentityToken") or "")
        try:
            host = _without_scheme(unverified_issuer(token))
            provider, audiences = self._provider(account, host)
            keys = self._issuers.get(host)
            if keys is None:
                raise TokenError(
                    "Couldn't retrieve verification key from your identity provider: the cloud's "
                    f"plan has no keys of https://{host}"
                )
            claims = verified_claims(token, keys)
        except TokenError as error:
            raise _invalid(str(error)) from None
        self._check_times(claims)
        audience = _audience(claims)
        if audiences is not None and audience not in audiences:
            raise _invalid("Incorrect token audience")
        found = _keys(host, claims, audience)
        caller = Caller(
            "web-identity",
            "",
            provider,
            provider,
            f"{provider}:{audience}:{claims['sub']}",
            claims={**found, "aws:FederatedProvider": provider},
            session_claims={
                "aws:FederatedProvider": provider,
                **{k: v for k, v in found.items() if k.rpartition(":")[2] in _KEPT},
            },
        )
        told = {"SubjectFromWebIdentityToken": str(claims["sub"]), "Audience": audience}
        params = {**call.params, **_session(claims)}
        return replace(call, caller=caller, params=params, told={**told, "Provider": provider})

    def _provider(self, account: str, host: str) -> tuple[str, tuple[str, ...] | None]:
        """What trust policies call the provider, and the audiences it takes (None: any)."""
        backend = self._estate.iam(account)
        arn = f"arn:aws:iam::{account}:oidc-provider/{host}"
        provider = None if backend is None else backend.open_id_providers.get(arn)
        if provider is not None:
            return arn, tuple(provider.client_id_list or ())
        if host in BUILT_IN_PROVIDERS - _ACCESS_TOKENS:
            return host, None
        raise TokenError(f"No OpenIDConnect provider found in your account for https://{host}")

    def _check_times(self, claims: Mapping[str, Any]) -> None:
        now = int(self._now().timestamp())
        for name in ("exp", "iat"):
            if not isinstance(claims.get(name), int | float):
                raise _invalid(f"Missing a required claim: {name}")
        if now >= claims["exp"]:
            raise ApiError(
                "ExpiredTokenException",
                f"Token expired: current date/time {now} must be before the expiration date/time "
                f"{int(claims['exp'])}",
            )
        not_before = claims.get("nbf", claims["iat"])
        if not isinstance(not_before, int | float) or max(not_before, claims["iat"]) > now + 300:
            raise _invalid("The token is not valid yet.")


def _audience(claims: Mapping[str, Any]) -> str:
    """`azp`, or else the one `aud`; with several audiences a token must have `azp`."""
    if not isinstance(claims.get("sub"), str) or not claims["sub"]:
        raise _invalid("Missing a required claim: sub")
    given = claims.get("aud")
    listed = [given] if isinstance(given, str) else given
    if not isinstance(listed, list) or not listed or not all(isinstance(a, str) for a in listed):
        raise _invalid("Missing a required claim: aud")
    party = claims.get("azp")
    if party is None and len(listed) > 1:
        raise _invalid("Missing a required claim: azp")
    return str(party or listed[0])


def _keys(host: str, claims: Mapping[str, Any], audience: str) -> dict[str, str | tuple[str, ...]]:
    """The condition keys of a token; claims of another type than text are none."""
    found: dict[str, str | tuple[str, ...]] = {f"{host}:aud": audience}
    audiences = claims["aud"]
    found[f"{host}:oaud"] = audiences if isinstance(audiences, str) else tuple(audiences)
    for name in (*_CLAIMS, *_OF_PROVIDER.get(host, ())):
        value = claims.get(name)
        if isinstance(value, str) and value:
            found[f"{host}:{name}"] = value
        elif isinstance(value, list) and value and all(isinstance(each, str) for each in value):
            found[f"{host}:{name}"] = tuple(value)
    return found


def _session(claims: Mapping[str, Any]) -> dict[str, Any]:
    """Session tags and source identity of a token, as parameters of AssumeRole.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html
    """
    made: dict[str, Any] = {}
    given = claims.get(_TAGS)
    if given is not None:
        tags = given.get("principal_tags", {}) if isinstance(given, Mapping) else None
        transitive = given.get("transitive_tag_keys", []) if isinstance(given, Mapping) else None
        if not isinstance(tags, Mapping) or not isinstance(transitive, list):
            raise _invalid(f"The claim {_TAGS} is malformed.")
        made["Tags"] = [{"Key": str(k), "Value": _tag(v)} for k, v in tags.items()]
        made["TransitiveTagKeys"] = [str(key) for key in transitive]
    identity = claims.get(_SOURCE_IDENTITY)
    if identity is not None:
        made["SourceIdentity"] = str(identity)
    return made


def _tag(value: Any) -> str:
    only = value[0] if isinstance(value, list) and len(value) == 1 else value
    if not isinstance(only, str):
        raise _invalid(f"A tag in the claim {_TAGS} has no single value.")
    return only


def _without_scheme(url: str) -> str:
    return url.removeprefix("https://")


def _invalid(message: str) -> ApiError:
    return ApiError("InvalidIdentityToken", message)
