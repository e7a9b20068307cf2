"""Cases: a request, the policies that bear on it, and perhaps the outcome to expect, as JSON data.

One case is an object with `id`, `request` {principal, action, resource, resourceAccount, context},
`identityPolicies` (list), `resourcePolicy`, `permissionsBoundary`, `sessionPolicy` (a document, a
list of them, or null for none), `scps` and `rcps` (lists of levels, root first) and `expected`.
For the session of a federated user, `request.parent` is the ARN of the user who asked for it.
Absent policies may be left out. `rule`, `certainty` and `note` are for readers. Reading files and
writing answers is not done here. `docs/decide.schema.json` describes cases and answers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from harness.iam.context import Request
from harness.iam.decide import decide, governing_kind
from harness.iam.decision import Outcome
from harness.iam.errors import PolicyError
from harness.iam.explain import explain
from harness.iam.parse import load_json, parse_policy
from harness.iam.policy import NamedPolicy, PolicyKind, PolicySet
from harness.iam.principal import Principal
from harness.iam.validate import first_problem

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


def answer(case: Case) -> dict[str, Any]:
    """The decision on a case as JSON data.

    `decided_by` holds kind and place of each policy that decided, with the Sid of the statement or
    else its index; `missing` the kinds that had to allow and did not, if that is why it is denied.
    With an expectation, `agrees` says whether it was met.
    """
    decision = decide(case.request, case.policies)
    data: dict[str, Any] = {
        "id": case.id,
        "decision": str(decision.outcome),
        "decided_by": [
            {"kind": str(p.kind), "policy": p.name, "statement": s.sid or s.index}
            for p, s in decision.hits
        ],
        "why": explain(decision, case.policies),
    }
    if decision.outcome is Outcome.IMPLICITLY_DENIED:
        data["missing"] = [str(kind) for kind in decision.gaps]
    if case.expected is not None:
        data["expected"] = str(case.expected)
        data["agrees"] = decision.outcome is case.expected
    return data


def write_case(case_id: str, request: Request, policies: PolicySet) -> dict[str, Any]:
    """The data of a case: what `read_case` reads, and the other way round."""
    principal = request.principal
    asked: dict[str, Any] = {
        "principal": principal.arn,
        "action": request.action,
        "resource": request.resource,
        "resourceAccount": request.resource_account,
        "context": {
            key: value if isinstance(value, str) else list(value)
            for key, value in request.context.items()
        },
    }
    if principal.parent_arn:
        asked["parent"] = principal.parent_arn
    data: dict[str, Any] = {
        "id": case_id,
        "request": asked,
        "identityPolicies": _documents(policies.identity),
        "scps": [_documents(level) for level in policies.scps],
        "rcps": [_documents(level) for level in policies.rcps],
    }
    if policies.resource is not None:
        data["resourcePolicy"] = policies.resource.policy.to_document()
    if policies.boundary is not None:
        data["permissionsBoundary"] = policies.boundary.policy.to_document()
    if policies.session is not None:
        data["sessionPolicy"] = _documents(policies.session)
    return data


def _documents(policies: tuple[NamedPolicy, ...]) -> list[dict[str, Any]]:
    return [named.policy.to_document() for named in policies]


def load_case(line: str) -> Mapping[str, Any]:
    """The data of a line; raises PolicyError for what is no JSON object or says a thing twice."""
    return load_json(line, "the line")


def read_case(data: Mapping[str, Any]) -> Case:
    """Raises PolicyError, naming the key, for anything missing, unknown or malformed.

    That includes a policy that AWS would refuse to save: nothing can be decided by it.
    """
    try:
        return _case(data)
    except RecursionError as error:
        raise PolicyError("the case is nested too deeply") from error


def _case(data: Mapping[str, Any]) -> Case:
    _only(data, _CASE_KEYS, "the case")
    if not isinstance(data.get("id"), str):
        raise PolicyError("id: missing, or not text")
    request = _request(data.get("request"))
    expected = data.get("expected")
    if expected is not None and expected not in tuple(Outcome):
        raise PolicyError(f"expected: {expected!r} is not one of {', '.join(Outcome)}")
    session = data.get("sessionPolicy")
    if isinstance(session, Mapping | str):
        session = [session]
    if not isinstance(session, list | None):
        raise PolicyError("sessionPolicy: neither a policy nor a list of policies")
    policies = PolicySet(
        identity=_all(PolicyKind.IDENTITY, "identityPolicies", _list(data, "identityPolicies")),
        resource=_optional(_resource_policy_kind(request), "resourcePolicy", data),
        boundary=_optional(PolicyKind.BOUNDARY, "permissionsBoundary", data),
        session=None if session is None else _all(PolicyKind.SESSION, "sessionPolicy", session),
        scps=_levels(PolicyKind.SCP, "scps", data),
        rcps=_levels(PolicyKind.RCP, "rcps", data),
    )
    return Case(data["id"], request, policies, None if expected is None else Outcome(expected))


def _resource_policy_kind(request: Request) -> PolicyKind:
    """A role has no resource policy but its trust policy, whatever the action."""
    if request.resource.split(":", 5)[2:3] == ["iam"] and ":role/" in request.resource:
        return PolicyKind.TRUST
    return governing_kind(request.action, request.resource)


_ACCOUNT = re.compile(r"[0-9]{12}")
_ACTION = re.compile(r"[A-Za-z0-9-]+:[A-Za-z0-9_-]+")


def _request(data: Any) -> Request:
    if not isinstance(data, Mapping):
        raise PolicyError("request: missing, or not an object")
    _only(data, _REQUEST_KEYS, "request")
    for key in ("principal", "action", "resource"):
        if not isinstance(data.get(key), str) or not data[key]:
            raise PolicyError(f"request.{key}: missing, or not text")
    if not _ACTION.fullmatch(data["action"]):
        raise PolicyError(
            f"request.action: {data['action']!r} is not one action such as s3:GetObject"
        )
    resource: str = data["resource"]
    pieces = resource.split(":", 5)
    if resource != "*" and (len(pieces) < 6 or pieces[0] != "arn"):
        raise PolicyError(f'request.resource: {resource!r} is neither an ARN nor "*"')
    account = data.get("resourceAccount")
    if account is None:
        account = pieces[4] if len(pieces) == 6 else ""
        if not account and resource != "*":
            raise PolicyError("request.resourceAccount: missing, and the resource does not say it")
    if account != "" and not (isinstance(account, str) and _ACCOUNT.fullmatch(account)):
        raise PolicyError(f"request.resourceAccount: {account!r} is not an account: 12 digits")
    owner = pieces[4] if len(pieces) == 6 else ""
    if _ACCOUNT.fullmatch(owner) and account != owner:
        raise PolicyError(
            f"request.resourceAccount: {account!r} is not the account of {resource!r}"
        )
    context = _context(data.get("context"))
    keys = {key.lower(): value for key, value in context.items()}
    principal = _principal(data["principal"], keys)
    if principal.account:
        _check_own_keys(data["principal"], principal.account, keys)
    parent = data.get("parent", "")
    if not isinstance(parent, str):
        raise PolicyError("request.parent: not text")
    if parent and (principal.kind, bool(principal.account)) != ("federated", True):
        raise PolicyError("request.parent: only the session of a federated user has one")
    principal = replace(principal, parent_arn=parent)
    return Request(principal, data["action"], resource, account, context)


def _check_own_keys(arn: str, account: str, context: Mapping[str, str | tuple[str, ...]]) -> None:
    """Raise PolicyError where a key that follows from the principal tells of another one.

    The path of a session's role is not in the session's ARN, so `aws:PrincipalArn` may add it.
    """
    told = context.get("aws:principalaccount", account)
    if told != account:
        raise PolicyError(
            f"request.context: aws:PrincipalAccount {told!r} is not the account of {arn!r}"
        )
    given = context.get("aws:principalarn")
    if given is None:
        return
    own = arn.split(":", 5)
    pieces = given.split(":", 5) if isinstance(given, str) else []
    if own[2] == "sts" and own[5].startswith("assumed-role/"):
        role = own[5].split("/")[1]
        same = (
            len(pieces) == 6
            and pieces[:5] == [*own[:2], "iam", "", account]
            and pieces[5].startswith("role/")
            and pieces[5].rpartition("/")[2] == role
        )
    else:
        same = given == arn
    if not same:
        raise PolicyError(f"request.context: aws:PrincipalArn {given!r} is not that of {arn!r}")


def _principal(arn: str, context: Mapping[str, str | tuple[str, ...]]) -> Principal:
    """The principal with what its ARN leaves out: the role's path and the unique id, if given."""
    try:
        principal = Principal.from_arn(arn)
    except PolicyError as error:
        raise PolicyError(f"request.principal: {error}") from error
    if principal.account and not _ACCOUNT.fullmatch(principal.account):
        raise PolicyError(f"request.principal: {arn!r} has no account of 12 digits")
    role = context.get("aws:principalarn")
    if principal.kind == "role-session" and isinstance(role, str):
        principal = replace(principal, principal_arn=role)
    user_id = context.get("aws:userid")
    if principal.kind in ("user", "role-session") and isinstance(user_id, str):
        principal = replace(principal, user_id=user_id, entity_id=user_id.partition(":")[0])
    return principal


