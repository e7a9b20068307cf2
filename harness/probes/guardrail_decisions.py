"""Whether a statement of an attached guardrail denies what it is for, as the engine decides."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from harness.iam import (
    NamedPolicy,
    Outcome,
    PolicyKind,
    PolicySet,
    Principal,
    Request,
    decide,
    parse_policy,
)
from harness.probes.guardrail_purpose import Asked, Purpose

_ANYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def _policy(kind: PolicyKind, name: str, *statements: Mapping[str, object]) -> NamedPolicy:
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    return NamedPolicy(kind, name, parse_policy(json.dumps(document)))


_IDENTITY = _policy(PolicyKind.IDENTITY, "anything", _ANYTHING)
_OPEN = _policy(PolicyKind.RESOURCE, "open", {**_ANYTHING, "Principal": "*"})
_FULL = _policy(PolicyKind.SCP, "FullAWSAccess", _ANYTHING)


def failures(
    purpose: Purpose, documents: Sequence[str], names: Mapping[str, str]
) -> tuple[list[str], list[str]]:
    """Requests that the statement should deny and does not, and those that it denies by mistake,
    one phrase each. `documents` are the policies of its kind on an account; `names` fill the
    templates. Everything else allows everything."""
    kind = PolicyKind.RCP if purpose.policy.endswith("rcp") else PolicyKind.SCP
    attached = tuple(
        NamedPolicy(kind, purpose.policy, parse_policy(document)) for document in documents
    )
    let_through = [
        f"{who} may {asked.action}"
        for asked in purpose.denies
        for who, sids in _decided(asked, kind, attached, names)
        if purpose.sid not in sids
    ]
    stopped = [
        f"{who} may not {asked.action}"
        for asked in purpose.spares
        for who, sids in _decided(asked, kind, attached, names)
        if purpose.sid in sids
    ]
    return let_through, stopped


def strange_keys(purpose: Purpose, documents: Sequence[str]) -> list[str]:
    """Conditions of the statement that it has no need of."""
    return [
        f"{operator} {key}"
        for document in documents
        for statement in json.loads(document)["Statement"]
        if statement.get("Sid") == purpose.sid
        for operator, tests in statement.get("Condition", {}).items()
        for key in tests
        if (operator, key) not in purpose.keys
    ]


def _decided(
    asked: Asked, kind: PolicyKind, attached: tuple[NamedPolicy, ...], names: Mapping[str, str]
) -> Iterator[tuple[str, set[str]]]:
    """Who asks, and the Sids of the statements that deny it."""

    def fill(text: str) -> str:
        return text.format_map(names)

    context = {
        key: fill(value) if isinstance(value, str) else tuple(map(fill, value))
        for key, value in asked.context.items()
    }
    for by in asked.by:
        request = Request(
            Principal.from_arn(fill(by)), asked.action, fill(asked.resource), names["a"], context
        )
        policies = (
            PolicySet(identity=(_IDENTITY,), resource=_OPEN, rcps=(attached,))
            if kind is PolicyKind.RCP
            else PolicySet(identity=(_IDENTITY,), scps=((_FULL, *attached),))
        )
        decision = decide(request, policies)
        denied = decision.outcome is Outcome.EXPLICITLY_DENIED
        yield fill(by), {ref.statement for ref in decision.decided_by} if denied else set()
