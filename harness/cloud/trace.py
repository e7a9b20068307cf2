"""Keeps what was decided for the last requests, and by which statements, to explain it on demand.

Nothing is rendered before somebody asks: keeping a decision costs one entry in a dictionary.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from threading import Lock
from typing import Any, Final

from harness.cloud.asked import Asked
from harness.iam import Decision, NamedPolicy, PolicyKind, PolicySet
from harness.iam.policy import Statement

LIMIT: Final = 10_000
"""Requests that are remembered."""
HIDDEN: Final = "[not shown]"
_SECRET_KEYS: Final = frozenset({"sts:externalid"})


class Trace:
    """The decisions of the last `LIMIT` requests, by request id. Thread-safe."""

    def __init__(
        self, limit: int = LIMIT, label: Callable[[NamedPolicy], str] = lambda policy: policy.name
    ) -> None:
        """`label` tells the name that people know a policy by."""
        self._limit = limit
        self._label = label
        self._kept: OrderedDict[str, tuple[Decision, PolicySet]] = OrderedDict()
        self._lock = Lock()
        self.asked = Asked()
        """What was allowed so far, by principal."""

    def keep(self, request_id: str, decision: Decision, policies: PolicySet) -> None:
        """Remember the last decision that a request needed, and what it was made from."""
        self.asked.keep(decision)
        with self._lock:
            self._kept[request_id] = (decision, policies)
            if len(self._kept) > self._limit:
                self._kept.popitem(last=False)

    def explain(self, request_id: str) -> dict[str, Any] | None:
        """The decision that settled a request, as JSON data; `None` when it is not known.

        `outcome` is `Allowed`, `ImplicitlyDenied` or `ExplicitlyDenied`; `statements` are those
        that decided, each once, with kind and name of their policy and, for policies of an
        organization, at which levels they are `attached`; `missing` are the kinds of policy that
        would have had to allow, and `near` the statements there that allow the action, but not to
        this principal, on this resource or under these conditions. External ids are not shown.
        """
        with self._lock:
            kept = self._kept.get(request_id)
        if kept is None:
            return None
        decision, policies = kept
        return {
            "outcome": str(decision.outcome),
            "action": decision.request.action,
            "resource": decision.request.resource,
            "statements": self._shown_all(decision.hits, policies),
            "missing": [str(kind) for kind in decision.gaps],
            "near": self._shown_all(_near(decision, policies), policies),
            "note": decision.note,
        }

    def _shown_all(
        self, found: Iterable[tuple[NamedPolicy, Statement]], policies: PolicySet
    ) -> list[dict[str, Any]]:
        shown: dict[tuple[str, str, int], dict[str, Any]] = {}
        for policy, statement in found:
            key = (str(policy.kind), policy.name, statement.index)
            shown[key] = {
                "kind": str(policy.kind),
                "policy": self._label(policy),
                "attached": _levels(policy, policies),
                "sid": statement.sid or "",
                "index": statement.index,
                "statement": _without_secrets(statement.source),
            }
        return list(shown.values())


def _near(decision: Decision, policies: PolicySet) -> Iterator[tuple[NamedPolicy, Statement]]:
    action = decision.request.action.lower()
    for policy in policies.all():
        if policy.kind in decision.gaps:
            for statement in policy.policy.about(action)[1]:
                yield policy, statement


def _levels(policy: NamedPolicy, policies: PolicySet) -> list[str]:
    """Where on the way from the organization's root to the account the policy is attached."""
    by_kind = {PolicyKind.SCP: policies.scps, PolicyKind.RCP: policies.rcps}
    levels = by_kind.get(policy.kind, ())
    names = ["the organization's root"] + ["an organizational unit"] * (len(levels) - 2)
    names.append("the account")
    return [
        name
        for name, level in zip(names, levels, strict=False)
        if any(each.name == policy.name for each in level)
    ]


def _without_secrets(source: Mapping[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = copy.deepcopy(dict(source))
    condition = shown.get("Condition")
    if isinstance(condition, dict):
        for keys in condition.values():
            for key in keys:
                if key.lower() in _SECRET_KEYS:
                    keys[key] = HIDDEN
    return shown