def _context(given: Any) -> dict[str, str | tuple[str, ...]]:
    """The context with every value as text. Letter case does not tell one key from another."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise PolicyError("request.context: not an object")
    known: set[str] = set()
    for key in given:
        vendor, _, local = key.partition(":")
        if not vendor or not local:
            raise PolicyError(f"request.context: {key!r} must have the form service:name")
        if key.lower() in known:
            raise PolicyError(f"request.context: {key!r} is there twice, but for letter case")
        known.add(key.lower())
    return {key: _value(key, value) for key, value in given.items()}


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


def _only(data: Any, keys: frozenset[str], where: str) -> None:
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
    """A policy, given as data or as the text of its JSON."""
    try:
        if isinstance(document, str):
            document = load_json(document)
        policy = parse_policy(document, key_policy=kind is PolicyKind.KEY)
        named = NamedPolicy(kind, name, policy)
        problem = first_problem(document, kind)
    except PolicyError as error:
        raise PolicyError(f"{name}: {str(error).removeprefix(name + ': ')}") from error
    if problem is not None:
        raise PolicyError(f"{name}: {problem}")
    return named


def _optional(kind: PolicyKind, key: str, data: Mapping[str, Any]) -> NamedPolicy | None:
    document = data.get(key)
    return None if document is None else _named(kind, key, document)


def _all(kind: PolicyKind, key: str, documents: list[Any]) -> tuple[NamedPolicy, ...]:
    return tuple(_named(kind, f"{key}[{i}]", document) for i, document in enumerate(documents))


def _levels(
    kind: PolicyKind, key: str, data: Mapping[str, Any]
) -> tuple[tuple[NamedPolicy, ...], ...]:
    levels = _list(data, key)
    for i, level in enumerate(levels):
        if not isinstance(level, list):
            raise PolicyError(f"{key}[{i}]: not a list of policies")
    return tuple(_all(kind, f"{key}[{i}]", level) for i, level in enumerate(levels))
