"""Cases: a request, the policies that bear on it, and perhaps the outcome to expect, as JSON data.

One case is an object with `id`, `request` {principal, action, resource, resourceAccount, context},
`identityPolicies` (list), `resourcePolicy`, `permissionsBoundary`, `sessionPolicy` (a document, a
list of them, or null for none), `scps` and `rcps` (lists of levels, root first) and `expected`.
For the session of a federated user, `request.parent` is the ARN of the user who asked for it.
Absent policies may be left out. `rule`, `certainty` and `note` are for readers. Reading files and
writing answers is not done here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from harness.iam.context import Request
from harness.iam.decide import governing_kind
from harness.iam.decision import Outcome
from harness.iam.errors import PolicyError
from harness.iam.parse import parse_policy
from harness.iam.policy import NamedPolicy, PolicyKind, PolicySet
from harness.iam.principal import Principal

_CASE_KEYS = frozenset(
    {
        "id",
        "expected",
        "rule",
        "certainty",
        "note",
        "request",
        "identityPolicies",
        "resourcePolicy",
        "permissionsBoundary",
        "sessionPolicy",
        "scps",
        "rcps",
    }
)
_REQUEST_KEYS = frozenset(
    {"principal", "action", "resource", "resourceAccount", "context", "parent"}
)


@dataclass(frozen=True, slots=True)
class Case:
    """A case that was read; `expected` is None where the case does not say."""

    id: str
    request: Request
    policies: PolicySet
    expected: Outcome | None


def read_case(data: Mapping[str, Any]) -> Case:
    """Raises PolicyError, naming the key, for anything missing, unknown or malformed."""
    _only(data, _CASE_KEYS, "the case")
    if not isinstance(data.get("id"), str):
        raise PolicyError("the case has no id")
    request = _request(data.get("request"))
    expected = data.get("expected")
    if expected is not None and expected not in tuple(Outcome):
        raise PolicyError(f"expected: {expected!r} is not one of {', '.join(Outcome)}")
    kind = governing_kind(request.action, request.resource)
    identity = _list(data, "identityPolicies")
    session = data.get("sessionPolicy")
    if isinstance(session, Mapping):
        session = [session]
    policies = PolicySet(
        identity=tuple(
            _named(PolicyKind.IDENTITY, f"identityPolicies[{i}]", d) for i, d in enumerate(identity)
        ),
        resource=_optional(kind, "resourcePolicy", data),
        boundary=_optional(PolicyKind.BOUNDARY, "permissionsBoundary", data),
        session=None
        if session is None
        else tuple(
            _named(PolicyKind.SESSION, f"sessionPolicy[{i}]", document)
            for i, document in enumerate(session)
        ),
        scps=_levels(PolicyKind.SCP, "scps", data),
        rcps=_levels(PolicyKind.RCP, "rcps", data),
    )
    return Case(data["id"], request, policies, None if expected is None else Outcome(expected))


def _request(data: Any) -> Request:
    if not isinstance(data, Mapping):
        raise PolicyError("request: missing, or not an object")
    _only(data, _REQUEST_KEYS, "request")
    for key in ("principal", "action", "resource"):
        if not isinstance(data.get(key), str) or not data[key]:
            raise PolicyError(f"request.{key}: missing, or not text")
    given = data.get("context") or {}
    if not isinstance(given, Mapping):
        raise PolicyError("request.context: not an object")
    context = {key: _value(key, value) for key, value in given.items()}
    resource: str = data["resource"]
    account = data.get("resourceAccount")
    if account is None:
        pieces = resource.split(":")
        account = pieces[4] if len(pieces) > 5 else ""
        if not account and resource != "*":
            raise PolicyError("request.resourceAccount: missing, and the resource does not say it")
    if not isinstance(account, str):
        raise PolicyError("request.resourceAccount: not text")
    principal = _principal(data["principal"], {key.lower(): v for key, v in context.items()})
    parent = data.get("parent", "")
    if not isinstance(parent, str):
        raise PolicyError("request.parent: not text")
    if parent and (principal.kind, bool(principal.account)) != ("federated", True):
        raise PolicyError("request.parent: only the session of a federated user has one")
    principal = replace(principal, parent_arn=parent)
    return Request(principal, data["action"], resource, account, context)


def _principal(arn: str, context: Mapping[str, str | tuple[str, ...]]) -> Principal:
    """The principal with what its ARN leaves out: the role's path and the unique id, if given."""
    principal = Principal.from_arn(arn)
    role = context.get("aws:principalarn")
    if principal.kind == "role-session" and isinstance(role, str):
        principal = replace(principal, principal_arn=role)
    user_id = context.get("aws:userid")
    if principal.kind in ("user", "role-session") and isinstance(user_id, str):
        principal = replace(principal, user_id=user_id, entity_id=user_id.partition(":")[0])
    return principal


def _value(key: str, value: Any) -> str | tuple[str, ...]:
    if isinstance(value, list | tuple):
        return tuple(_text(key, each) for each in value)
    return _text(key, value)


def _text(key: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    raise PolicyError(f"request.context: {key} is not text, a number, a Boolean or a list of them")


def _only(data: Mapping[str, Any], keys: frozenset[str], where: str) -> None:
    unknown = sorted(str(key) for key in data if key not in keys)
    if unknown:
        raise PolicyError(f"{where} has an unknown key {unknown[0]!r}")


def _list(data: Mapping[str, Any], key: str) -> list[Any]:
    value = data.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise PolicyError(f"{key}: not a list")
    return value


def _named(kind: PolicyKind, name: str, document: Any) -> NamedPolicy:
    try:
        return NamedPolicy(kind, name, parse_policy(document))
    except PolicyError as error:
        raise PolicyError(f"{name}: {str(error).removeprefix(name + ': ')}") from error


def _optional(kind: PolicyKind, key: str, data: Mapping[str, Any]) -> NamedPolicy | None:
    document = data.get(key)
    return None if document is None else _named(kind, key, document)


def _levels(
    kind: PolicyKind, key: str, data: Mapping[str, Any]
) -> tuple[tuple[NamedPolicy, ...], ...]:
    levels = []
    for i, level in enumerate(_list(data, key)):
        if not isinstance(level, list):
            raise PolicyError(f"{key}[{i}]: not a list of policies")
        levels.append(
            tuple(_named(kind, f"{key}[{i}][{j}]", document) for j, document in enumerate(level))
        )
    return tuple(levels)
