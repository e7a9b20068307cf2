"""Why a request was decided as it was, in one sentence, from the policies that were asked.

`Decision.why` knows the statements that decided and the layers that did not allow. This adds the
statements that came near: those that allow the action, and what of them does not match. Their parts
are put to the engine one by one, each as a policy of its own, so no rule is written here again.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from harness.iam.context import Request, View
from harness.iam.decide import decide
from harness.iam.decision import Decision, Outcome, StatementRef
from harness.iam.parse import parse_policy
from harness.iam.policy import NamedPolicy, PolicyKind, PolicySet, Statement
from harness.iam.principal import Grant

_MOST = 3
"""Statements that are described for each layer, and mismatches for each statement."""
_SECRET_KEYS = frozenset({"sts:externalid"})
_LONGEST_VALUE = 80


def explain(decision: Decision, policies: PolicySet) -> str:
    """One sentence; `policies` are those that `decision` was made from.

    An explicit deny is told with the conditions that hold only because a key is absent, an implicit
    one with each layer (for SCPs: each level) that had to allow. External ids are not shown.
    """
    request = decision.request
    if decision.outcome is Outcome.EXPLICITLY_DENIED:
        by = "; ".join(_firing(request, *hit) for hit in decision.hits)
        reason = f"explicitly denied by {by}"
    elif decision.outcome is Outcome.IMPLICITLY_DENIED and decision.gaps:
        reason = "; ".join(text for kind in decision.gaps for text in _gap(kind, request, policies))
    else:
        return decision.why
    return f"{request.principal.arn} {request.action} on {request.resource}: {reason}"


def _firing(request: Request, policy: NamedPolicy, statement: Statement) -> str:
    view = View(request, request.action.lower())
    absent = [
        f"{condition.name} on {condition.key} holds since the request has no such key"
        for condition in statement.conditions
        if not view.values(condition.key.lower())
    ]
    ref = str(StatementRef(policy.kind, policy.name, statement.label))
    return f"{ref}, where {' and '.join(absent)}" if absent else ref


def _gap(kind: PolicyKind, request: Request, policies: PolicySet) -> Iterator[str]:
    """What was missing in a layer, with the statements that came near."""
    action = request.action
    if kind is PolicyKind.SCP:
        for i, level in enumerate(policies.scps):
            if PolicyKind.SCP in decide(request, PolicySet(scps=(level,))).gaps:
                text = f"no service control policy of level {i} allows the {action} action"
                yield text + _near(request, level)
    elif kind.is_resource_based:
        resource = policies.resource
        name = {PolicyKind.TRUST: "the role's trust policy", PolicyKind.KEY: "the key policy"}.get(
            kind, "the resource-based policy"
        )
        if resource is None:
            yield f"{name} would have to allow {action} for this principal, and there is none"
        else:
            text = f"{name} does not allow {action} for this principal"
            yield text + _near(request, (resource,))
    else:
        layer = {
            PolicyKind.IDENTITY: policies.identity,
            PolicyKind.BOUNDARY: (policies.boundary,) if policies.boundary else (),
            PolicyKind.SESSION: policies.session or (),
        }[kind]
        text = f"no {kind.phrase} allows the {action} action"
        yield text + (_near(request, layer) if layer else ", there being none")


def _near(request: Request, layer: tuple[NamedPolicy, ...]) -> str:
    """The first statements of a layer that allow the action, and what else keeps each from it."""
    near = _first(
        f"statement {statement.label} of {policy.name} does, but {' and '.join(reasons)}"
        for policy in layer
        for statement in policy.policy.about(request.action.lower())[1]
        if (reasons := _first(_mismatches(request, policy, statement)))
    )
    return f" ({', '.join(near)})" if near else ""


def _first(texts: Iterator[str]) -> list[str]:
    first = list(islice(texts, _MOST + 1))
    return [*first[:_MOST], "more"] if len(first) > _MOST else first


def _mismatches(request: Request, policy: NamedPolicy, statement: Statement) -> Iterator[str]:
    version = policy.policy.version
    principals = statement.principals
    if principals is not None and principals.grant(request.principal) is Grant.NONE:
        yield "not for this principal"
    for element in ("Resource", "NotResource"):
        if element in statement.source:
            part = {element: statement.source[element]}
            if not _holds(request, version, part):
                yield "not for this resource"
    for condition in statement.conditions:
        test = {condition.name: {condition.key: list(condition.values)}}
        if not _holds(request, version, {"Resource": "*", "Condition": test}):
            yield f"{condition.name} on {condition.key} fails: {_given(request, condition.key)}"


def _holds(request: Request, version: str, part: dict[str, Any]) -> bool:
    """Whether a statement with this part alone would apply to the request."""
    document = {"Version": version, "Statement": {"Effect": "Deny", "Action": "*", **part}}
    alone = NamedPolicy(PolicyKind.IDENTITY, "part", parse_policy(document))
    return decide(request, PolicySet(identity=(alone,))).outcome is Outcome.EXPLICITLY_DENIED


def _given(request: Request, key: str) -> str:
    values = View(request, request.action.lower()).values(key.lower())
    if not values:
        return "the request has no such key"
    if key.lower() in _SECRET_KEYS:
        return "the request has another value"
    text = ", ".join(map(repr, values))
    if len(text) > _LONGEST_VALUE:
        text = text[:_LONGEST_VALUE] + "…"
    return f"the request has {text}"
