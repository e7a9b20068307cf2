"""Resource policies of guardrails: who else may apply one or read it.

The gateway reads them through the estate, so a call across accounts is decided by both sides.
https://docs.aws.amazon.com/bedrock/latest/userguide/guardrails-resource-based-policies.html
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from harness.cloud.bedrock.errors import invalid, not_found
from harness.cloud.call import Call
from harness.iam import Policy, PolicyKind, parse_policy
from harness.iam.validate import validate

_SHAREABLE: Final = frozenset({"bedrock:applyguardrail", "bedrock:getguardrail"})
_LENGTH: Final = 20_480
Members = dict[str, Any]


class ResourcePolicies:
    """The policies of all guardrails, by ARN. Thread-safe."""

    def __init__(self, exists: Callable[[str], bool]) -> None:
        self._exists = exists
        self._lock = threading.Lock()
        self._policies: dict[str, str] = {}
        self.operations: Final[Mapping[str, Callable[[Call], Members]]] = {
            "PutResourcePolicy": self._put,
            "GetResourcePolicy": self._get,
            "DeleteResourcePolicy": self._delete,
        }

    def of(self, arn: str) -> str | None:
        """The policy of a guardrail that exists."""
        with self._lock:
            text = self._policies.get(arn)
        return text if text is not None and self._exists(arn) else None

    def rewrite(self, change: Callable[[str], str]) -> None:
        """Have each policy changed."""
        with self._lock:
            self._policies = {arn: change(text) for arn, text in self._policies.items()}

    def _put(self, call: Call) -> Members:
        arn, text = self._named(call), call.params["resourcePolicy"]
        if not 1 <= len(text) <= _LENGTH:
            raise invalid(f"A resource policy has at most {_LENGTH} characters.")
        for problem in validate(text, PolicyKind.RESOURCE):
            raise invalid(f"The resource policy is not valid: {problem}")
        for problem in _beyond(parse_policy(text), arn):
            raise invalid(f"The resource policy is not valid: {problem}")
        with self._lock:
            self._policies[arn] = text
        return {"resourceArn": arn}

    def _get(self, call: Call) -> Members:
        text = self.of(self._named(call))
        if text is None:
            raise not_found("The resource has no policy.")
        return {"resourcePolicy": text}

    def _delete(self, call: Call) -> Members:
        with self._lock:
            if self._policies.pop(self._named(call), None) is None:
                raise not_found("The resource has no policy.")
        return {}

    def _named(self, call: Call) -> str:
        arn = str(call.params["resourceArn"])
        own = f"arn:aws:bedrock:{call.region}:{call.account}:guardrail/"
        if not arn.startswith(own) or not self._exists(arn):
            raise not_found("The resource was not found.")
        return arn


def _beyond(policy: Policy, arn: str) -> Iterator[str]:
    """What goes beyond sharing this guardrail: AWS takes no other statements."""
    for statement in policy.statements:
        actions = {action.lower() for action in statement.actions}
        if statement.not_action or not actions <= _SHAREABLE:
            yield f"statement {statement.label} may only name ApplyGuardrail and GetGuardrail"
        if statement.not_resource or statement.resources != (arn,):
            yield f"the resource of statement {statement.label} must be the guardrail"
