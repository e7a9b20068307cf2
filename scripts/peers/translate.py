"""From a case in our form to a simulation in the peer's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.iam.cases import Case
from harness.iam.context import Request


class Inexpressible(Exception):
    """The peer has no words for this case; the text says which part."""


def simulation(data: Mapping[str, Any], case: Case) -> dict[str, Any]:
    """What `runSimulation` takes, with every context key that our engine sees.

    `case` is `data`, read. Raises Inexpressible.
    """
    request, principal = case.request, case.request.principal
    policies: dict[str, Any] = {
        "identityPolicies": _named("identity", data.get("identityPolicies") or []),
        "serviceControlPolicies": _levels("scp", data.get("scps") or []),
        "resourceControlPolicies": _levels("rcp", data.get("rcps") or []),
    }
    if resource := data.get("resourcePolicy"):
        policies["resourcePolicy"] = resource
    if boundary := data.get("permissionsBoundary"):
        policies["permissionBoundaryPolicies"] = _named("boundary", [boundary])
    session = _session(data.get("sessionPolicy"))
    if session is not None:
        policies["sessionPolicy"] = session
    if principal.entity_id:
        raise Inexpressible("unique ids of principals")
    if principal.parent_arn:
        raise Inexpressible("who issued a federated user")
    if "*" in request.resource != "*":
        raise Inexpressible("a resource with a star in its name")
    anonymous = principal.kind == "anonymous"
    return {
        "request": {
            "principal": {"type": "Anonymous"} if anonymous else principal.arn,
            "action": request.action,
            "resource": {
                "resource": request.resource,
                "accountId": request.resource_account or principal.account,
            },
            "contextVariables": _context(request),
        },
        **policies,
    }


def _context(request: Request) -> dict[str, str | list[str]]:
    keys: dict[str, str | list[str]] = {}
    for key, value in {**request.principal.context, **request.context}.items():
        values = [value] if isinstance(value, str) else list(value)
        keys[key.lower()] = values[0] if len(values) == 1 else values
    return keys


def _named(kind: str, documents: list[Any]) -> list[dict[str, Any]]:
    return [{"name": f"{kind}{i}", "policy": each} for i, each in enumerate(documents)]


def _levels(kind: str, levels: list[Any]) -> list[dict[str, Any]]:
    return [
        {"orgIdentifier": f"{kind}{i}", "policies": _named(f"{kind}{i}.", level)}
        for i, level in enumerate(levels)
    ]


def _session(given: Any) -> Any:
    """The peer takes one session policy: several of one version are put together."""
    if given is None or isinstance(given, Mapping):
        return given
    if not given:
        raise Inexpressible("a session whose policies allow nothing")
    versions = {each.get("Version") for each in given}
    if len(versions) > 1:
        raise Inexpressible("session policies of several versions")
    statements: list[Any] = []
    for each in given:
        listed = each["Statement"]
        statements += [listed] if isinstance(listed, Mapping) else listed
    whole = {"Statement": [{k: v for k, v in s.items() if k != "Sid"} for s in statements]}
    version = versions.pop()
    return whole if version is None else {"Version": version, **whole}
