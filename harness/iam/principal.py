"""Who asks, and how the Principal element of a policy names them.

AWS pages: reference_policies_elements_principal, reference_policies_elements_notprincipal,
reference_policies_evaluation-logic_policy-eval-denyallow.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import Literal

from harness.iam.errors import PolicyError

PrincipalKind = Literal["root", "user", "role-session", "service", "federated", "anonymous"]

BUILT_IN_PROVIDERS = frozenset(
    {
        "accounts.google.com",
        "cognito-identity.amazonaws.com",
        "graph.facebook.com",
        "www.amazon.com",
    }
)
"""Web identity providers that a trust policy names without an ARN."""

_TYPES: Mapping[PrincipalKind, str] = {
    "root": "Account",
    "user": "User",
    "role-session": "AssumedRole",
    "federated": "FederatedUser",
    "anonymous": "Anonymous",
}
_SERVICE = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")


@dataclass(frozen=True)
class Principal:
    """The principal of a request.

    `arn` is the user's or root user's ARN, the STS session ARN (which drops the role's path), the
    name of a service, or the identity provider's ARN or name for a web identity.
    `principal_arn` is `aws:PrincipalArn`: for a role session the role's ARN with its path.
    `entity_id` is the AIDA or AROA id behind the principal, `user_id` its `aws:userid`.
    `parent_arn` is, for a federated user session, the ARN of the user who asked for it.
    """

    kind: PrincipalKind
    account: str
    arn: str
    principal_arn: str
    entity_id: str = ""
    user_id: str = ""
    parent_arn: str = ""

    @classmethod
    def from_arn(cls, arn: str, role_path: str = "/") -> Principal:
        """A principal from its bare ARN, service name, provider name, or `*` (anonymous).

        A role ARN stands for some session of that role. Raises PolicyError for anything else.
        """
        if arn in ("*", "anonymous"):
            return cls("anonymous", "", "*", "*")
        if not arn.startswith("arn:"):
            if arn in BUILT_IN_PROVIDERS:
                return cls("federated", "", arn, arn)
            if _SERVICE.fullmatch(arn):
                return cls("service", "", arn, arn)
            raise PolicyError(f"principal {arn!r} is neither an ARN nor the name of a service")
        pieces = arn.split(":", 5)
        if len(pieces) == 6 and pieces[3] == "":
            _, partition, service, _, account, resource = pieces
            kind, _, name = resource.partition("/")
            if service == "iam" and resource == "root":
                return cls("root", account, arn, arn)
            if service == "iam" and kind == "user" and name:
                return cls("user", account, arn, arn)
            if service == "iam" and kind == "role" and name:
                return cls("role-session", account, arn, arn)
            if service == "iam" and kind in ("oidc-provider", "saml-provider") and name:
                return cls("federated", "", arn, arn)
            if service == "sts" and kind == "assumed-role" and name.count("/") == 1:
                role = f"arn:{partition}:iam::{account}:role{role_path}{name.split('/')[0]}"
                return cls("role-session", account, arn, role)
            if service == "sts" and kind == "federated-user" and name:
                return cls("federated", account, arn, arn)
        raise PolicyError(f"principal {arn!r} is not the ARN of a principal that can ask")

    @property
    def is_service_linked(self) -> bool:
        """A session of a service-linked role: SCPs and RCPs do not apply to it."""
        return self.kind == "role-session" and ":role/aws-service-role/" in self.principal_arn

    @cached_property
    def context(self) -> Mapping[str, tuple[str, ...]]:
        """The global keys that follow from the principal alone, in lower case.

        What is not signed with AWS credentials carries no `aws:PrincipalIsAWSService`.
        AWS pages: reference_policies_condition-keys, reference_policies_variables.
        """
        keys: dict[str, tuple[str, ...]] = {}
        if self.account or self.kind == "service":
            is_service = "true" if self.kind == "service" else "false"
            keys["aws:principalisawsservice"] = (is_service,)
        if self.kind == "anonymous":
            keys["aws:principalaccount"] = keys["aws:userid"] = ("anonymous",)
        if self.kind in _TYPES:
            keys["aws:principaltype"] = (_TYPES[self.kind],)
        if self.kind == "service":
            keys["aws:principalservicename"] = (self.arn,)
        if self.account:
            keys["aws:principalarn"] = (self.principal_arn,)
            keys["aws:principalaccount"] = (self.account,)
        if self.user_id:
            keys["aws:userid"] = (self.user_id,)
        elif self.kind == "root":
            keys["aws:userid"] = (self.account,)
        elif self.kind == "federated" and self.account:
            keys["aws:userid"] = (f"{self.account}:{self.arn.partition('/')[2]}",)
        if self.kind == "user":
            keys["aws:username"] = (self.principal_arn.rpartition("/")[2],)
        return keys

    @cached_property
    def _names(self) -> tuple[frozenset[str], frozenset[str]]:
        """The Principal texts that name this very principal, and those that name its role."""
        if self.kind == "role-session":
            role = {self.principal_arn, self.entity_id} - {""}
            return frozenset({self.arn} - role), frozenset(role)
        if self.kind == "federated" and self.account:
            return frozenset({self.arn}), frozenset({self.parent_arn} - {""})
        return frozenset({self.arn, self.entity_id} - {""}), frozenset()


class Grant(IntEnum):
    """How closely an Allow statement names the principal; a closer grant is less limited."""

    NONE = 0
    ACCOUNT = 1
    """The account: delegates to its identity policies and grants nothing by itself."""
    ROLE = 2
    """The role, or a federated user's parent: implicit denies of boundary and session limit it."""
    DIRECT = 3
    """The session, user, service or provider itself, or everyone: no implicit deny limits it."""


@dataclass(frozen=True, slots=True)
class PrincipalSet:
    """The Principal or NotPrincipal element of a statement."""

    everyone: bool = False
    accounts: frozenset[str] = frozenset()
    identities: frozenset[str] = frozenset()
    """ARNs and unique ids of users, roles and sessions."""
    services: frozenset[str] = frozenset()
    providers: frozenset[str] = frozenset()

    def grant(self, principal: Principal) -> Grant:
        """What an Allow statement with this Principal gives `principal`."""
        if self.everyone:
            return Grant.DIRECT
        if principal.kind == "service":
            return Grant.DIRECT if principal.arn in self.services else Grant.NONE
        if principal.kind == "federated" and not principal.account:
            return Grant.DIRECT if principal.arn in self.providers else Grant.NONE
        if self.identities:
            own, role = principal._names
            if not own.isdisjoint(self.identities):
                return Grant.DIRECT
            if not role.isdisjoint(self.identities):
                return Grant.ROLE
        if principal.account and principal.account in self.accounts:
            return Grant.DIRECT if principal.kind == "root" else Grant.ACCOUNT
        return Grant.NONE

    def exempts(self, principal: Principal, *, boundary: bool) -> bool:
        """Whether a Deny statement with this NotPrincipal leaves `principal` alone.

        AWS may check the account, then the role, then the session, so all of them must be listed.
        A user or role with a permissions boundary is never exempt.
        """
        if self.everyone:
            return True
        if principal.kind == "service":
            return principal.arn in self.services
        if principal.kind == "federated" and not principal.account:
            return principal.arn in self.providers
        if principal.account not in self.accounts or boundary:
            return False
        if principal.kind == "root":
            return True
        own, role = principal._names
        return not own.isdisjoint(self.identities) and (
            not role or not role.isdisjoint(self.identities)
        )


_ACCOUNT = re.compile(r"\d{12}")
_ROOT = re.compile(r"arn:[a-z-]+:iam::(\d{12}):root")
_UNIQUE_ID = re.compile(r"A(?:IDA|ROA)[A-Z0-9]{6,}")
_IDENTITY = re.compile(
    r"arn:[a-z-]+:(?:iam::\d{12}:(?:user|role)/[^*?]+"
    r"|sts::\d{12}:(?:assumed-role/[^*?/]+/[^*?/]+|federated-user/[^*?/]+))"
)
_PROVIDER = re.compile(r"arn:[a-z-]+:iam::\d{12}:(?:oidc|saml)-provider/[^*?]+")


def parse_principals(element: object) -> PrincipalSet:
    """A PrincipalSet from the JSON value of Principal or NotPrincipal.

    Raises PolicyError for a type or text that AWS does not have, and for wildcards other than a
    lone `*`: AWS refuses partial wildcards, conditions on `aws:PrincipalArn` are the way.
    """
    if element == "*":
        return PrincipalSet(everyone=True)
    if not isinstance(element, Mapping):
        raise PolicyError('Principal must be "*" or an object such as {"AWS": ...}')
    everyone = False
    accounts: set[str] = set()
    identities: set[str] = set()
    services: set[str] = set()
    providers: set[str] = set()
    for kind, given in element.items():
        listed = [given] if isinstance(given, str) else given
        if not isinstance(listed, list | tuple) or not all(isinstance(t, str) for t in listed):
            raise PolicyError(f"Principal {kind!r} must be text or a list of texts")
        for text in listed:
            if kind == "AWS":
                if text == "*":
                    everyone = True
                elif _ACCOUNT.fullmatch(text):
                    accounts.add(text)
                elif root := _ROOT.fullmatch(text):
                    accounts.add(root[1])
                elif _UNIQUE_ID.fullmatch(text) or (_IDENTITY.fullmatch(text) and "${" not in text):
                    identities.add(text)
                else:
                    raise PolicyError(f"invalid principal {text!r}: {_hint(text)}")
            elif kind == "Service" and _SERVICE.fullmatch(text):
                services.add(text)
            elif kind == "Federated" and (text in BUILT_IN_PROVIDERS or _PROVIDER.fullmatch(text)):
                providers.add(text)
            else:
                raise PolicyError(f"invalid principal {kind!r}: {text!r}")
    if not (everyone or accounts or identities or services or providers):
        raise PolicyError("Principal names nobody")
    return PrincipalSet(
        everyone,
        frozenset(accounts),
        frozenset(identities),
        frozenset(services),
        frozenset(providers),
    )


def _hint(text: str) -> str:
    if "*" in text or "?" in text:
        return 'a wildcard must be "*" alone; use a condition on aws:PrincipalArn'
    if "${" in text:
        return "policy variables have no effect in Principal"
    return "expected an account, or the ARN or unique id of a user, role or session"
